//! What a session does on one connection, in exact time.

use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Writes down what the link tells.
#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn pushed(&mut self, event: CString) {
        self.0.push(event.into_string().unwrap());
    }

    fn read(&mut self) {}

    fn authenticating(&mut self, method: &'static str) {
        self.0.push(format!("calls {method}"));
    }

    fn ready(&mut self, method: &'static str) {
        self.0.push(format!("ready by {method}"));
    }

    fn answered(&mut self, call: &Call, outcome: Option<&Outcome<'_>>) {
        self.0.push(format!("{} {outcome:?}", call.request));
    }

    fn units_answered(&mut self, answer: &Answer<'_>) {
        self.0.push(format!("units {answer:?}"));
    }

    fn ignored(&mut self, what: &str) {
        self.0.push(format!("ignored {what}"));
    }
}

struct World {
    now: Instant,
    link: Link,
    outbox: Outbox,
    log: Log,
}

impl World {
    fn new(options: &str) -> Self {
        let options = format!(r#"{{"communityId":"c","apiKey":"k","serverId":1{options}}}"#);
        let config = Arc::new(Config::parse(&options).unwrap());
        let now = Instant::now();
        let outbox = Outbox::new(config.unit_interval);
        let mut world = Self { now, link: Link::new(now, config, None), outbox, log: Log::default() };
        world.sent();
        world
    }

    /// A link that is ready.
    fn ready() -> Self {
        let mut world = Self::new("");
        world.record("{}").unwrap();
        world.record(r#"{"type":3,"invocationId":"1","result":{"success":true}}"#).unwrap();
        world.sent();
        world.told();
        world
    }

    fn record(&mut self, record: &str) -> Result<(), Failure> {
        self.link.receive(self.now, Part::Text(&format!("{record}\u{1e}")), &mut self.log)
    }

    /// The calls that go out now, as method and arguments.
    fn sent(&mut self) -> Vec<String> {
        self.link.send(self.now, &mut self.outbox, &mut self.log);
        let records = std::iter::from_fn(|| self.link.transmit(self.now));
        let calls = records.filter_map(|record| {
            let value: serde_json::Value = serde_json::from_str(record.trim_end_matches('\u{1e}')).unwrap();
            Some(format!("{}{}", value.get("target")?.as_str()?, value["arguments"]))
        });
        calls.collect()
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.0)
    }

    fn wait(&mut self, time: Duration) -> Result<(), Failure> {
        self.now += time;
        self.link.elapse(self.now, &mut self.log)
    }

    fn locate(&mut self, unit: u32) {
        let updates = units::parse(&format!(r#"[{{"identId":{unit},"location":"L"}}]"#)).unwrap();
        self.outbox.units.update(self.now, updates).unwrap();
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
    assert_eq!(world.told(), ["calls authenticate", r#"{"type":"EVENT_911"}"#, "ready by authenticate"]);
    assert_eq!(world.sent(), ["m[1.0]", r#"unitLocation[[{"identId":1,"location":"L"}]]"#]);
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
    assert_eq!(world.told().last().unwrap(), "ready by authenticatev2");
}

#[test]
fn a_rejection_counts_before_the_goodbye_that_follows_it() {
    let mut world = World::new("");
    world.record("{}").unwrap();
    let rejected = r#"{"type":3,"invocationId":"1","result":{"success":false,"error":"Invalid API key."}}"#;
    let Err(Failure::Rejected(words)) = world.record(&format!("{rejected}\u{1e}{{\"type\":7}}")) else {
        panic!()
    };
    assert_eq!(words, "Invalid API key.");
}

#[test]
fn an_authentication_without_answer_ends_the_link() {
    let mut world = World::new(r#","callTimeoutMs":2000"#);
    world.record("{}").unwrap();
    assert_eq!(world.link.deadline(world.now, &world.outbox), world.now + 2 * SECOND);
    let Err(Failure::CallTimeout { method, .. }) = world.wait(2 * SECOND) else { panic!() };
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
    assert_eq!(world.told(), ["units Refused(\"no\")", "ignored an answer to no call"]);
}

#[test]
fn what_waits_for_an_answer_at_the_end_gets_none() {
    let mut world = World::ready();
    world.invoke(5);
    world.invoke(6);
    world.locate(1);
    assert_eq!(world.sent().len(), 3);
    world.record(r#"{"type":3,"invocationId":"2","result":7}"#).unwrap();
    world.link.abandon(&mut world.log);
    assert_eq!(world.told(), ["5 Some(Result(Some(\"7\")))", "6 None", "units Lost"]);
    world.link.abandon(&mut world.log);
    assert_eq!(world.told(), [""; 0]);
}
