//! The states of a session.

use std::time::Instant;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Authenticating,
    /// The hub accepted the credentials at this time, by this method.
    Ready {
        since: Instant,
        method: &'static str,
    },
    Retrying,
    /// The last state.
    Closed,
}

impl State {
    /// As `sonoran_stats` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Ready { .. } => "ready",
            Self::Retrying => "retrying",
            Self::Closed => "closed",
        }
    }
}
