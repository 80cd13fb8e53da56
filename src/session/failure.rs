//! Why a session has to connect again.

use std::io;
use std::time::Duration;

use crate::{hub, net};

/// Why an attempt failed or a link ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// No websocket could be opened.
    #[error(transparent)]
    Dial(#[from] net::Error),
    /// The hub protocol ended the link.
    #[error(transparent)]
    Hub(#[from] hub::Error),
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
    /// The hub closed the websocket.
    #[error("the hub closed the websocket with code {code}{}", reason_text(.reason))]
    CloseFrame {
        /// The websocket's close code; 1005 stands for none.
        code: u16,
        /// The reason given, often empty.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the hub broke: {0}")]
    Lost(#[source] io::Error),
    /// The hub takes nothing any more.
    #[error("the hub took nothing of what was sent for {} ms", .0.as_millis())]
    Stalled(Duration),
    /// A panic was caught.
    #[error("internal error: this is a defect of sonoran, please report it")]
    Internal,
}

impl Failure {
    /// The word that stands for it in events; documented in the header.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.code(),
            Self::Hub(error) => match error {
                hub::Error::Refused(_) | hub::Error::HandshakeTimeout(_) => "handshake",
                hub::Error::Protocol(_) | hub::Error::TooLarge(_) => "protocol",
                hub::Error::Silent(_) => "silent",
                hub::Error::Closed { .. } => "closed",
            },
            Self::Rejected(_) => "rejected",
            Self::CallTimeout { .. } => "call-timeout",
            Self::CloseFrame { .. } => "closed",
            Self::Lost(_) | Self::Stalled(_) => "lost",
            Self::Internal => "internal",
        }
    }

    /// Whether asking again soon would only annoy the hub.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Dial(net::Error::Status { status: 401 | 403, .. }))
    }

    /// How long the hub asked us to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Dial(net::Error::Status { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }
}

fn reason_text(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
