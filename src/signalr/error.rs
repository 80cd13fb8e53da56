//! Why a connection to the hub ended.

use std::time::Duration;

/// Why the hub protocol cannot continue on this connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The hub refused the handshake.
    #[error("the hub refused the handshake: {0}")]
    Refused(String),
    /// The hub did not answer the handshake in time.
    #[error("the hub did not answer the handshake within {} ms: is this the URL of a SignalR hub?", .0.as_millis())]
    HandshakeTimeout(Duration),
    /// The hub violated the protocol.
    #[error("the hub broke the protocol: {0}")]
    Protocol(String),
    /// The hub sent a record that is too large.
    #[error("the hub sent a record of more than {0} bytes: raise maxMessageBytes if that is right")]
    TooLarge(usize),
    /// The hub was silent for too long.
    #[error("nothing came from the hub for {} ms: the link is dead", .0.as_millis())]
    Silent(Duration),
    /// The hub said goodbye.
    #[error("the hub closed the session{}", .error.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Closed {
        /// Its reason, if it gave one.
        error: Option<String>,
        /// Whether it asks the client to come back.
        allow_reconnect: bool,
    },
}
