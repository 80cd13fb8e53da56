//! What arrives, and in what order, whatever the hub and the network do.

use std::{collections::HashMap, fs, time::Duration};

use serde_json::{json, value::RawValue};
use sonoran_hub::Methods;

use support::{
    control::Shape,
    hub::{Hub, Kind, Setup, lasting_port},
    relay::Relay,
    root,
};

/// A test of what a hub of this kind sends.
pub(crate) type HubTest = fn(Kind);

/// These need [`FIXTURES`].
pub(crate) const FIXTURE_TESTS: &[(&str, HubTest)] = &[
    ("fixtures_verbatim", |kind| fixtures(kind, Shape::Verbatim)),
    ("fixtures_string", |kind| fixtures(kind, Shape::String)),
];

pub(crate) const TESTS: &[(&str, HubTest)] = &[
    ("exact_bytes_verbatim", |kind| arrive(kind, &EXACT.map(str::to_owned), Shape::Verbatim)),
    ("exact_bytes_string", |kind| arrive(kind, &EXACT.map(str::to_owned), Shape::String)),
    ("large_event", large_event),
    ("burst", burst),
    ("hub_restart", hub_restart),
    ("abort", abort),
    ("methods_v1", |kind| methods(kind, Methods::V1, "authenticate")),
    ("methods_v2", |kind| methods(kind, Methods::V2, "authenticatev2")),
    ("idle_link", idle_link),
    ("two_servers", two_servers),
    ("wrong_key", wrong_key),
    ("rejected_then_accepted", rejected_then_accepted),
];

/// The documented events, beside the repository.
const FIXTURES: &str = "../shared/fixtures";

/// Returns why the fixtures are missing, if they are.
pub(crate) fn fixtures_missing() -> Option<String> {
    (!root().join(FIXTURES).exists()).then(|| format!("the documented events are not in {FIXTURES}"))
}

/// Payloads that re-serialising would change.
const EXACT: [&str; 6] = [
    r#"{"key":"demo-key","type":"EVENT_UNIT_STATUS","data":{"id":123456789012345678901234567890,"x":1.0,"y":1E+2,"z":-0.0}}"#,
    r#"{"data":{"b":1,"a":2,"b":3},"type":"EVENT_UNIT_UPDATE","key":"demo-key","key":"twice"}"#,
    r#"{"type":"EVENT_911","data":{"text":"\u00e9\u0041\/\ud83d\ude00\u0000 é😀 \"\\\" \u2028","":{"":[[],{}]}}}"#,
    "{ \"type\" :\t\"EVENT_TONE\" ,\r\n  \"data\" : [ 1 , 2 ] }",
    r#"{"data":{"type":"SESSION_CLOSED","key":{"type":"x"}},"type":"EVENT_RECORD_ADD"}"#,
    r#"{"type":"EVENT_STREETSIGN_UPDATED","data":{"signData":{"text1":"<b>&amp;'+\u003c"}}}"#,
];

fn fixtures(kind: Kind, shape: Shape) {
    let mut payloads = Vec::new();
    for file in ["push_events.jsonl", "push_events_variants.jsonl"] {
        let text = fs::read_to_string(root().join(FIXTURES).join(file)).expect("it is there");
        for line in text.lines() {
            let line: HashMap<&str, &RawValue> = serde_json::from_str(line).expect("JSON lines");
            payloads.push(line["payload"].get().to_owned());
        }
    }
    assert!(payloads.len() > 40);
    arrive(kind, &payloads, shape);
}

/// Pushes these payloads and expects them in order, with their bytes intact.
fn arrive(kind: Kind, payloads: &[String], shape: Shape) {
    let hub = Hub::start(kind, Setup::default());
    let mut relay = Relay::start(&[hub.options(1, json!({}))]);
    relay.expect(0, "SESSION_READY");
    for payload in payloads {
        hub.push(1, payload, shape);
    }
    for payload in payloads {
        let event = relay.next(0);
        assert!(event.0 == payload.as_bytes(), "pushed  {payload}\narrived {event}");
    }
    relay.end();
}

