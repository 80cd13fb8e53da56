//! Calls of the hub's methods, the hub's calls of ours, and pushes by HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::hub::{Hub, KEY, event, lasting_port, options, url};
use support::client::{Event, Process, Session, ffi};
use support::wait_until;

/// How a call ended.
#[track_caller]
fn result(session: &Session, id: i32) -> Event {
    let result = session.expect("SESSION_CALL_RESULT");
    assert_eq!(result.get("id"), id, "{result}");
    result
}

#[test]
fn a_result_is_the_hubs_own_text() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for value in [r#"{"b":1.10,"a":[1e400,null],"a":""}"#, "null", "\"\\u00e9\u{e9}\\u001e\"", "-0", "[]"] {
        let id = session.invoke("echo", &format!("[{value}]")).expect("it is ready");
        let result = result(&session, id);
        assert!(result.0.ends_with(&format!(",\"result\":{value}}}")), "{result}");
        assert!(result.0.contains(r#""code":"ok""#) && result.0.contains(r#""method":"echo""#), "{result}");
    }
}

#[test]
fn an_error_has_the_hubs_words() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for (method, arguments, words) in [
        ("fail", r#"["no such \"unit\""]"#, "no such \"unit\""),
        ("noSuchMethod", "[]", "Method does not exist"),
        ("echo", "[1,2]", "due to an error on the server"),
    ] {
        let id = session.invoke(method, arguments).expect("it is ready");
        let result = result(&session, id);
        assert_eq!((result.code(), result.get("method")), ("error".to_owned(), json!(method)));
        assert!(result.message().contains(words), "{result}");
    }
    assert_eq!(session.state(), ffi::SONORAN_STATE_READY);
}

#[test]
fn a_call_without_an_answer_times_out_once() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({"callTimeoutMs": 2000}));
    let slow = session.invoke("slow", "[2.5]").expect("it is ready");
    let timed_out = result(&session, slow);
    assert_eq!(timed_out.code(), "timeout");
    // the hub does answer that one late, and then this one
    let echo = session.invoke("echo", "[1]").expect("it is ready");
    assert_eq!(result(&session, echo).code(), "ok");
    assert_eq!(session.figure("unknownMessages"), 1);
    assert_eq!((session.poll(), session.figure("ready")), (None, 1));
}

#[test]
fn every_call_has_one_result_when_the_hub_dies_in_the_middle() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let mut ids: Vec<_> =
        (0..20).map(|number| session.invoke("echo", &format!("[{number}]")).expect("it is ready")).collect();
    ids.extend((0..20).map(|_| session.invoke("slow", "[3600]").expect("it is ready")));
    let mut events: Vec<_> = (0..20).map(|_| session.expect("SESSION_CALL_RESULT")).collect();
    hub.stop();
    events.extend(session.until("SESSION_LOST"));
    let mut codes = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind() == "SESSION_CALL_RESULT") {
        let id = event.get("id").as_i64().and_then(|id| i32::try_from(id).ok()).expect("a number");
        assert_eq!(codes.insert(id, event.code()), None, "{event}");
    }
    assert_eq!(codes.keys().copied().collect::<Vec<_>>(), ids);
    assert!(ids[..20].iter().all(|id| codes[id] == "ok") && ids[20..].iter().all(|id| codes[id] == "lost"));
    assert_eq!(events.len(), 41, "they stand ahead of SESSION_LOST");
}

#[test]
fn calls_that_wait_are_lost_with_the_session() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let ids: Vec<_> = (0..3).map(|_| session.invoke("slow", "[3600]").expect("it is ready")).collect();
    assert_eq!(session.disconnect(), Ok(0));
    for id in ids {
        assert_eq!(result(&session, id).code(), "lost");
    }
    session.expect("SESSION_CLOSED");
}

