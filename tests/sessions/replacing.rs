//! A second session for the same hub, community and server: a restarted plugin.

use std::thread;

use serde_json::json;

use crate::hub::{Hub, KEY, event, lasting_port, options, url};
use support::client::{Event, Process, Session, ffi, last_error};
use support::wait_until;

#[test]
fn the_same_options_take_over_the_live_connection() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let options = hub.options(1, &json!({}));
    let old = Session::connect(&options);
    wait_until("ready", || old.figure("ready") == 1);
    let connections = hub.connections();
    for number in 0..3 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || old.figure("pushes") == 3);

    let new = Session::connect(&options);
    assert!(new.number() > old.number());
    assert_eq!((old.poll(), old.state()), (None, ffi::SONORAN_E_SESSION));
    assert!(last_error().contains(&format!("session {}", old.number())), "{}", last_error());
    assert_eq!(new.state(), ffi::SONORAN_STATE_READY);
    hub.push(1, &event(3));
    assert_eq!(new.expect("SESSION_READY").get("resumed"), false);
    for number in 0..3 {
        new.expect_text(&event(number));
    }
    assert_eq!(new.expect("SESSION_READY").get("resumed"), true);
    new.expect_text(&event(3));
    assert_eq!((hub.called().len(), hub.connections()), (1, connections));

    // the old number does nothing to the new one
    assert_eq!(old.disconnect().expect_err("it is dead").0, ffi::SONORAN_E_SESSION);
    hub.push(1, &event(4));
    new.expect_text(&event(4));
}

#[test]
fn one_hub_is_one_session_however_its_url_is_spelled() {
    let process = Process::shared();
    let port = lasting_port();
    let hub = Hub::start_on(&process, port);
    let mut session = hub.ready(1, &json!({}));
    for url in [
        format!("http://127.0.0.1:{port}/apiWsHub"),
        format!("HTTP://127.0.0.1:{port}/%61piWsHub#here"),
        format!("ws://127.0.0.1.:{port}/apiWsHub"),
    ] {
        let again = Session::connect(&options(&url, 1, &json!({})));
        assert_eq!(again.expect("SESSION_READY").get("resumed"), true, "{url}");
        assert_eq!(session.state(), ffi::SONORAN_E_SESSION, "{url}");
        session = again;
    }
    // a name with a trailing dot is the same name, but is looked up differently
    let named = |host: &str| options(&format!("ws://{host}:{port}/apiWsHub"), 2, &json!({}));
    let name = Session::connect(&named("LOCALHOST"));
    let absolute = Session::connect(&named("localhost."));
    assert_eq!(name.state(), ffi::SONORAN_E_SESSION);
    let refused = Session::try_connect(&options(&url(port), 1, &json!({"replace": false})).to_string());
    assert_eq!(refused.expect_err("it is open").0, ffi::SONORAN_E_EXISTS);
    drop(absolute);
}

/// Threads that wait for an event of a session by its number.
fn waiters(session: &Session) -> Vec<thread::JoinHandle<Option<Event>>> {
    let number = session.number();
    let wait = || {
        let session = std::mem::ManuallyDrop::new(Session::numbered(number));
        thread::spawn(move || session.wait_for_release())
    };
    std::iter::repeat_with(wait).take(3).collect()
}

#[test]
fn who_waits_under_the_old_number_is_let_go() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    for more in [json!({}), json!({"stableMs": 1})] {
        let old = hub.ready(1, &json!({}));
        let waiters = waiters(&old);
        let new = Session::connect(&hub.options(1, &more));
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), None);
        }
        new.expect("SESSION_READY");
        hub.push(1, &event(1));
        new.expect_text(&event(1));
        assert_eq!(old.state(), ffi::SONORAN_E_SESSION);
    }
    // even if the new one stays silent for long
    let away = options(&url(lasting_port()), 1, &json!({"retryMinMs": 3_600_000, "retryMaxMs": 3_600_000}));
    let old = Session::connect(&away);
    old.expect("SESSION_RETRY");
    let waiters = waiters(&old);
    let new = Session::connect(&away);
    for waiter in waiters {
        assert_eq!(waiter.join().expect("no panic"), None);
    }
    new.expect("SESSION_RETRY");
    assert_eq!((new.poll(), new.state()), (None, ffi::SONORAN_STATE_RETRYING));
}

