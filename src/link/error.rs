//! Why a link ended.

use std::time::Duration;

use crate::signalr;

/// Why a link cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Error {
    /// The hub protocol ended it.
    #[error(transparent)]
    Hub(#[from] signalr::Error),
    /// The hub refused the credentials.
    #[error("the hub refused the credentials: {0}")]
    Rejected(String),
    /// The hub did not answer the authentication.
    #[error("the hub did not answer {method} within {} ms", .after.as_millis())]
    CallTimeout {
        /// The method that was called.
        method: &'static str,
        /// The limit.
        after: Duration,
    },
}
