//! What a link does, in exact time.

use std::time::Duration;

use super::*;
use crate::config::{EventKey, Options};

const SECOND: Duration = Duration::from_secs(1);

/// A step as text.
fn shown(step: Step<'_>) -> Vec<String> {
    vec![match step {
        Step::Authenticating(method) => format!("calls {method}"),
        Step::Ready(method) => format!("ready by {method}"),
        Step::Pushed(events) => return events.map(|event| event.text(EventKey::Keep).into_owned()).collect(),
        Step::CallEnded(call, outcome) => format!("{} {outcome:?}", call.request),
        Step::UnitsAnswered(answer) => format!("units {answer:?}"),
        Step::Ignored(what) => format!("ignored {what}"),
    }]
}

struct World {
    now: Instant,
    link: Link,
    outbox: Outbox,
    steps: Vec<String>,
}

impl World {
    fn new(options: &str) -> Self {
        let options = format!(r#"{{"communityId":"c","apiKey":"k","serverId":1{options}}}"#);
        let config = Options::parse(&options).unwrap().config;
        let now = Instant::now();
        let outbox = Outbox::new(config.unit_interval);
        let mut world = Self { now, link: Link::new(now, config, None), outbox, steps: Vec::new() };
        world.sent();
        world
    }

    /// A link that is ready.
    fn ready() -> Self {
        let mut world = Self::new("");
        world.record("{}").unwrap();
        world.record(r#"{"type":3,"invocationId":"1","result":{"success":true}}"#).unwrap();
        world.sent();
        world.steps();
        world
    }

    fn record(&mut self, record: &str) -> Result<(), Error> {
        let (text, mut whole) = (format!("{record}\u{1e}"), Vec::new());
        let mut input = Chunk::Text(&text);
        while let Some(step) = self.link.next(self.now, &mut input, &mut whole)? {
            self.steps.extend(shown(step));
        }
        Ok(())
    }

    /// The calls that go out now, as method and arguments.
    fn sent(&mut self) -> Vec<String> {
        while let Some(step) = self.link.send(self.now, &mut self.outbox) {
            self.steps.extend(shown(step));
        }
        let records = std::iter::from_fn(|| self.link.transmit(self.now));
        let calls = records.filter_map(|record| {
            let value: serde_json::Value = serde_json::from_str(record.trim_end_matches('\u{1e}')).unwrap();
            Some(format!("{}{}", value.get("target")?.as_str()?, value["arguments"]))
        });
        calls.collect()
    }

    /// The steps since the last call.
    fn steps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.steps)
    }

    fn wait(&mut self, time: Duration) -> Result<(), Error> {
        self.now += time;
        self.link.elapse(self.now)?;
        while let Some(step) = self.link.timed_out(self.now)? {
            self.steps.extend(shown(step));
        }
        Ok(())
    }

    fn abandon(&mut self) {
        while let Some(step) = self.link.abandoned() {
            self.steps.extend(shown(step));
        }
    }