/// A station alert can carry recorded audio.
fn large_event(kind: Kind) {
    let audio = "UklGRiQAAABXQVZF".repeat(3 * 1024 * 1024 / 16);
    let payload =
        format!(r#"{{"key":"demo-key","type":"EVENT_STATION_ALERT","data":{{"message":"{audio}"}}}}"#);
    arrive(kind, &[payload.clone(), EXACT[0].to_owned(), payload], Shape::Verbatim);
}

fn burst(kind: Kind) {
    const COUNT: usize = 20_000;
    let hub = Hub::start(kind, Setup::default());
    let mut relay = Relay::start(&[hub.options(1, json!({}))]);
    relay.expect(0, "SESSION_READY");
    hub.burst(1, COUNT);
    for number in 0..COUNT {
        assert_eq!(relay.expect(0, "EVENT_UNIT_STATUS")["data"]["seq"], number);
    }
    relay.end();
}

/// The stream around a lost link: the event before it, SESSION_LOST, SESSION_READY, the event after it.
fn hub_restart(kind: Kind) {
    let setup = Setup { port: lasting_port(), ..Setup::default() };
    let hub = Hub::start(kind, setup);
    let mut relay = Relay::start(&[hub.options(1, json!({}))]);
    relay.expect(0, "SESSION_READY");
    hub.push(1, EXACT[0], Shape::Verbatim);
    assert_eq!(relay.next(0).0, EXACT[0].as_bytes());

    drop(hub);
    let lost = relay.expect(0, "SESSION_LOST");
    assert!(
        lost["message"].as_str().is_some_and(|message| message.len() > 10) && lost["retryInMs"].is_number(),
        "{lost}"
    );
    let retry = relay.expect(0, "SESSION_RETRY");
    assert_eq!(retry["code"], "connect", "{retry}");

    let hub = Hub::start(kind, setup);
    relay.expect_after_retries(0, "SESSION_READY");
    hub.push(1, EXACT[1], Shape::Verbatim);
    assert_eq!(relay.next(0).0, EXACT[1].as_bytes());
    relay.end();
}

fn abort(kind: Kind) {
    let hub = Hub::start(kind, Setup::default());
    let mut relay = Relay::start(&[hub.options(1, json!({}))]);
    relay.expect(0, "SESSION_READY");
    for payload in &EXACT[..3] {
        hub.push(1, payload, Shape::Verbatim);
        hub.abort(1);
        assert_eq!(relay.next(0).0, payload.as_bytes());
        assert_eq!(relay.expect(0, "SESSION_LOST")["code"], "closed");
        relay.expect(0, "SESSION_READY");
    }
    relay.end();
}

/// `authMethod: auto` finds the method that the hub knows, and starts with it after a reconnect.
fn methods(kind: Kind, methods: Methods, known: &str) {
    let hub = Hub::start(kind, Setup { methods, ..Setup::default() });
    let mut relay = Relay::start(&[hub.options(1, json!({}))]);
    assert_eq!(relay.expect(0, "SESSION_READY")["method"], known);
    hub.abort(1);
    relay.expect(0, "SESSION_LOST");
    assert_eq!(relay.expect(0, "SESSION_READY")["method"], known);
    relay.end();
}

/// The hub pings each second and drops clients that are silent for three. An idle link stays up, and the host
/// hears nothing.
fn idle_link(kind: Kind) {
    let hub = Hub::start(kind, Setup { keep_alive: 1, client_timeout: 3, ..Setup::default() });
    let mut relay = Relay::start(&[hub.options(1, json!({"keepAliveMs": 500}))]);
    relay.expect(0, "SESSION_READY");
    let connections = hub.connections(1);
    assert_eq!(connections.len(), 1);
    relay.expect_nothing(Duration::from_secs(8));
    assert_eq!(hub.connections(1), connections);
    hub.push(1, EXACT[0], Shape::Verbatim);
    assert_eq!(relay.next(0).0, EXACT[0].as_bytes());
    relay.end();
}

fn two_servers(kind: Kind) {
    let hub = Hub::start(kind, Setup::default());
    let mut relay = Relay::start(&[hub.options(1, json!({})), hub.options(2, json!({}))]);
    for session in 0..2 {
        assert_eq!(relay.expect(session, "SESSION_READY")["serverId"], session + 1);
    }
    let payload = |server, number| format!(r#"{{"type":"EVENT_TONE","data":[{server},{number}]}}"#);
    for number in 0..100 {
        for server in [1, 2] {
            hub.push(server, &payload(server, number), Shape::Verbatim);
        }
    }
    for (session, server) in [(0, 1), (1, 2)] {
        for number in 0..100 {
            assert_eq!(relay.next(session).0, payload(server, number).into_bytes());
        }
    }
    relay.end();
}

/// The host gets the hub's own words, and attempts are few: Sonoran blocks clients that persist with a wrong
/// key.
fn wrong_key(kind: Kind) {
    let hub = Hub::start(kind, Setup::default());
    let slowly = json!({"apiKey": "wrong-key", "authRetryMinMs": 1000, "authRetryMaxMs": 1500});
    let mut relay = Relay::start(&[hub.options(1, slowly)]);
    for _ in 0..3 {
        let rejected = relay.expect(0, "SESSION_REJECTED");
        let message = rejected["message"].as_str().expect("a text");
        assert!(message.contains("Invalid API key.") && !message.contains("wrong-key"), "{message}");
        assert_eq!(rejected["code"], "rejected");
        assert!((1000..=1500).contains(&rejected["retryInMs"].as_u64().expect("a number")), "{rejected}");
    }
    relay.end();
    let calls = hub.calls();
    assert!(calls.len() >= 3, "{calls:?}");
    assert!(calls.iter().all(|(method, _)| method == "authenticate"), "{calls:?}");
    assert!(calls.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 1000.0), "{calls:?}");
}

fn rejected_then_accepted(kind: Kind) {
    let hub = Hub::start(kind, Setup::default());
    hub.reject("Down+for+maintenance");
    let mut relay = Relay::start(&[hub.options(1, json!({"authRetryMinMs": 1000, "authRetryMaxMs": 1500}))]);
    let rejected = relay.expect(0, "SESSION_REJECTED");
    assert!(
        rejected["message"].as_str().is_some_and(|message| message.contains("Down for maintenance")),
        "{rejected}"
    );
    hub.accept();
    let mut event = relay.next(0);
    while event.kind() == "SESSION_REJECTED" {
        event = relay.next(0);
    }
    assert_eq!(event.kind(), "SESSION_READY", "{event}");
    hub.push(1, EXACT[0], Shape::Verbatim);
    assert_eq!(relay.next(0).0, EXACT[0].as_bytes());
    relay.end();
}
