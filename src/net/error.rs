//! Why no websocket to the hub could be opened.

use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use super::race::Setback;

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
    /// TLS failed.
    #[error("no secure connection to {host}: {}", io_words(.source))]
    Tls {
        /// The name that the certificate has to be for.
        host: String,
        /// What rustls said.
        source: io::Error,
    },
    /// The peer answered the upgrade with something else.
    #[error("the hub answered the websocket upgrade with HTTP {status}{}", hint(*.status, .location.as_deref()))]
    Status {
        /// Its status.
        status: u16,
        /// Where a redirect points to.
        location: Option<String>,
        /// How long the hub wants us to wait.
        retry_after: Option<Duration>,
    },
    /// The peer does not speak HTTP, or not the websocket part of it.
    #[error("the answer to the websocket upgrade is not valid: {0}")]
    Upgrade(String),
    /// The connection broke during the upgrade.
    #[error("the connection broke during the websocket upgrade: {}", io_words(.0))]
    Broken(#[source] io::Error),
    /// It took too long.
    #[error("not connected to {to} within {} ms, while {stage}", .after.as_millis())]
    Timeout {
        /// Host and port.
        to: String,
        /// The limit.
        after: Duration,
        /// How far the attempt got.
        stage: Stage,
    },
}

impl Error {
    /// The word that stands for it in events; documented in the header.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Status { status, .. } => match status {
                301 | 302 | 303 | 307 | 308 => "http-redirect",
                401 => "http-401",
                403 => "http-403",
                404 => "http-404",
                429 => "http-429",
                500..=599 => "http-5xx",
                _ => "http",
            },
            Self::Upgrade(_) => "http",
            Self::Broken(error) if tls_error(error).is_some() => "tls",
            Self::Broken(_) => "lost",
            Self::Timeout { .. } => "timeout",
        }
    }
}

impl Setback for Error {
    fn is_final(&self) -> bool {
        matches!(self, Self::Status { .. })
    }

    fn progress(&self) -> u8 {
        match self {
            Self::Resolve { .. } => 0,
            Self::Connect { source, .. } if is_unreachable(source) => 1,
            Self::Connect { .. } => 2,
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
    Securing,
    Upgrading,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolving => "resolving its name",
            Self::Connecting => "connecting by TCP",
            Self::Securing => "negotiating TLS",
            Self::Upgrading => "upgrading to a websocket",
        })
    }
}

/// What a status means for the person at the console.
fn hint(status: u16, location: Option<&str>) -> String {
    match (status, location) {
        (301..=308, Some(location)) => {
            format!(", which points to {location}: set url to that if it is right")
        }
        (401 | 403, _) => ": the hub, or a proxy in front of it, wants other credentials".to_owned(),
        (404, _) => ": there is no hub at this url, or it does not take websockets".to_owned(),
        (429, _) => ": too many requests".to_owned(),
        (500.., _) => ": the hub is not available".to_owned(),
        _ => String::new(),
    }
}

/// What TLS said, if the error is from there.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The words for an error of a stream that may be TLS.
fn io_words(error: &io::Error) -> String {
    match tls_error(error) {
        Some(error) => tls_words(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the other side ended the connection".to_owned()
        }
        None => error.to_string(),
    }
}

fn tls_words(error: &rustls::Error) -> String {
    use AlertDescription as Alert;
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, NoApplicationProtocol};
    let text = match error {
        InvalidCertificate(problem) => return format!("its certificate {}", certificate_words(problem)),
        InvalidMessage(_) => {
            "what answers there does not speak TLS: is the port right, or should url start with http or ws?"
        }
        AlertReceived(Alert::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "it speaks no version of TLS that is still safe: 1.2 or 1.3 is needed",
        AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            "it refused the handshake: it has no cipher in common with us, or no certificate for this name"
        }
        AlertReceived(Alert::UnrecognisedName) => "it has no certificate for this name",
        AlertReceived(Alert::NoApplicationProtocol) | NoApplicationProtocol => {
            "it does not speak HTTP/1.1 there, which websockets need"
        }
        AlertReceived(Alert::CertificateRequired | Alert::BadCertificate) => {
            "it asks for a client certificate, which is not supported"
        }
        AlertReceived(alert) => return format!("it refused with the TLS alert {alert:?}"),
        other => return other.to_string(),
    };
    text.to_owned()
}