#[test]
fn calls_that_are_under_way_are_answered_to_the_new_number() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = hub.ready(1, &json!({}));
    let slow = old.invoke("slow", "[0.3]").expect("it is ready");
    let echo = old.invoke("echo", "[5]").expect("it is ready");
    let new = Session::connect(&hub.options(1, &json!({})));
    assert_eq!(new.expect("SESSION_READY").get("resumed"), true);
    for id in [slow, echo] {
        let result = new.expect("SESSION_CALL_RESULT");
        assert_eq!((result.get("id"), result.code()), (json!(id), "ok".to_owned()));
    }
}

#[test]
fn other_options_make_a_new_connection_and_keep_the_events() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = Session::connect(&hub.options(1, &json!({})));
    wait_until("ready", || old.figure("ready") == 1);
    let connections = hub.connections();
    for number in 0..3 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || old.figure("pushes") == 3);

    let new = Session::connect(&hub.options(1, &json!({"authMethod": "authenticatev2"})));
    assert_eq!(old.state(), ffi::SONORAN_E_SESSION);
    assert_eq!(new.expect("SESSION_READY").get("method"), "authenticate");
    for number in 0..3 {
        new.expect_text(&event(number));
    }
    let ready = new.expect("SESSION_READY");
    assert_eq!((ready.get("method"), ready.get("resumed")), (json!("authenticatev2"), json!(false)));
    assert_eq!(hub.called(), ["authenticate", "authenticatev2"]);
    assert_eq!(hub.sessions().len(), 1, "the old one has left");
    assert_ne!(hub.connections(), connections);
    hub.push(1, &event(3));
    new.expect_text(&event(3));
}

#[test]
fn smaller_bounds_hold_for_what_is_taken_over() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = hub.ready(1, &json!({}));
    for number in 0..5 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || old.figure("pushes") == 5);
    let new = Session::connect(&hub.options(1, &json!({"queueEvents": 2})));
    assert_eq!(new.expect("SESSION_EVENTS_DROPPED").get("count"), 3);
    new.expect_text(&event(3));
    new.expect_text(&event(4));
    new.expect("SESSION_READY");
}

#[test]
fn a_session_need_not_give_way() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let keep = hub.options(1, &json!({"replace": false}));
    let failed = Session::try_connect(&keep.to_string()).expect_err("there is one");
    assert_eq!(failed.0, ffi::SONORAN_E_EXISTS);
    assert!(failed.1.contains(&format!("session {}", first.number())), "{}", failed.1);
    hub.push(1, &event(1));
    first.expect_text(&event(1));
    // neither another server nor a leaving session is in the way
    let other = hub.ready(2, &json!({"replace": false}));
    hub.push(1, &event(2));
    wait_until("the push", || first.figure("queuedEvents") == 1);
    assert_eq!(first.disconnect(), Ok(0));
    let second = Session::connect(&keep);
    second.expect_text(&event(2));
    second.expect("SESSION_READY");
    assert_eq!((first.state(), other.state()), (ffi::SONORAN_E_SESSION, ffi::SONORAN_STATE_READY));
}

#[test]
fn a_plugin_that_restarts_in_a_hurry_ends_with_one_session() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let mut newest = Session::connect(&hub.options(1, &json!({})));
    for round in 1..=30 {
        // the options of every third start differ
        newest = Session::connect(&hub.options(1, &json!({"stableMs": round / 3})));
    }
    wait_until("ready", || newest.state() == ffi::SONORAN_STATE_READY);
    hub.when("one session", |hub| hub.sessions().len() == 1);
    hub.push(1, &event(1));
    let events = newest.until("EVENT_UNIT_STATUS");
    assert!(events.iter().rev().skip(1).all(|event| event.kind() == "SESSION_READY"), "{events:?}");
    assert_eq!(newest.wait(100), None, "one connection, one copy");
}

