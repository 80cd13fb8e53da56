//! Why no websocket to the hub could be opened.

use std::io;
use std::time::Duration;

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
        /// Host and port.
        to: String,
        /// What the last address answered.
        source: io::Error,
    },
    /// TLS failed.
    #[error("no secure connection to {host}: {source}")]
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
        /// Where it would rather have us.
        location: Option<String>,
        /// How long it wants us to wait.
        retry_after: Option<Duration>,
    },
    /// The peer does not speak HTTP, or not the websocket part of it.
    #[error("the answer to the websocket upgrade is not valid: {0}")]
    Upgrade(String),
    /// The connection broke during the upgrade.
    #[error("the connection broke during the websocket upgrade: {0}")]
    Broken(#[source] io::Error),
    /// It took too long.
    #[error("not connected within {} ms, while {stage}", .after.as_millis())]
    Timeout {
        /// The limit.
        after: Duration,
        /// What it was busy with.
        stage: &'static str,
    },
}

/// What a status means for the person at the console.
fn hint(status: u16, location: Option<&str>) -> String {
    match (status, location) {
        (301..=308, Some(location)) => {
            format!(", which points to {location}: set url to that if it is right")
        }
        (401 | 403, _) => ": the hub, or a proxy before it, wants other credentials".to_owned(),
        (404, _) => ": there is no hub at this url, or it does not take websockets".to_owned(),
        (429, _) => ": too many requests".to_owned(),
        (500.., _) => ": the hub is not available".to_owned(),
        _ => String::new(),
    }
}
