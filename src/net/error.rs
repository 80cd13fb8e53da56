//! Why no websocket to the hub could be opened.

mod tls;

use std::fmt;
use std::io;
use std::time::Duration;

use super::race::Setback;
use crate::config::Secret;
use tls::{io_words, tls_error};

/// Why a dial failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The host name has no address.
    #[error("the host name {host} could not be resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address took the connection.
    #[error("no connection to {to}: {source}")]
    Connect {
        /// Host, port and address.
        to: String,
        /// What the address answered.
        source: io::Error,
    },
    /// The proxy does not lead to the hub.
    #[error("the proxy {proxy} {problem}")]
    Proxy {
        /// The proxy without its credentials.
        proxy: String,
        /// What is wrong.
        problem: ProxyProblem,
    },
    /// TLS failed.
    #[error("no secure connection to {host}: {}", io_words(.source))]
    Tls {
        /// The name that the certificate has to be for.
        host: String,
        /// What rustls said.
        source: io::Error,
    },
    /// The hub answered the negotiation, but with no way to a websocket.
    #[error("{0}")]
    Negotiation(NegotiationProblem),
    /// The peer answered with another status than the one that goes on.
    #[error("the hub answered the {what} with HTTP {status}{}", hint(*.status, .location.as_deref(), .what))]
    Status {
        /// What it answers, and where if that is not the option `url`.
        what: Asked,
        /// Its status.
        status: u16,
        /// Where a redirect points to.
        location: Option<String>,
        /// How long the hub wants us to wait.
        retry_after: Option<Duration>,
    },
    /// The peer does not speak HTTP, or not the part of it that is needed.
    #[error("the answer to the {what} is not valid: {problem}")]
    Answer {
        /// What it answers.
        what: Asked,
        /// What is wrong.
        problem: String,
    },
    /// The connection broke while an answer was due.
    #[error("the connection broke during the {what}: {}", io_words(.source))]
    Broken {
        /// What was to be answered.
        what: Asked,
        /// Why it broke.
        source: io::Error,
    },
    /// It took too long.
    #[error("not connected to {to}{} within {} ms, while {stage}", through(.proxy.as_deref()), .after.as_millis())]
    Timeout {
        /// Host and port.
        to: String,
        /// The proxy, if there is one.
        proxy: Option<String>,
        /// The limit.
        after: Duration,
        /// How far the attempt got.
        stage: Stage,
    },
}

/// Why a proxy does not lead to the hub; each continues "the proxy NAME".
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyProblem {
    #[error("has a host name that could not be resolved: {0}")]
    Resolve(#[source] io::Error),
    #[error("takes no connection at {at}: {source}")]
    Connect {
        /// Its address.
        at: String,
        /// What the address answered.
        source: io::Error,
    },
    #[error("wants to know who asks: put its user and password into the option proxy")]
    Wanted,
    #[error("refused the user and password in the option proxy")]
    Unknown,
    #[error("gave no way to {to}: {why}")]
    Refused {
        /// The hub's host and port.
        to: String,
        /// Its answer.
        why: String,
    },
    #[error("gave an answer that is not valid: {0}")]
    Invalid(String),
    #[error("broke the connection when it was asked for a way: {0}")]
    Broken(#[source] io::Error),
}

/// Why a negotiation leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NegotiationProblem {
    #[error("the hub refused the negotiation: {0}")]
    Refused(String),
    #[error("the answer to the negotiation is not valid: {0}")]
    Invalid(String),
    #[error("the hub is of classic ASP.NET SignalR, which speaks another protocol: is the url right?")]
    Classic,
    #[error("the hub offers no websockets that carry text, only {0}")]
    Transport(String),
    #[error("the negotiation was sent on more than {0} times in a row: the hub's redirects may form a loop")]
    TooFar(usize),
    #[error("the negotiation was sent on from a secure url to {0}, which is not secure: it was not followed")]
    Insecure(String),
    #[error("the negotiation was sent on to a url that {0}")]
    BadUrl(String),
}

/// What the hub was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) kind: AskedKind,
    /// Another host than the one in the option `url`, which sent us there.
    pub(crate) elsewhere: Option<String>,
    /// What the hub gave us to show there, which it may echo.
    pub(crate) secrets: Vec<Secret>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedKind {
    Negotiation,
    Upgrade {
        /// Whether it follows a negotiation.
        negotiated: bool,
    },
}

impl Asked {
    /// Text from there without what is secret.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "(token)"))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            AskedKind::Negotiation => "negotiation",
            AskedKind::Upgrade { .. } => "websocket upgrade",
        })?;
        self.elsewhere.as_ref().map_or(Ok(()), |host| write!(formatter, " at {host}"))
    }
}

