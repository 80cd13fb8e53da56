//! What the library itself has to say: the `SESSION_` events.

use std::ffi::CString;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::failure::Failure;
use crate::config::{Config, LogLevel};
use crate::link::Call;
use crate::link::units::{Failed, FailedKind};
use crate::signalr::Outcome;

/// The largest message, in bytes: the hub's own words stand in some.
const MAX_WORDS: usize = 2048;

/// A `SESSION_` event before it is text.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// `method` accepted the credentials; `resumed` when a new session took over a live connection.
    Ready { method: &'a str, resumed: bool },
    /// A ready link ended.
    Lost { failure: &'a Failure, retry_in: Duration },
    /// A ready link goes on, but the hub has to be told again who calls.
    Forgotten,
    /// An attempt failed, the n-th since the last good link.
    Retry { failure: &'a Failure, attempt: u32, retry_in: Duration },
    /// The hub refused the credentials.
    Rejected { failure: &'a Failure, retry_in: Duration },
    /// The session has ended.
    Closed { code: &'a str, message: &'a str },
    /// A call of the host has ended; without an outcome the link did first.
    CallResult { call: &'a Call, outcome: Option<&'a Outcome<'a>> },
    /// The same, where the queue has no room for the result.
    LargeResult { call: &'a Call, bytes: usize },
    /// A call with locations of units failed; the hub's words where it refused it.
    UnitsRejected { failed: &'a Failed, words: &'a str },
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
            Self::Forgotten => {
                let message = "The hub no longer knows this session: it is authenticating again.";
                ("SESSION_LOST", "unauthenticated", message.to_owned())
            }
            Self::Retry { failure, .. } => ("SESSION_RETRY", failure.code(), sentence(failure)),
            Self::Rejected { failure, .. } => ("SESSION_REJECTED", failure.code(), sentence(failure)),
            Self::Closed { code, message } => ("SESSION_CLOSED", *code, (*message).to_owned()),
            Self::Log { level, message } => ("SESSION_LOG", level.name(), (*message).to_owned()),
            Self::CallResult { call, outcome } => {
                let (code, message) = result(call, *outcome);
                ("SESSION_CALL_RESULT", code, message)
            }
            Self::LargeResult { call, bytes } => {
                let message = format!(
                    "The hub answered {} with {bytes} bytes, for which queueBytes leaves no room: poll more often, or raise it.",
                    call.method
                );
                ("SESSION_CALL_RESULT", "too-large", message)
            }
            Self::UnitsRejected { failed, words } => {
                let (code, message) = units_rejected(failed, words);
                ("SESSION_UNITS_REJECTED", code, message)
            }
        };
        let mut event = Event::new(kind, code, &printable(&message, config));
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
            Self::Forgotten => event.field("retryInMs", 0),
            Self::Log { level, .. } => event.field("level", level.name()),
            Self::CallResult { call, outcome } => {
                event.field("id", call.request);
                event.field("method", call.method.as_str());
                if let Some(Outcome::Result(result)) = outcome {
                    event.raw_field("result", result.unwrap_or("null"));
                }
            }
            Self::LargeResult { call, .. } => {
                event.field("id", call.request);
                event.field("method", call.method.as_str());
            }
            Self::UnitsRejected { failed, .. } => {
                event.field("count", failed.units);
                event.field("suppressed", failed.suppressed);
                if let Some((unit, time)) = &failed.aside {
                    event.raw_field("unit", &unit.json());
                    event.field("retryInMs", millis(*time));
                }
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

/// What failed of the locations of units, as a code and a sentence.
fn units_rejected(failed: &Failed, words: &str) -> (&'static str, String) {
    let units = failed.units;
    let (code, did) = match (failed.kind, &failed.aside) {
        (FailedKind::Refused, _) => ("rejected", "refused"),
        (FailedKind::TimedOut, _) => ("timeout", "did not answer within callTimeoutMs"),
        (FailedKind::Lost, _) => ("lost", "was gone before it answered"),
    };
    let message = match &failed.aside {
        Some((unit, time)) => {
            let seconds = time.as_secs();
            format!(
                "The hub {did} a call with the location of the unit with {unit} alone, which is set aside for {seconds} s"
            )
        }
        None => format!(
            "The hub {did} a call with the locations of {units} units, which go out again in smaller ones"
        ),
    };
    (code, if words.is_empty() { format!("{message}.") } else { format!("{message}: {words}") })
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

/// The line of the log that stands where lines are missing.
pub(crate) fn lost_log(count: u64) -> CString {
    let message = format!("{count} lines of the log were dropped here because the queue was full.");
    let mut event = Event::new("SESSION_LOG", LogLevel::Warn.name(), &message);
    event.field("level", LogLevel::Warn.name());
    event.text()
}

/// A text that is fit to print: without the API key, and cut with a mark where a hub was long-winded.
pub(crate) fn printable(text: &str, config: &Config) -> String {
    let mut printable = text.replace(config.api_key.reveal(), "(apiKey)");
    let bytes = printable.len();
    if bytes > MAX_WORDS {
        let end = (0..=MAX_WORDS).rev().find(|end| printable.is_char_boundary(*end));
        printable.truncate(end.unwrap_or_default());
        // the text may be kept for long, and its room with it
        printable.shrink_to_fit();
        let _ = write!(printable, "... (cut here, of {bytes} bytes).");
    }
    printable
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
    fn cut_the_words_of_a_long_winded_hub() {
        let words = "\u{e9}".repeat(5_000_000) + "se\"cret";
        let failure = Failure::Link(link::Error::Rejected(words));
        let rejected = shown(&Notice::Rejected { failure: &failure, retry_in: Duration::ZERO });
        let message = rejected["message"].as_str().unwrap();
        assert!(message.starts_with("The hub refused the credentials: \u{e9}\u{e9}"), "{message:.100}");
        assert!(message.ends_with("\u{e9}... (cut here, of 10000042 bytes)."), "{message}");
        assert!(message.len() < MAX_WORDS + 50);
        // a key that would be cut in two is not there at all
        for before in 0..20 {
            let words = "x".repeat(MAX_WORDS - before) + "se\"cret" + &"x".repeat(100);
            assert!(!printable(&words, &config()).contains("se\""), "{before}");
        }
    }

    #[test]
    fn never_hold_the_api_key() {
        let failure = Failure::Link(link::Error::Rejected("bad key se\"cret here".to_owned()));
        let text = Notice::Rejected { failure: &failure, retry_in: Duration::ZERO }.text(&config());
        assert!(!text.to_str().unwrap().contains("cret"), "{text:?}");
    }
}