#[test]
fn a_call_that_cannot_be_made_is_refused_at_once() {
    let process = Process::shared();
    let away = Session::connect(&options(&url(lasting_port()), 1, &json!({})));
    assert_eq!(away.invoke("echo", "[1]").expect_err("nobody is there").0, ffi::SONORAN_E_NOT_READY);
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for (method, arguments, code, part) in [
        ("echo", "1", ffi::SONORAN_E_JSON, "arguments_json"),
        ("echo", "[1", ffi::SONORAN_E_JSON, "arguments_json"),
        ("echo", "[1] x", ffi::SONORAN_E_JSON, "arguments_json"),
        ("echo", "[\u{1e}]", ffi::SONORAN_E_JSON, "arguments_json"),
        ("echo", "", ffi::SONORAN_E_JSON, "arguments_json"),
        ("", "[]", ffi::SONORAN_E_JSON, "method"),
    ] {
        let failed = session.invoke(method, arguments).expect_err(arguments);
        assert_eq!(failed.0, code, "{arguments}: {}", failed.1);
        assert!(failed.1.contains(part), "{arguments}: {}", failed.1);
    }
    assert_eq!(
        // SAFETY: a constant, and NULL, which is refused.
        unsafe { ffi::sonoran_invoke(session.number(), c"echo".as_ptr(), std::ptr::null()) },
        ffi::SONORAN_E_ARGUMENT
    );

    // the hub accepts 32 KiB, and closes the connection over more
    let mut size = 32 * 1024;
    let largest = loop {
        match session.invoke("echo", &format!("[\"{}\"]", "x".repeat(size))) {
            Ok(id) => break id,
            Err(failed) => assert_eq!(failed.0, ffi::SONORAN_E_TOO_LARGE, "{}", failed.1),
        }
        size -= 1;
    };
    assert_eq!(result(&session, largest).code(), "ok");
    assert!(size > 32 * 1024 - 128, "{size}");
    assert_eq!((session.figure("ready"), session.poll()), (1, None));
}

#[test]
fn only_so_many_calls_wait_for_a_result() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let mut calls = vec![session.invoke("slow", "[0.3]").expect("it is ready")];
    calls.extend(
        (1..256).map(|number| session.invoke("echo", &format!("[{number}]")).expect("there is room")),
    );
    assert_eq!(session.invoke("echo", "[256]").expect_err("too many").0, ffi::SONORAN_E_BUSY);
    for id in calls {
        assert_eq!(result(&session, id).code(), "ok");
    }
    let id = session.invoke("echo", "[1]").expect("there is room again");
    result(&session, id);
}

#[test]
fn the_hub_gets_an_answer_to_what_it_asks() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let ask = |target: &str, arguments: &str| {
        let answer = hub.wait(async {
            tokio::time::timeout(Duration::from_secs(60), hub.ask_client("demo", 1, target, arguments)).await
        });
        answer.expect("an answer").map(|value| value.map(|value| value.get().to_owned()))
    };
    assert_eq!(ask("pushEvent", &event(1)), Ok(Some("null".to_owned())));
    session.expect_text(&event(1));
    assert_eq!(ask("whoAreYou", "1"), Err("Client didn't provide a result.".to_owned()));
    assert_eq!(session.figure("unknownMessages"), 1);
    assert_eq!((session.poll(), session.figure("ready")), (None, 1));
}

#[test]
fn methods_that_are_not_ours_are_ignored_and_counted() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for target in ["pushEvents", "push", "authenticate", "ping"] {
        assert!(hub.wait(hub.call_client("demo", 1, target, &event(0))));
    }
    assert!(hub.wait(hub.call_client("demo", 1, "PUSHEVENT", &event(1))));
    session.expect_text(&event(1));
    assert_eq!((session.figure("unknownMessages"), session.figure("pushes")), (4, 1));
}

#[test]
fn a_push_that_came_by_http_joins_the_stream() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let away = Session::connect(&options(
        &url(lasting_port()),
        3,
        &json!({"retryMinMs": 60_000, "retryMaxMs": 60_000}),
    ));
    away.expect("SESSION_RETRY");
    assert_eq!(away.ingest(&event(0)), Ok(0), "that is what it is for");
    away.expect_text(&event(0));

    let session = hub.ready(1, &json!({"eventKey": "strip", "queueEvents": 2, "maxMessageBytes": 1024}));
    let body = |key: &str, number| format!(r#"{{"type":"EVENT_911","key":"{key}","data":{number}.0}}"#);
    for number in 0..3 {
        assert_eq!(session.ingest(&body(&KEY.to_uppercase(), number)), Ok(0));
    }
    for (body, code) in [
        (body("other-key", 9), ffi::SONORAN_E_KEY),
        (r#"{"type":"EVENT_911"}"#.to_owned(), ffi::SONORAN_E_KEY),
        ("[]".to_owned(), ffi::SONORAN_E_JSON),
        (body(&"x".repeat(1024), 9), ffi::SONORAN_E_TOO_LARGE),
    ] {
        let failed = session.ingest(&body).expect_err(&body);
        assert_eq!(failed.0, code, "{}", failed.1);
        assert!(!failed.1.contains(KEY), "{}", failed.1);
    }
    assert_eq!(session.expect("SESSION_EVENTS_DROPPED").get("count"), 1);
    session.expect_text(r#"{"type":"EVENT_911","data":1.0}"#);
    session.expect_text(r#"{"type":"EVENT_911","data":2.0}"#);
    wait_until("nothing more", || session.figure("queuedEvents") == 0);
    assert_eq!(session.poll(), None);
}
