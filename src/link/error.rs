//! Why a link ended.

use std::time::Duration;

use crate::signalr;

/// Why a link cannot continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The hub protocol ended the link.
    #[error(transparent)]
    Hub(#[from] signalr::Error),
    /// The hub refused the credentials.
    #[error("the hub refused the credentials: {0}")]
    Rejected(String),
    /// The hub forgot the credentials again.
    #[error("the hub asks for the credentials again within a minute of accepting them")]
    Forgotten,
    /// The hub could not check the credentials.
    #[error("the hub failed in {method}: {words}")]
    HubFailed {
        /// The method that was called.
        method: &'static str,
        /// Its words.
        words: String,
    },
    /// The hub did not answer the authentication.
    #[error("the hub did not answer {method} within {} ms", .after.as_millis())]
    CallTimeout {
        /// The method that was called.
        method: &'static str,
        /// The limit.
        after: Duration,
    },
}
