//! What the library itself has to say: the `SESSION_` events.

use std::ffi::CString;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use crate::config::{Config, LogLevel};
use crate::link::Call;
use crate::link::units::Refusal;
use crate::signalr::Outcome;

/// A `SESSION_` event before it is text.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// `method` accepted the credentials; `resumed` when a new session took over a live connection.
    Ready { method: &'a str, resumed: bool },
    /// A ready link ended.
    Lost { failure: &'a Failure, retry_in: Duration },
    /// An attempt failed, the n-th since the last good link.
    Retry { failure: &'a Failure, attempt: u32, retry_in: Duration },
    /// The hub refused the credentials.
    Rejected { failure: &'a Failure, retry_in: Duration },
    /// The session has ended.
    Closed { code: &'a str, message: &'a str },
    /// A call of the host has ended; without an outcome the link did first.
    CallResult { call: &'a Call, outcome: Option<&'a Outcome<'a>> },
    /// The hub refused locations of units.
    UnitsRejected { words: &'a str, refusal: &'a Refusal },
    /// A line of the session's log.
    Log { level: LogLevel, message: &'a str },
}

impl Notice<'_> {
    /// The event's text. The API key stands in no message, whatever the hub said.
    pub(crate) fn text(&self, config: &Config) -> CString {
        let (kind, code, message) = match self {
            Self::Ready { resumed, .. } => {
                let server = match config.server_id {
                    Some(id) => format!("server {id}"),
                    None => "without a server, so that no pushes come".to_owned(),
                };
                let did = if *resumed { "Took over the live session" } else { "Authenticated" };
                ("SESSION_READY", "ready", format!("{did} as community {}, {server}.", config.community_id))
            }
            Self::Lost { failure, .. } => ("SESSION_LOST", failure.code(), sentence(failure)),
            Self::Retry { failure, .. } => ("SESSION_RETRY", failure.code(), sentence(failure)),
            Self::Rejected { failure, .. } => ("SESSION_REJECTED", failure.code(), sentence(failure)),
            Self::Closed { code, message } => ("SESSION_CLOSED", *code, (*message).to_owned()),
            Self::Log { level, message } => ("SESSION_LOG", level.name(), (*message).to_owned()),
            Self::CallResult { call, outcome } => {
                let (code, message) = result(call, *outcome);
                ("SESSION_CALL_RESULT", code, message)
            }
            Self::UnitsRejected { words, .. } => {
                let message = format!("The hub refused the locations of units: {words}");
                ("SESSION_UNITS_REJECTED", "rejected", message)
            }
        };
        let mut event = Event::new(kind, code, &redact(&message, config));
        match self {
            Self::Ready { method, resumed } => {
                event.field("serverId", config.server_id);
                event.field("method", *method);
                event.field("resumed", *resumed);
            }
            Self::Retry { attempt, retry_in, .. } => {
                event.field("attempt", *attempt);
                event.field("retryInMs", millis(*retry_in));
            }
            Self::Lost { retry_in, .. } | Self::Rejected { retry_in, .. } => {
                event.field("retryInMs", millis(*retry_in));
            }
            Self::Log { level, .. } => event.field("level", level.name()),
            Self::CallResult { call, outcome } => {
                event.field("id", call.request);
                event.field("method", call.method.as_str());
                if let Some(Outcome::Result(result)) = outcome {
                    event.raw_field("result", result.unwrap_or("null"));
                }
            }
            Self::UnitsRejected { refusal, .. } => {
                event.field("count", refusal.units);
                event.field("suppressed", refusal.suppressed);
            }
            Self::Closed { .. } => {}
        }
        event.text()
    }
}

/// A JSON object whose `type` comes first, for hosts that look for nothing else.
struct Event(String);

impl Event {
    fn new(kind: &str, code: &str, message: &str) -> Self {
        let mut event = Self(format!("{{\"type\":\"{kind}\""));
        event.field("code", code);
        event.field("message", message);
        event
    }

    fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.raw_field(name, &value.into().to_string());
    }

    fn raw_field(&mut self, name: &str, json: &str) {
        let _ = write!(self.0, ",\"{name}\":{json}");
    }

    /// JSON text never holds a NUL.
    fn text(mut self) -> CString {
        self.0.push('}');
        CString::new(self.0).unwrap_or_default()
    }
}

/// How a call of the host ended, as a code and a sentence.
fn result(call: &Call, outcome: Option<&Outcome<'_>>) -> (&'static str, String) {
    let method = &call.method;
    match outcome {
        Some(Outcome::Result(_)) => ("ok", format!("The hub answered {method}.")),
        Some(Outcome::Error(error)) => ("error", format!("The hub refused {method}: {error}")),
        Some(Outcome::TimedOut) => {
            ("timeout", format!("The hub did not answer {method} within callTimeoutMs."))
        }
        None => {
            ("lost", format!("The link ended before the hub answered {method}: it may or may not have run."))
        }
    }
}

/// A failure as a sentence.
pub(crate) fn sentence(failure: &Failure) -> String {
    let text = failure.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// The event that stands where pushes are missing.
pub(crate) fn dropped(count: u64) -> CString {
    let message = format!(
        "{count} pushes were dropped here because the queue was full: poll more often, or raise queueEvents and queueBytes."
    );
    let mut event = Event::new("SESSION_EVENTS_DROPPED", "queue-full", &message);
    event.field("count", count);
    event.text()
}

/// A text without the API key in it.
pub(crate) fn redact(text: &str, config: &Config) -> String {
    text.replace(config.api_key.reveal(), "(apiKey)")
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{link, signalr};

    fn config() -> Config {
        Config::parse(r#"{"communityId":"c","apiKey":"se\"cret","serverId":7}"#).unwrap()
    }

    fn shown(notice: &Notice<'_>) -> Value {
        serde_json::from_str(notice.text(&config()).to_str().unwrap()).unwrap()
    }

    #[test]
    fn carry_a_code_a_sentence_and_what_happens_next() {
        let failure = Failure::Link(link::Error::Hub(signalr::Error::Silent(Duration::from_secs(30))));
        let retry_in = Duration::from_millis(1500);
        let lost = shown(&Notice::Lost { failure: &failure, retry_in });
        assert_eq!(lost["type"], "SESSION_LOST");
        assert_eq!(lost["code"], "silent");
        assert_eq!(lost["message"], "Nothing came from the hub for 30000 ms: the link is dead.");
        assert_eq!(lost["retryInMs"], 1500);
        let retry = shown(&Notice::Retry { failure: &failure, attempt: 3, retry_in });
        assert_eq!((&retry["type"], &retry["attempt"]), (&"SESSION_RETRY".into(), &3.into()));
        let ready = shown(&Notice::Ready { method: "authenticate", resumed: false });
        assert_eq!((&ready["serverId"], &ready["method"]), (&7.into(), &"authenticate".into()));
    }

    #[test]
    fn never_hold_the_api_key() {
        let failure = Failure::Link(link::Error::Rejected("bad key se\"cret here".to_owned()));
        let text = Notice::Rejected { failure: &failure, retry_in: Duration::ZERO }.text(&config());
        assert!(!text.to_str().unwrap().contains("cret"), "{text:?}");
    }
}