impl Error {
    /// The word that stands for it in events; documented in the header.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Resolve(_) => "proxy-dns",
                ProxyProblem::Connect { .. } => "proxy-connect",
                ProxyProblem::Wanted | ProxyProblem::Unknown => "proxy-auth",
                ProxyProblem::Refused { .. } => "proxy-refused",
                ProxyProblem::Invalid(_) | ProxyProblem::Broken(_) => "proxy",
            },
            Self::Tls { .. } => "tls",
            Self::Negotiation(problem) => match problem {
                NegotiationProblem::Refused(_) => "negotiate-refused",
                NegotiationProblem::Invalid(_) => "negotiate",
                NegotiationProblem::Classic => "negotiate-classic",
                NegotiationProblem::Transport(_) => "negotiate-transport",
                NegotiationProblem::TooFar(_)
                | NegotiationProblem::Insecure(_)
                | NegotiationProblem::BadUrl(_) => "negotiate-redirect",
            },
            Self::Status { status, .. } => match status {
                301 | 302 | 303 | 307 | 308 => "http-redirect",
                401 => "http-401",
                403 => "http-403",
                404 => "http-404",
                429 => "http-429",
                500..=599 => "http-5xx",
                _ => "http",
            },
            Self::Answer { .. } => "http",
            Self::Broken { source, .. } if tls_error(source).is_some() => "tls",
            Self::Broken { .. } => "lost",
            Self::Timeout { .. } => "timeout",
        }
    }

    /// Whether the proxy does not take its credentials.
    pub(crate) fn is_of_proxy_credentials(&self) -> bool {
        matches!(self, Self::Proxy { problem: ProxyProblem::Wanted | ProxyProblem::Unknown, .. })
    }
}

impl Setback for Error {
    fn is_final(&self) -> bool {
        match self {
            Self::Status { .. } | Self::Negotiation(_) => true,
            Self::Proxy { problem, .. } => {
                matches!(problem, ProxyProblem::Wanted | ProxyProblem::Unknown | ProxyProblem::Refused { .. })
            }
            _ => false,
        }
    }

    fn progress(&self) -> u8 {
        match self {
            Self::Resolve { .. } | Self::Proxy { problem: ProxyProblem::Resolve(_), .. } => 0,
            Self::Connect { source, .. }
            | Self::Proxy { problem: ProxyProblem::Connect { source, .. }, .. } => {
                if is_unreachable(source) {
                    1
                } else {
                    2
                }
            }
            _ => 3,
        }
    }
}

/// Whether this machine has no way to the address: for IPv6 the usual case.
fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkUnreachable, Unsupported};
    [AddrNotAvailable, HostUnreachable, NetworkUnreachable, Unsupported].contains(&error.kind())
}

/// What a dial is busy with, in the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Resolving,
    Connecting,
    Tunneling,
    Securing,
    Negotiating,
    Upgrading,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolving => "resolving its name",
            Self::Connecting => "connecting by TCP",
            Self::Tunneling => "asking the proxy for a way",
            Self::Securing => "negotiating TLS",
            Self::Negotiating => "negotiating the connection",
            Self::Upgrading => "upgrading to a websocket",
        })
    }
}

/// The way, as a part of a sentence.
fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

/// What a status means for the person at the console.
fn hint(status: u16, location: Option<&str>, what: &Asked) -> String {
    match (status, location, what.kind) {
        (301..=308, Some(location), _) => {
            format!(", which points to {location}: set url to that if it is right")
        }
        (401 | 403, _, _) if what.elsewhere.is_some() => {
            ": it does not take the token that the hub gave for it".to_owned()
        }
        (401 | 403, _, _) => ": the hub, or a proxy in front of it, wants other credentials".to_owned(),
        (404 | 405, _, AskedKind::Negotiation) => {
            ": there is no hub at this url, or it does not negotiate: set negotiate to false then".to_owned()
        }
        (404, _, AskedKind::Upgrade { negotiated: true }) => {
            ": it does not know the id that was negotiated: if the hub has several machines, each client has to stay at one, or set negotiate to false".to_owned()
        }
        (404, _, _) => ": there is no hub at this url, or it does not take websockets".to_owned(),
        (429, _, _) => ": too many requests".to_owned(),
        (500.., _, _) => ": the hub is not available".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_that_an_owner_acts_on_has_its_code() {
        for (status, code) in [
            (200, "http"),
            (301, "http-redirect"),
            (304, "http"),
            (308, "http-redirect"),
            (400, "http"),
            (401, "http-401"),
            (403, "http-403"),
            (404, "http-404"),
            (429, "http-429"),
            (500, "http-5xx"),
            (599, "http-5xx"),
            (600, "http"),
        ] {
            let kind = AskedKind::Upgrade { negotiated: false };
            let what = Asked { kind, elsewhere: None, secrets: Vec::new() };
            let error = Error::Status { what, status, location: None, retry_after: None };
            assert_eq!(error.code(), code, "{status}");
        }
    }
}
