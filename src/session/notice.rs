//! The library's own events: `SESSION_...`.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::waiting::Waiting;
use crate::config::{Config, LogLevel, Proxy};
use crate::link::units::{Failed, FailedKind};
use crate::signalr::Outcome;
use crate::sys::Text;

/// The largest message, in bytes, and how much is kept of a larger one. Some quote the hub.
const MAX_MESSAGE: usize = 2048;
const KEPT_OF_LARGER: usize = MAX_MESSAGE - 48;

/// A `SESSION_` event before it is text.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// `method` accepted the credentials. `resumed`: a new session took over a live connection.
    Ready { method: &'a str, resumed: bool },
    /// A ready link ended. The next attempt follows after this time.
    Lost(&'a Waiting, Duration),
    /// A ready link continues, but the hub has forgotten the credentials.
    Forgotten,
    /// An attempt failed, or the hub refused the credentials.
    Retry(&'a Waiting, Duration),
    /// The session has ended.
    Closed { code: &'a str, message: &'a str },
    /// A call of the host has ended. Without an outcome the link ended first.
    CallResult { request: i32, method: &'a str, outcome: Option<&'a Outcome<'a>> },
    /// The same, but the queue has no room for the result.
    LargeResult { request: i32, method: &'a str, bytes: usize },
    /// A call with unit locations failed. The hub's words, if it refused it.
    UnitsRejected { failed: &'a Failed, words: &'a str },
    /// A log line.
    Log { level: LogLevel, message: &'a str },
}

impl Notice<'_> {
    /// Returns the event's text. No message contains the API key, whatever the hub said.
    pub(crate) fn text(&self, config: &Config) -> Text {
        let (kind, code, message) = match self {
            Self::Ready { resumed, .. } => {
                let server = match config.server_id {
                    Some(id) => format!("server {id}"),
                    None => "without a server, so that no pushes come".to_owned(),
                };
                let did = if *resumed { "Took over the live session" } else { "Authenticated" };
                ("SESSION_READY", "ready", format!("{did} as community {}, {server}.", config.community_id))
            }
            Self::Lost(waiting, _) => ("SESSION_LOST", waiting.code, waiting.message.clone()),
            Self::Retry(waiting, _) => {
                let kind = if waiting.rejected { "SESSION_REJECTED" } else { "SESSION_RETRY" };
                (kind, waiting.code, waiting.message.clone())
            }
            Self::Forgotten => {
                let message = "The hub no longer knows this session: it is authenticating again.";
                ("SESSION_LOST", "unauthenticated", message.to_owned())
            }
            Self::Closed { code, message } => ("SESSION_CLOSED", *code, (*message).to_owned()),
            Self::Log { level, message } => ("SESSION_LOG", level.name(), (*message).to_owned()),
            Self::CallResult { method, outcome, .. } => {
                let (code, message) = result(method, *outcome);
                ("SESSION_CALL_RESULT", code, message)
            }
            Self::LargeResult { method, bytes, .. } => {
                let message = format!(
                    "The hub answered {method} with {bytes} bytes, for which queueBytes leaves no room: poll more often, or raise it."
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
            Self::Lost(waiting, left) | Self::Retry(waiting, left) => {
                if matches!(self, Self::Retry(waiting, _) if !waiting.rejected) {
                    event.field("attempt", waiting.attempt);
                }
                if let Some(allowed) = waiting.allow_reconnect {
                    event.field("allowReconnect", allowed);
                }
                event.field("retryInMs", millis(*left));
            }
            Self::Forgotten => event.field("retryInMs", 0),
            Self::Log { level, .. } => event.field("level", level.name()),
            Self::CallResult { request, method, outcome } => {
                event.field("id", *request);
                event.field("method", *method);
                if let Some(Outcome::Result(result)) = outcome {
                    event.raw_field("result", result.unwrap_or("null"));
                }
            }
            Self::LargeResult { request, method, .. } => {
                event.field("id", *request);
                event.field("method", *method);
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

/// A JSON object with `type` first, for hosts that look for nothing else.
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

    fn text(mut self) -> Text {
        self.0.push('}');
        Text::new(&self.0)
    }
}

/// Returns how a host's call ended, as a code and a sentence.
fn result(method: &str, outcome: Option<&Outcome<'_>>) -> (&'static str, String) {
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

/// Returns how unit locations failed, as a code and a sentence.
fn units_rejected(failed: &Failed, words: &str) -> (&'static str, String) {
    let units = failed.units;
    let whose = match &failed.aside {
        Some((unit, time)) => {
            format!("the location of the unit with {unit}, now set aside for {} s", time.as_secs())
        }
        None => format!("the locations of {units} units, to be sent again in smaller calls"),
    };
    match failed.kind {
        FailedKind::Refused => {
            let end = if words.ends_with(['.', '!', '?']) { "" } else { "." };
            ("rejected", format!("The hub refused {whose}: {words}{end}"))
        }
        FailedKind::TimedOut => {
            ("timeout", format!("The hub did not answer, within callTimeoutMs, {whose}."))
        }
        FailedKind::Lost => ("lost", format!("The link ended, more than once, over {whose}.")),
    }
}

/// Returns the event that marks missing pushes.
pub(crate) fn dropped(count: u64) -> Text {
    let message = format!(
        "{count} pushes were dropped here because the queue was full: poll more often, or raise queueEvents and queueBytes."
    );
    let mut event = Event::new("SESSION_EVENTS_DROPPED", "queue-full", &message);
    event.field("count", count);
    event.text()
}

/// Returns the event that marks pushes that a session with another API key left behind.
pub(crate) fn withheld(count: u64) -> Text {
    let message = format!(
        "{count} pushes were dropped because they came to a session with another apiKey and were not polled there."
    );
    let mut event = Event::new("SESSION_EVENTS_DROPPED", "another-key", &message);
    event.field("count", count);
    event.text()
}

/// Returns the log line that marks missing lines.
pub(crate) fn lost_log(count: u64) -> Text {
    let message = format!("{count} lines of the log were dropped here because the queue was full.");
    let mut event = Event::new("SESSION_LOG", LogLevel::Warn.name(), &message);
    event.field("level", LogLevel::Warn.name());
    event.text()
}

/// Makes text fit to print: without the API key and the proxy's password, and cut, with a mark, if it is long.
pub(crate) fn printable(text: &str, config: &Config) -> String {
    let mut printable = text.replace(config.api_key.reveal(), "(apiKey)");
    if let Some(password) = config.proxy.as_ref().and_then(Proxy::password) {
        printable = printable.replace(password, "(proxy password)");
    }
    let bytes = printable.len();
    if bytes > MAX_MESSAGE {
        let end = (0..=KEPT_OF_LARGER).rev().find(|end| printable.is_char_boundary(*end));
        printable.truncate(end.unwrap_or_default());
        // the text may be kept for long, so give the spare room back
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
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::config::Options;
    use crate::session::failure::Failure;
    use crate::session::waiting::Reason;
    use crate::{link, signalr};

    const LEFT: Duration = Duration::from_millis(1500);

    fn config() -> Arc<Config> {
        Options::parse(r#"{"communityId":"c","apiKey":"se\"cret","serverId":7}"#).unwrap().config
    }

    fn shown(notice: &Notice<'_>) -> Value {
        serde_json::from_str(notice.text(&config()).as_str()).unwrap()
    }

    fn waiting(failure: &Failure, reason: Option<Reason>) -> Waiting {
        Waiting { attempt: 3, ..Waiting::new(failure, reason, Some(7), Instant::now() + LEFT) }
    }

    #[test]
    fn carry_a_code_a_sentence_and_what_happens_next() {
        let silent = Failure::Link(link::Error::Hub(signalr::Error::Silent(Duration::from_secs(30))));
        let silent = waiting(&silent, None);
        let lost = shown(&Notice::Lost(&silent, LEFT));
        assert_eq!(lost["type"], "SESSION_LOST");
        assert_eq!(lost["code"], "silent");
        assert_eq!(lost["message"], "Nothing came from the hub for 30000 ms: the link is dead.");
        assert_eq!(lost["retryInMs"], 1500);
        assert_eq!(lost.get("allowReconnect"), None);
        let retry = shown(&Notice::Retry(&silent, LEFT));
        assert_eq!((&retry["type"], &retry["attempt"]), (&"SESSION_RETRY".into(), &3.into()));
        let ready = shown(&Notice::Ready { method: "authenticate", resumed: false });
        assert_eq!((&ready["serverId"], &ready["method"]), (&7.into(), &"authenticate".into()));
    }

    #[test]
    fn a_rival_is_named_with_what_to_do() {
        let closed = signalr::Error::Closed { error: None, allow_reconnect: false };
        let closed = Failure::Link(link::Error::Hub(closed));
        let lost = shown(&Notice::Lost(&waiting(&closed, Some(Reason::Displaced(4))), LEFT));
        assert_eq!(lost["code"], "another-client");
        assert_eq!(lost["allowReconnect"], false);
        let message = lost["message"].as_str().unwrap();
        assert!(
            message.contains("4 times in a row, so another client holds server 7: stop that one"),
            "{message}"
        );
    }

    #[test]
    fn cut_the_words_of_a_long_winded_hub() {
        let words = "\u{e9}".repeat(5_000_000) + "se\"cret";
        let failure = Failure::Link(link::Error::Rejected(words));
        let rejected = shown(&Notice::Retry(&waiting(&failure, Some(Reason::Refused)), LEFT));
        let message = rejected["message"].as_str().unwrap();
        assert!(message.starts_with("The hub refused the credentials: \u{e9}\u{e9}"), "{message:.100}");
        assert!(message.ends_with("\u{e9}... (cut here, of 10000042 bytes)."), "{message}");
        assert!(message.len() <= MAX_MESSAGE && printable(message, &config()) == message);
        // a key is removed even where the cut would split it
        for before in 0..20 {
            let words = "x".repeat(KEPT_OF_LARGER - before) + "se\"cret" + &"x".repeat(100);
            assert!(!printable(&words, &config()).contains("se\""), "{before}");
        }
    }

    #[test]
    fn never_hold_the_api_key() {
        let failure = Failure::Link(link::Error::Rejected("bad key se\"cret here".to_owned()));
        let text = Notice::Retry(&waiting(&failure, Some(Reason::Refused)), LEFT).text(&config());
        let text = text.as_str();
        assert!(text.contains("SESSION_REJECTED") && !text.contains("cret"), "{text}");
    }
}
