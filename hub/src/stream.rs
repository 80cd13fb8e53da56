//! Unprompted events: one of each documented type in turn, to every session.

use std::sync::Arc;

use tokio::{
    select,
    time::{MissedTickBehavior, interval},
};

use crate::{journal::Kind, protocol, push::PUSH_TARGET, shared::Shared};

/// One payload per line. Words in braces are placeholders; a quoted one is replaced with its quotes.
const EVENTS: &str = include_str!("events.jsonl");

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut wanted = shared.stream.subscribe();
    let mut templates = (0..).zip(EVENTS.lines().cycle());
    loop {
        let Some(period) = *wanted.borrow_and_update() else {
            // The sender lives as long as the hub.
            let _ = wanted.changed().await;
            continue;
        };
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                _ = wanted.changed() => break,
                _ = ticks.tick() => {}
            }
            if let Some((number, template)) = templates.next() {
                send(&shared, template, number);
            }
        }
    }
}

/// Sends an event to every session that has a server.
fn send(shared: &Shared, template: &str, number: u64) {
    for (session, peer) in shared.registry.sessions() {
        if session.server.is_none() {
            continue;
        }
        let community = shared.options.communities.iter().find(|known| known.id == session.community);
        let event = event(template, number, community.map_or("", |known| &known.key));
        // A client that cannot keep up misses some.
        if peer.offer(&protocol::invocation(None, PUSH_TARGET, &event)) {
            shared.journal.add(Kind::Push, session.server, Some("websocket".into()), event);
        }
    }
}

/// One event of each documented type.
pub(crate) fn examples(key: &str) -> impl Iterator<Item = String> {
    EVENTS.lines().map(move |template| event(template, 7, key))
}

/// Fills in a template. The same number gives the same event.
fn event(template: &str, number: u64, key: &str) -> String {
    let (call, unit, status) = (1000 + number / 7, 1 + number % 25, number % 5);
    let flag = number.is_multiple_of(2);
    let time = format!("{:02}:{:02}:{:02}", number / 3600 % 24, number / 60 % 60, number % 60);
    template
        .replace("\"{key}\"", &protocol::quoted(key))
        .replace("\"{call}\"", &call.to_string())
        .replace("\"{unit}\"", &unit.to_string())
        .replace("\"{other}\"", &(unit % 25 + 1).to_string())
        .replace("\"{status}\"", &status.to_string())
        .replace("\"{flag}\"", &flag.to_string())
        .replace("{unit}", &unit.to_string())
        .replace("{number}", &number.to_string())
        .replace("{time}", &time)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_template_makes_an_event_of_its_own_type_with_the_key_in_it() {
        let mut types = HashSet::new();
        for (number, template) in (0..).zip(EVENTS.lines()) {
            let text = event(template, number, "a \"key\"");
            let event: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(event["key"], "a \"key\"");
            assert!(!text.contains('{') || !text.contains("\"{"), "{text}");
            assert!(types.insert(event["type"].as_str().map(str::to_owned)), "{text}");
        }
        assert_eq!(types.len(), 29);
    }
}