#[test]
fn calls_that_are_under_way_are_lost_to_a_session_with_other_options_and_it_is_told() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    for leaves_first in [false, true] {
        let old = hub.ready(1, &json!({}));
        let mut ids: Vec<_> = (0..3).map(|_| old.invoke("slow", "[3600]").expect("it is ready")).collect();
        if leaves_first {
            assert_eq!(old.disconnect(), Ok(0));
        }
        let new = Session::connect(&hub.options(1, &json!({"stableMs": 1})));
        let events = new.until("SESSION_READY");
        let results = events.iter().filter(|event| event.kind() == "SESSION_CALL_RESULT");
        let told: Vec<_> = results.map(|result| (result.get("id"), result.code())).collect();
        let expected: Vec<_> = ids.drain(..).map(|id| (json!(id), "lost".to_owned())).collect();
        assert_eq!(told, expected, "{events:?}");
        assert_eq!(new.poll(), None);
    }
}

#[test]
fn a_session_that_waits_says_again_why_and_how_long() {
    let _process = Process::shared();
    let never = json!({"retryMinMs": 3_600_000, "retryMaxMs": 3_600_000});
    let away = options(&url(lasting_port()), 1, &never);
    let old = Session::connect(&away);
    let first = old.expect("SESSION_RETRY");
    let new = Session::connect(&away);
    let again = new.expect("SESSION_RETRY");
    let left = |event: &Event| event.get("retryInMs").as_u64().expect("a number");
    assert!(left(&again) <= left(&first), "{first} {again}");
    for field in ["code", "message", "attempt"] {
        assert_eq!(again.get(field), first.get(field));
    }
    assert_eq!((new.poll(), new.state()), (None, ffi::SONORAN_STATE_RETRYING));
}

#[test]
fn a_wake_does_not_cross_a_takeover() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    for more in [json!({}), json!({"stableMs": 1})] {
        let old = hub.ready(1, &json!({}));
        assert_eq!(old.wake(), Ok(0));
        let new = Session::connect(&hub.options(1, &more));
        // the old one's wake would end this wait
        assert_eq!(new.wait_for_release().expect("an event").kind(), "SESSION_READY");
    }
}

#[test]
fn another_key_inherits_nothing() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = hub.ready(1, &json!({}));
    for number in 0..3 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || old.figure("pushes") == 3);
    let id = old.invoke("slow", "[3600]").expect("it is ready");
    let mut options = hub.options(1, &json!({}));
    options["apiKey"] = json!("the-key-of-another");
    let new = Session::connect(&options);
    assert_eq!(old.state(), ffi::SONORAN_E_SESSION);
    let dropped = new.expect("SESSION_EVENTS_DROPPED");
    assert_eq!((dropped.code(), dropped.get("count")), ("another-key".to_owned(), json!(3)), "{dropped}");
    let rejected = new.expect("SESSION_REJECTED");
    assert!(rejected.message().contains("Invalid API key."), "{rejected} {id}");
    assert_eq!((new.poll(), new.figure("pushes")), (None, 0));
    hub.when("the old one has left", |hub| hub.sessions().is_empty());

    // and what is known about one key says nothing about another
    let right = Session::connect(&hub.options(1, &json!({})));
    right.expect("SESSION_READY");
    assert_eq!(right.poll(), None);
}

#[test]
fn what_waited_is_stripped_too() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let old = hub.ready(1, &json!({}));
    hub.push(1, &event(0));
    // wrapped, because its type is reserved
    let reserved = format!(r#"{{"key":"{KEY}","type":"SESSION_X"}}"#);
    hub.push(1, &reserved);
    hub.push(1, &event(1));
    wait_until("the pushes", || old.figure("pushes") == 3);
    let new = Session::connect(&hub.options(1, &json!({"eventKey": "strip"})));
    let stripped = |number| event(number).replacen(&format!(r#""key":"{KEY}","#), "", 1);
    new.expect_text(&stripped(0));
    let wrapped = new.expect("SESSION_PUSH");
    assert_eq!(wrapped.get("arguments"), json!([{"type": "SESSION_X"}]));
    new.expect_text(&stripped(1));
    new.expect("SESSION_READY");
}
