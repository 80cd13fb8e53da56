//! Why a session has to connect again.

use std::io;
use std::time::Duration;

use crate::link::Error as LinkError;
use crate::net;
use crate::signalr::Error as HubError;

/// Why an attempt failed or a link ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// No websocket could be opened.
    #[error(transparent)]
    Dial(#[from] net::Error),
    /// What the hub sent, or did not send, ended the link.
    #[error(transparent)]
    Link(#[from] LinkError),
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
            Self::Link(LinkError::Hub(error)) => match error {
                HubError::Refused(_) | HubError::HandshakeTimeout(_) => "handshake",
                HubError::Protocol(_) | HubError::TooLarge(_) => "protocol",
                HubError::Silent(_) => "silent",
                HubError::Closed { .. } => "closed",
            },
            Self::Link(LinkError::Rejected(_)) => "rejected",
            Self::Link(LinkError::CallTimeout { .. }) => "call-timeout",
            Self::CloseFrame { .. } => "closed",
            Self::Lost(_) | Self::Stalled(_) => "lost",
            Self::Internal => "internal",
        }
    }

    /// Whether the hub refused the credentials.
    pub(crate) fn is_rejection(&self) -> bool {
        matches!(self, Self::Link(LinkError::Rejected(_)))
    }

    /// Whether asking again soon would only annoy the hub.
    pub(crate) fn is_refusal(&self) -> bool {
        self.is_rejection() || matches!(self, Self::Dial(net::Error::Status { status: 401 | 403, .. }))
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
