//! Pushes: their bytes, their order, and what a full queue does.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sonoran_hub::Shape;

use crate::hub::{Hub, KEY, event};
use support::client::{Process, Session};
use support::{not_run, wait_until};

/// Payloads that re-serialising would change.
const EXACT: [&str; 6] = [
    r#"{"key":"k","type":"EVENT_UNIT_STATUS","data":{"id":123456789012345678901234567890,"x":1.0,"y":1E+2,"z":-0.0}}"#,
    r#"{"data":{"b":1,"a":2,"b":3},"type":"EVENT_UNIT_UPDATE","key":"k","key":"twice"}"#,
    r#"{"type":"EVENT_911","data":{"text":"\u00e9\u0041\/\ud83d\ude00\u0000 é😀 \"\\\" \u2028","":{"":[[],{}]}}}"#,
    "{ \"type\" :\t\"EVENT_TONE\" ,\r\n  \"data\" : [ 1 , 2 ] }",
    r#"{"data":{"type":"SESSION_CLOSED","key":{"type":"x"}},"type":"EVENT_RECORD_ADD"}"#,
    r#"{"type":"EVENT_STREETSIGN_UPDATED","data":{"signData":{"text1":"<b>&amp;'+\u003c"}}}"#,
];

/// The payloads of the documented push events, if present.
fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let mut payloads = Vec::new();
    for file in ["push_events.jsonl", "push_events_variants.jsonl"] {
        match fs::read_to_string(folder.join(file)) {
            Ok(text) => payloads.extend(text.lines().map(payload)),
            Err(error) => not_run(&format!("the payloads of ../shared/fixtures/{file}: {error}")),
        }
    }
    payloads
}

fn payload(line: &str) -> String {
    let mut line: std::collections::HashMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(line).expect("JSON lines");
    line.remove("payload").expect("every line has one").get().to_owned()
}

/// JSON without the white space between tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let is_kept = |&character: &char| {
        let kept = in_string || !character.is_ascii_whitespace();
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
        kept
    };
    json.chars().filter(is_kept).collect()
}

#[test]
fn payloads_keep_every_byte_in_all_shapes() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let payloads: Vec<_> = EXACT.map(str::to_owned).into_iter().chain(fixtures()).collect();
    let session = hub.ready(1, &json!({}));
    for shape in [Shape::Object, Shape::Verbatim, Shape::String] {
        for payload in &payloads {
            hub.push_as(1, payload, shape);
        }
        for payload in &payloads {
            let expected = if shape == Shape::Object { compact(payload) } else { payload.clone() };
            session.expect_text(&expected);
        }
    }
    let count = u64::try_from(payloads.len() * 3).expect("few");
    assert_eq!((session.figure("pushes"), session.figure("dropped")), (count, 0));
    assert_eq!(session.figure("unknownMessages"), 0);
}

#[test]
fn twenty_thousand_events_arrive_in_order() {
    const COUNT: u64 = 20_000;
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    hub.burst(1, COUNT);
    for number in 0..COUNT {
        assert_eq!(session.next().get("data")["seq"], number);
    }
    assert_eq!((session.poll(), session.figure("dropped")), (None, 0));
}

#[test]
fn a_large_event_arrives_whole() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let audio = "UklGRiQAAABXQVZF".repeat(3 * 1024 * 1024 / 16);
    let payload = format!(r#"{{"type":"EVENT_STATION_ALERT","data":{{"message":"{audio}"}}}}"#);
    for text in [&payload, &event(1), &payload] {
        hub.push(1, text);
    }
    for text in [&payload, &event(1), &payload] {
        session.expect_text(text);
    }
}

