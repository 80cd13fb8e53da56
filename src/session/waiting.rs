//! The wait before the next attempt, and what the host hears of it.

use std::time::{Duration, Instant};

use super::failure::Failure;

/// Why the next attempts are slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The hub refused the credentials.
    Refused,
    /// The hub ended this many links in a row instead of answering the credentials.
    Unanswered(u32),
    /// The hub accepted the session and sent it away this many times in a row.
    Displaced(u32),
}

/// Why a session waits, and until when. A host that joins later hears it again.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) until: Instant,
    /// Whether the hub refused the credentials.
    pub(crate) rejected: bool,
    pub(crate) code: &'static str,
    /// A sentence.
    pub(crate) message: String,
    /// What the hub's Close record said about reconnecting.
    pub(crate) allow_reconnect: Option<bool>,
    /// Failures in a row.
    pub(crate) attempt: u32,
}

impl Waiting {
    /// Creates the wait after a failure. `reason` says why it is longer than after an outage, if it is.
    pub(crate) fn new(
        failure: &Failure,
        reason: Option<Reason>,
        server: Option<u32>,
        until: Instant,
    ) -> Self {
        let sentence = sentence(failure);
        let (code, message) = match reason {
            Some(Reason::Displaced(times)) => {
                let place = server.map_or_else(|| "this place".to_owned(), |id| format!("server {id}"));
                let message = format!(
                    "The hub let this session in and sent it away {times} times in a row, so another client holds {place}: stop that one, or give it another serverId. {sentence}"
                );
                ("another-client", message)
            }
            Some(Reason::Unanswered(times)) => {
                let message = format!(
                    "The hub ended the connection {times} times in a row instead of answering the credentials. {sentence}"
                );
                (failure.code(), message)
            }
            Some(Reason::Refused) | None => (failure.code(), sentence),
        };
        let (rejected, allow_reconnect) = (failure.is_rejection(), failure.allow_reconnect());
        Self { until, rejected, code, message, allow_reconnect, attempt: 0 }
    }

    /// Returns the time left.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }
}

/// Returns a failure as a sentence.
fn sentence(failure: &Failure) -> String {
    let text = failure.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
