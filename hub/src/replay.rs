//! Plays recordings to the sessions of a server.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tokio::{
    select,
    time::{Instant, sleep_until},
};

use crate::{
    journal::Kind, options::Shape, protocol::quoted, recording::Recorded, registry::Pair, shared::Shared,
};

/// The outcome of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Played {
    /// Pushes that went to a session.
    pub websocket: usize,
    /// Pushes that did not.
    pub other: usize,
    /// The client's own events in the recording (`SESSION_...`), which no hub sends.
    pub skipped: usize,
}

impl Shared {
    /// Pushes a recording's events with the pauses between them divided by `speed`; `None` leaves them out. Restores
    /// the community's key where the recording lacks it. `stop_replays` ends it early.
    pub(crate) async fn replay(
        self: &Arc<Self>,
        pair: &Pair,
        events: &[Recorded],
        speed: Option<f64>,
    ) -> Played {
        let mut stopped = self.replays.subscribe();
        stopped.mark_unchanged();
        let key = self.options.communities.iter().find(|known| known.id == pair.0);
        let key = key.map_or("", |known| &known.key);
        let mut played = Played::default();
        let mut first = None;
        let started = Instant::now();
        for event in events {
            if is_own(&event.text) {
                played.skipped += 1;
                continue;
            }
            let first = *first.get_or_insert(event.after);
            let after = event.after.saturating_sub(first);
            let after = speed.map_or(Duration::ZERO, |speed| after.div_f64(speed));
            select! {
                biased;
                _ = stopped.changed() => break,
                () = sleep_until(started + after) => {}
            }
            let body = with_key(&event.text, key);
            match self.push(pair, &body, Shape::Verbatim).await {
                crate::push::Delivered::WebSocket => played.websocket += 1,
                _ => played.other += 1,
            }
        }
        let Played { websocket, other, skipped } = played;
        let text = format!("played: {websocket} to a session, {other} elsewhere, {skipped} skipped");
        self.journal.add(Kind::Control, Some(pair.1), None, text);
        played
    }

    /// Ends all running replays.
    pub(crate) fn stop_replays(&self) {
        self.replays.send_replace(());
    }
}

fn members(text: &str) -> Option<HashMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

/// Whether it is one of the client's own events.
fn is_own(text: &str) -> bool {
    let kind =
        members(text).and_then(|members| serde_json::from_str::<Value>(members.get("type")?.get()).ok());
    kind.and_then(|kind| Some(kind.as_str()?.to_ascii_uppercase().starts_with("SESSION_"))).unwrap_or(false)
}

/// The event as the hub pushed it: an object without a key gets it in front.
pub(crate) fn with_key(text: &str, key: &str) -> String {
    let Some(members) = members(text).filter(|members| !members.contains_key("key")) else {
        return text.to_owned();
    };
    let (start, rest) = text.split_at(text.find('{').map_or(0, |at| at + 1));
    let comma = if members.is_empty() { "" } else { "," };
    format!("{start}\"key\":{}{comma}{rest}", quoted(key))
}

/// The event without the key in front, as recordings have it.
pub(crate) fn without_key<'a>(text: &'a str, key: &str) -> std::borrow::Cow<'a, str> {
    let start = format!("{{\"key\":{},", quoted(key));
    text.strip_prefix(&start).map_or_else(|| text.into(), |rest| format!("{{{rest}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_out_and_comes_back() {
        for text in [r#"{"key":"a\"b","type":"T", "data":1 }"#, r#"{"type":"T","key":1}"#, "[1]", "nonsense"]
        {
            let stripped = without_key(text, "a\"b");
            assert_eq!(with_key(&stripped, "a\"b"), text);
        }
        assert_eq!(with_key(" { }", "k"), r#" {"key":"k" }"#);
        assert!(is_own(r#"{"type":"session_ready"}"#) && !is_own(r#"{"type":"EVENT_911"}"#) && !is_own("1"));
    }
}