#[test]
fn the_key_is_stripped_where_that_is_wished() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({"eventKey": "strip"}));
    let cases = [
        (r#"{"key":"demo-key","type":"A","data":{"key":"stays"}}"#, r#"{"type":"A","data":{"key":"stays"}}"#),
        (r#"{"type":"A","key":"demo-key"}"#, r#"{"type":"A"}"#),
        (r#"{"type":"A","n":1.10}"#, r#"{"type":"A","n":1.10}"#),
    ];
    for (payload, stripped) in cases {
        for shape in [Shape::Verbatim, Shape::String] {
            hub.push_as(1, payload, shape);
            session.expect_text(stripped);
        }
    }
    hub.push(1, r#"{"key":"demo-key","type":"SESSION_READY"}"#);
    let wrapped = session.expect("SESSION_PUSH");
    assert_eq!(wrapped.get("arguments"), json!([{"type": "SESSION_READY"}]));
}

#[test]
fn a_push_cannot_pass_for_the_librarys_own() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for (payload, code) in [
        (r#"{"type":"SESSION_CLOSED"}"#, "reserved-type"),
        (r#"{"type":"session_x"}"#, "reserved-type"),
        (r#"{"type":"A","type":"SESSION_READY"}"#, "reserved-type"),
        (r#"{"type":"SESSION_READY","type":"A"}"#, "reserved-type"),
        (r#"{"t\u0079pe":"\u0053ESSION_READY"}"#, "reserved-type"),
        (r#"{"data":1}"#, "no-type"),
        (r#"{"type":7}"#, "no-type"),
        ("[1.0]", "not-an-object"),
        ("null", "not-an-object"),
        ("\"text\"", "not-an-object"),
    ] {
        hub.push(1, payload);
        let wrapped = session.expect("SESSION_PUSH");
        assert_eq!(wrapped.code(), code, "{wrapped}");
        assert!(wrapped.0.ends_with(&format!(r#""arguments":[{payload}]}}"#)), "{wrapped}");
    }
}

/// Summarises events: pushes by number, gaps by count, notices by type.
fn summary(session: &Session) -> Vec<String> {
    let short = |event: &support::client::Event| match event.kind().as_str() {
        "EVENT_UNIT_STATUS" => event.get("data")["seq"].to_string(),
        "SESSION_EVENTS_DROPPED" => format!("-{}", event.get("count")),
        other => other.to_owned(),
    };
    session.drain().iter().map(short).collect()
}

#[test]
fn a_full_queue_drops_the_oldest_push_and_marks_every_gap() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = Session::connect(&hub.options(1, &json!({"queueEvents": 3})));
    hub.when("ready", |hub| !hub.sessions().is_empty());
    wait_until("ready", || session.figure("ready") == 1);
    hub.burst(1, 5);
    wait_until("all pushes", || session.figure("pushes") == 5);
    assert_eq!((session.figure("dropped"), session.figure("queuedEvents")), (2, 5));
    hub.abort(None);
    wait_until("ready again", || session.figure("ready") == 2);
    hub.burst(1, 5);
    wait_until("all pushes", || session.figure("pushes") == 10);
    let ready = "SESSION_READY";
    assert_eq!(summary(&session), [ready, "-5", "SESSION_LOST", ready, "-2", "2", "3", "4"]);
    assert_eq!((session.figure("dropped"), session.figure("queuedEvents")), (7, 0));
    hub.burst(1, 4);
    wait_until("all pushes", || session.figure("pushes") == 14);
    assert_eq!(summary(&session), ["-1", "1", "2", "3"]);
}

#[test]
fn bytes_bound_the_queue_too_but_the_newest_push_stays() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({"queueBytes": 1024}));
    let text = |size: usize| format!(r#"{{"type":"A","data":"{}"}}"#, "x".repeat(size));
    for size in [500, 501, 502, 400] {
        hub.push(1, &text(size));
    }
    wait_until("all pushes", || session.figure("pushes") == 4);
    assert_eq!(
        session.figure("queuedBytes"),
        u64::try_from(text(502).len() + text(400).len()).expect("small")
    );
    assert_eq!(session.expect("SESSION_EVENTS_DROPPED").get("count"), 2);
    session.expect_text(&text(502));
    session.expect_text(&text(400));
    hub.push(1, &text(10));
    hub.push(1, &text(5_000));
    wait_until("all pushes", || session.figure("pushes") == 6);
    let dropped = session.expect("SESSION_EVENTS_DROPPED");
    assert_eq!((dropped.get("count"), dropped.code()), (json!(1), "queue-full".to_owned()));
    session.expect_text(&text(5_000));
    assert_eq!(session.stats().expect("it is open")["queuedBytes"], Value::from(0));
}

#[test]
fn only_pushes_of_the_wanted_types_come() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let push = |kind: &str| format!(r#"{{"key":"{KEY}","type":"{kind}","data":1}}"#);
    let (call, panic, alert) = (push("EVENT_911"), push("EVENT_UNIT_PANIC"), push("EVENT_STATION_ALERT"));
    let wrapped = push("SESSION_X");
    let twice = format!(r#"{{"type":"EVENT_STATION_ALERT","type":"\u0045VENT_911","key":"{KEY}"}}"#);
    let only = hub.ready(1, &json!({"types": ["event_911", "EVENT_UNIT_PANIC"]}));
    let without = hub.ready(2, &json!({"types": ["!EVENT_STATION_ALERT"], "eventKey": "strip"}));
    let wrapped_only = hub.ready(3, &json!({"types": ["SESSION_PUSH"]}));
    for server in 1..=3 {
        for body in [&call, &alert, &wrapped, &panic, &twice] {
            hub.push(server, body);
            hub.push_as(server, body, Shape::String);
        }
    }
    for body in [&call, &panic, &twice] {
        only.expect_text(body);
        only.expect_text(body);
    }
    let stripped = |body: &str| body.replacen(&format!(r#""key":"{KEY}","#), "", 1);
    for body in [&call, &panic] {
        without.expect_text(&stripped(body));
        without.expect_text(&stripped(body));
        if *body == call {
            without.expect("SESSION_PUSH");
            without.expect("SESSION_PUSH");
        }
    }
    assert_eq!(without.next().0, twice.replacen(&format!(r#","key":"{KEY}""#), "", 1));
    wrapped_only.expect("SESSION_PUSH");
    wrapped_only.expect("SESSION_PUSH");
    for (session, filtered) in [(&only, 4), (&without, 2), (&wrapped_only, 8)] {
        wait_until("all ten", || session.figure("pushes") == 10);
        assert_eq!(session.figure("filtered"), filtered);
        assert_eq!(session.figure("dropped"), 0);
    }
    // a posted body is a push as any other
    assert_eq!(only.ingest(&alert), Ok(0));
    assert_eq!(only.ingest(&call), Ok(0));
    only.expect_text(&call);
    assert_eq!((only.poll(), only.figure("filtered")), (None, 5));
}

#[test]
fn what_is_taken_over_passes_the_new_filter() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = hub.ready(1, &json!({}));
    let push = |kind: &str, number: u32| format!(r#"{{"type":"{kind}","data":{number}}}"#);
    for number in 0..3 {
        hub.push(1, &push("EVENT_911", number));
        hub.push(1, &push("EVENT_CALL", number));
    }
    wait_until("the pushes", || old.figure("pushes") == 6);
    let new = Session::connect(&hub.options(1, &json!({"types": ["EVENT_CALL"]})));
    for number in 0..3 {
        new.expect_text(&push("EVENT_CALL", number));
    }
    new.expect("SESSION_READY");
    assert_eq!(new.figure("filtered"), 3);
    // one that gets all of them from now on
    let all = Session::connect(&hub.options(1, &json!({})));
    all.expect("SESSION_READY");
    hub.push(1, &push("EVENT_911", 3));
    all.expect_text(&push("EVENT_911", 3));
}
