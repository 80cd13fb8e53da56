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
    /// The websocket could not be opened.
    #[error(transparent)]
    Dial(#[from] net::Error),
    /// The hub's messages, or its silence, ended the link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The hub closed the websocket.
    #[error("the hub closed the websocket with code {code}{}", reason_text(.reason))]
    CloseFrame {
        /// The websocket's close code; 1005 means none.
        code: u16,
        /// The reason, often empty.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection to the hub broke: {0}")]
    Lost(#[source] io::Error),
    /// The hub stopped taking data.
    #[error("the hub took nothing of what was sent for {} ms", .0.as_millis())]
    Stalled(Duration),
    /// A panic was caught.
    #[error("internal error: this is a defect of sonoran, please report it")]
    Internal,
}

impl Failure {
    /// Its `code` in events, documented in the header.
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
            Self::Link(LinkError::Forgotten) => "unauthenticated",
            Self::Link(LinkError::HubFailed { .. }) => "hub-error",
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

    /// Whether an early retry would only annoy the hub.
    pub(crate) fn is_refusal(&self) -> bool {
        let is_forgotten = matches!(self, Self::Link(LinkError::Forgotten));
        let is_status = matches!(self, Self::Dial(net::Error::Status { status: 401 | 403, .. }));
        self.is_rejection() || is_forgotten || is_status || self.is_of_proxy()
    }

    /// Whether a proxy refused its own credentials: those of the hub have nothing to do with it.
    pub(crate) fn is_of_proxy(&self) -> bool {
        matches!(self, Self::Dial(error) if error.is_of_proxy_credentials())
    }

    /// What the hub's Close record says about reconnecting, if it sent one.
    pub(crate) fn allow_reconnect(&self) -> Option<bool> {
        match self {
            Self::Link(LinkError::Hub(HubError::Closed { allow_reconnect, .. })) => Some(*allow_reconnect),
            _ => None,
        }
    }

    /// Whether the hub ended the connection without asking the session to come back.
    pub(crate) fn is_hangup(&self) -> bool {
        matches!(self, Self::CloseFrame { .. } | Self::Lost(_)) || self.allow_reconnect() == Some(false)
    }

    /// How long the hub asks us to wait.
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