    fn locate(&mut self, unit: u32) {
        let updates = format!(r#"[{{"identId":{unit},"location":"L"}}]"#);
        self.outbox.units.update(self.now, units::parse(&updates).unwrap()).unwrap();
    }

    fn invoke(&mut self, request: i32) {
        let call = Call { request, method: "m".to_owned(), arguments: "[1.0]".to_owned() };
        self.outbox.calls.push_back(call);
    }
}

#[test]
fn credentials_go_out_after_the_handshake_and_nothing_before_them() {
    let mut world = World::new("");
    world.locate(1);
    world.invoke(5);
    assert_eq!(world.sent(), [""; 0]);
    world.record("{}").unwrap();
    assert_eq!(world.sent(), [r#"authenticate["c","k",1]"#]);
    world.record(r#"{"type":1,"target":"pushEvent","arguments":[{"type":"EVENT_911"}]}"#).unwrap();
    world
        .record(r#"{"type":3,"invocationId":"1","result":{"success":true,"error":null,"count":1}}"#)
        .unwrap();
    assert_eq!(world.steps(), ["calls authenticate", r#"{"type":"EVENT_911"}"#, "ready by authenticate"]);
    assert_eq!(world.sent(), ["m[1.0]", r#"unitLocation[[{"identId":1,"location":"L"}]]"#]);
}

#[test]
fn a_push_keeps_its_place_beside_the_answer_that_comes_with_it() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    world.steps();
    let push = |number| format!(r#"{{"type":1,"target":"pushEvent","arguments":[{{"type":"E{number}"}}]}}"#);
    let accepted = r#"{"type":3,"invocationId":"1","result":{"success":true}}"#;
    world.record(&format!("{}\u{1e}{accepted}\u{1e}{}", push(1), push(2))).unwrap();
    assert_eq!(world.steps(), [r#"{"type":"E1"}"#, "ready by authenticate", r#"{"type":"E2"}"#]);
}

#[test]
fn auto_tries_the_other_method_on_the_same_connection() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    world.sent();
    let unknown =
        "Failed to invoke 'authenticate' due to an error on the server. HubException: Method does not exist.";
    world.record(&format!(r#"{{"type":3,"invocationId":"1","error":"{unknown}"}}"#)).unwrap();
    assert_eq!(world.sent(), [r#"authenticatev2["c","k",1]"#]);
    world.record(r#"{"type":3,"invocationId":"2","result":{"success":true}}"#).unwrap();
    assert_eq!(world.steps().last().unwrap(), "ready by authenticatev2");
}

#[test]
fn a_rejection_counts_before_the_goodbye_that_follows_it() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    let rejected = r#"{"type":3,"invocationId":"1","result":{"success":false,"error":"Invalid API key."}}"#;
    let Err(Error::Rejected(words)) = world.record(&format!("{rejected}\u{1e}{{\"type\":7}}")) else {
        panic!()
    };
    assert_eq!(words, "Invalid API key.");
}

#[test]
fn an_authentication_without_answer_ends_the_link() {
    let mut world = World::new(r#","callTimeoutMs":2000"#);
    world.record("{}").unwrap();
    assert_eq!(world.link.deadline(world.now, &world.outbox), world.now + 2 * SECOND);
    let Err(Error::CallTimeout { method, .. }) = world.wait(2 * SECOND) else { panic!() };
    assert_eq!(method, "authenticate");
}

#[test]
fn units_go_out_at_their_time_and_hear_the_hubs_answer() {
    let mut world = World::ready();
    world.locate(1);
    assert_eq!(world.link.deadline(world.now, &world.outbox), world.now);
    assert_eq!(world.sent().len(), 1);
    world.locate(2);
    assert_eq!(world.sent(), [""; 0], "one call at a time");
    world.record(r#"{"type":3,"invocationId":"2","result":{"success":false,"error":"no"}}"#).unwrap();
    world.record(r#"{"type":3,"invocationId":"2","result":{"success":true}}"#).unwrap();
    assert_eq!(world.steps(), ["units Refused(\"no\")", "ignored an answer to no call"]);
}

#[test]
fn what_waits_for_an_answer_at_the_end_gets_none() {
    let mut world = World::ready();
    world.invoke(5);
    world.invoke(6);
    world.locate(1);
    assert_eq!(world.sent().len(), 3);
    world.record(r#"{"type":3,"invocationId":"2","result":7}"#).unwrap();
    world.abandon();
    assert_eq!(world.steps(), ["5 Some(Result(Some(\"7\")))", "6 None", "units Lost"]);
    world.abandon();
    assert_eq!(world.steps(), [""; 0]);
}

const FORGOTTEN: &str = r#"{"success":false,"error":"Unauthenticated. Call authenticate first.","count":0}"#;

#[test]
fn a_hub_that_does_not_know_us_any_more_is_told_again() {
    let mut world = World::ready();
    world.locate(1);
    world.invoke(5);
    assert_eq!(world.sent(), ["m[1.0]", r#"unitLocation[[{"identId":1,"location":"L"}]]"#]);
    let forgotten = |id| format!(r#"{{"type":3,"invocationId":"{id}","result":{FORGOTTEN}}}"#);
    world.record(&format!("{}\u{1e}{}", forgotten(2), forgotten(3))).unwrap();
    let steps = world.steps();
    assert!(steps[0].starts_with("5 Some(Result(") && steps.len() == 3, "{steps:?}");
    assert!(steps[1..].contains(&"units Unauthenticated".to_owned()), "{steps:?}");
    assert!(steps[1..].contains(&"calls authenticate".to_owned()), "{steps:?}");
    assert_eq!(world.outbox.units.answered(world.now, &Answer::Unauthenticated), None);
    world.wait(SECOND).unwrap();
    assert_eq!(world.sent(), [r#"authenticate["c","k",1]"#], "and nothing before the answer");
    world.record(r#"{"type":3,"invocationId":"4","result":{"success":true}}"#).unwrap();
    assert_eq!(world.steps(), ["ready by authenticate"]);
    assert_eq!(world.sent(), [r#"unitLocation[[{"identId":1,"location":"L"}]]"#]);

    // the credentials are not repeated endlessly to a hub that forgets them at once
    let again = world.record(&forgotten(5));
    assert!(matches!(again, Err(Error::Forgotten)), "{again:?}");
    assert_eq!(world.steps(), ["units Unauthenticated"]);
}

#[test]
fn what_stands_behind_the_answer_comes_behind_it() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    world.steps();
    let event = |number| format!(r#"{{"type":1,"target":"pushEvent","arguments":[{{"type":"E{number}"}}]}}"#);
    let answer = r#"{"type":3,"invocationId":"1","result":{"success":true}}"#;
    world.record(&format!("{}\u{1e}{answer}\u{1e}{}", event(1), event(2))).unwrap();
    assert_eq!(world.steps(), [r#"{"type":"E1"}"#, "ready by authenticate", r#"{"type":"E2"}"#]);
}

#[test]
fn a_hub_that_fails_has_not_refused() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    let failed = "An unexpected error occurred invoking 'authenticate' on the server.";
    let answer = format!(r#"{{"type":3,"invocationId":"1","error":"{failed}"}}"#);
    let Err(Error::HubFailed { words, .. }) = world.record(&answer) else { panic!() };
    assert_eq!(words, failed);
}