/// What is wrong with a certificate, as the rest of a sentence about it.
fn certificate_words(problem: &CertificateError) -> String {
    const NOT_TRUSTED: &str = "is not trusted: no known authority has signed it. If this is the right hub, name its \
         certificate, or its authority's, in caFile";
    const ALGORITHM: &str = "is signed with an algorithm that is no longer safe: it needs a new one";
    use CertificateError as Problem;
    match problem {
        Problem::UnknownIssuer => NOT_TRUSTED.to_owned(),
        Problem::Other(other) => match other.0.downcast_ref() {
            // an authority's certificate that serves as the hub's own
            Some(webpki::Error::CaUsedAsEndEntity) => NOT_TRUSTED.to_owned(),
            Some(webpki::Error::UnsupportedCertVersion) => {
                "is of an old form, X.509 version 1: it needs a new one".to_owned()
            }
            Some(webpki::Error::UnsupportedSignatureAlgorithmContext(_)) => ALGORITHM.to_owned(),
            Some(other) => format!("is not valid ({other})"),
            None => format!("is not valid ({other})"),
        },
        Problem::Expired => "has expired".to_owned(),
        Problem::ExpiredContext { not_after, .. } => {
            format!(
                "has expired on {}: it needs a new one, or this machine's clock is wrong",
                date(*not_after)
            )
        }
        Problem::NotValidYet => "is not valid yet: is this machine's clock right?".to_owned(),
        Problem::NotValidYetContext { not_before, .. } => {
            format!("is not valid before {}: is this machine's clock right?", date(*not_before))
        }
        Problem::NotValidForName => "is not for this name".to_owned(),
        Problem::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "names no host: it needs a new one with this name in subjectAltName".to_owned()
        }
        Problem::NotValidForNameContext { presented, .. } => {
            format!("is not for this name, but for {}", names(presented))
        }
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "is not meant for a server".to_owned()
        }
        Problem::UnsupportedSignatureAlgorithmContext { .. } => ALGORITHM.to_owned(),
        Problem::BadEncoding => "cannot be read".to_owned(),
        Problem::BadSignature => "has a wrong signature, or too short a key (RSA needs 2048 bits)".to_owned(),
        Problem::Revoked => "is revoked".to_owned(),
        other => format!("is not valid ({other})"),
    }
}

/// The first of the names that a certificate is for, as webpki shows them: `DnsName("h")`, `IpAddress(::1)`.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 4;
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').chars().take(100).collect::<String>()
    };
    let mut names: Vec<_> = presented.iter().take(SHOWN).map(bare).collect();
    if presented.len() > SHOWN {
        names.push(format!("{} more", presented.len() - SHOWN));
    }
    names.join(", ")
}

fn date(time: UnixTime) -> String {
    // the last second of the year 9999: an HTTP date has four digits for the year
    let seconds = time.as_secs().min(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map(httpdate::fmt_http_date).unwrap_or_default()
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
            assert_eq!(Error::Status { status, location: None, retry_after: None }.code(), code, "{status}");
        }
    }

    #[test]
    fn the_names_of_a_certificate_are_shown_without_their_end() {
        let presented = |count: usize| {
            (0..count).map(|number| format!("DnsName(\"h{number}.example\")")).collect::<Vec<_>>()
        };
        assert_eq!(names(&presented(2)), "h0.example, h1.example");
        assert_eq!(names(&presented(6)), "h0.example, h1.example, h2.example, h3.example, 2 more");
        assert_eq!(names(&["IpAddress(127.0.0.1)".to_owned()]), "127.0.0.1");
        assert_eq!(names(&["x".repeat(1000)]).len(), 100);
    }

    #[test]
    fn any_time_has_a_date() {
        assert_eq!(date(UnixTime::since_unix_epoch(Duration::ZERO)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let far = date(UnixTime::since_unix_epoch(Duration::MAX));
        assert_eq!(far, "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
