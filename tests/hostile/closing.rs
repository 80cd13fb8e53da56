//! Goodbyes: the hub's, and the client's from every state.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::case::{Case, Peer, breaks, check, lost, options, push};
use crate::wire::{CLOSE, frame, push as record};
use support::client::{Process, Session, ffi, shutdown};
use support::{PATIENCE, wait_until};

const EVENT: &str = r#"{"type":"EVENT_BEFORE"}"#;

/// Timeouts that no test waits for.
fn never() -> Value {
    json!({"connectTimeoutMs": 300_000, "handshakeTimeoutMs": 300_000, "callTimeoutMs": 600_000})
}

fn closes(text: &'static str, part: &str) -> Case {
    breaks(text, [push(EVENT), lost("closed", part)], move |hub| {
        hub.push(EVENT);
        hub.record(text);
        Ok(())
    })
}

#[test]
fn close_records() {
    check(vec![
        closes(r#"{"type":7}"#, "The hub closed the session."),
        closes(r#"{"type":7,"allowReconnect":true}"#, "The hub closed the session."),
        closes(r#"{"type":7,"error":"Bye, the-api-key","allowReconnect":true}"#, "session: Bye, (apiKey)."),
        closes(r#"{"type":7,"error":null}"#, "The hub closed the session."),
        closes(r#"{"type":7,"error":123}"#, "123"),
        closes(r#"{"type":7,"error":{},"allowReconnect":"yes"}"#, "{}"),
        breaks("records behind it are not read", [push(EVENT), lost("closed", "")], |hub| {
            let after = r#"{"type":"EVENT_AFTER_ALL"}"#;
            hub.text(&format!("{}\u{1e}{{\"type\":7}}\u{1e}{}\u{1e}", record(EVENT), record(after)));
            Ok(())
        }),
        breaks("and a close behind it", [lost("closed", "The hub closed the session")], |hub| {
            hub.record(r#"{"type":7}"#);
            hub.send(frame(CLOSE, &1000_u16.to_be_bytes()));
            Ok(())
        }),
        breaks("a close is answered", [lost("closed", "code 1001 (bye)")], |hub| {
            hub.send(frame(CLOSE, b"\x03\xe9bye"));
            loop {
                match hub.read_frame()? {
                    (CLOSE, payload) if payload.starts_with(b"\x03\xe9") => return Ok(()),
                    (CLOSE, payload) => return Err(format!("closed with {payload:?}")),
                    _ => {}
                }
            }
        }),
        breaks("a reset", [lost("lost", "broke")], |hub| {
            hub.reset();
            Ok(())
        }),
    ]);
}

/// Ends a session, which must be quick whatever the peer does.
#[track_caller]
fn leaves(session: &Session) {
    let started = Instant::now();
    assert_eq!(session.disconnect(), Ok(0));
    assert_eq!(session.expect("SESSION_CLOSED").code(), "disconnected");
    assert!(started.elapsed() < PATIENCE / 2, "the goodbye is waited for two seconds");
    assert_eq!((session.poll(), session.state()), (None, ffi::SONORAN_E_SESSION));
}

#[test]
fn a_session_leaves_from_every_state() {
    let _process = Process::shared();
    let peer = Peer::start();
    let connect = |scheme: &str| {
        let session = Session::connect(&options(&peer.url_for(scheme), &never()));
        (session, peer.accept())
    };
    let (session, _securing) = connect("wss");
    leaves(&session);

    let mut through = options("ws://hub.invalid/leaves", &never());
    through["proxy"] = json!(format!("http://{}", peer.address()));
    let session = Session::connect(&through);
    let mut asking = peer.accept();
    asking.read_head().expect("a question to the proxy");
    leaves(&session);

    let mut negotiates = options(&peer.url(), &never());
    negotiates["negotiate"] = json!(true);
    let session = Session::connect(&negotiates);
    let mut negotiating = peer.accept();
    negotiating.read_head().expect("a negotiation");
    leaves(&session);

    let (session, mut upgrading) = connect("ws");
    upgrading.read_head().expect("an upgrade");
    leaves(&session);

    let (session, mut shaking_hands) = connect("ws");
    shaking_hands.upgrade().expect("an upgrade");
    shaking_hands.read_record().expect("a handshake");
    leaves(&session);

    let (session, mut authenticating) = connect("ws");
    authenticating.until_authenticate().expect("credentials");
    assert_eq!(session.state(), ffi::SONORAN_STATE_AUTHENTICATING);
    leaves(&session);

    // it never answers the goodbye
    let (session, mut ready) = connect("ws");
    ready.ready().expect("it logs in");
    session.expect("SESSION_READY");
    leaves(&session);
    ready.expect_record(&json!({"type": 7})).expect("a Close record");
    assert_eq!(ready.read_frame().map(|frame| frame.0), Ok(CLOSE));

    let (session, waiting) = connect("ws");
    drop(waiting);
    session.expect("SESSION_RETRY");
    leaves(&session);
}

#[test]
fn what_comes_during_the_goodbye_is_delivered() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &never()));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let id = session.invoke("late", "[]").expect("it is ready");
    let call = wire.read_record().expect("the call");
    assert_eq!(session.disconnect(), Ok(0));
    wire.expect_record(&json!({"type": 7})).expect("a Close record");
    assert_eq!(wire.read_frame().map(|frame| frame.0), Ok(CLOSE));
    wire.push(EVENT);
    wire.complete(call["invocationId"].as_str().expect("a text"), "1");
    wire.push(EVENT);
    wire.send(frame(CLOSE, &1000_u16.to_be_bytes()));
    wire.hang_up();
    session.expect_text(EVENT);
    let result = session.expect("SESSION_CALL_RESULT");
    assert_eq!((result.get("id"), result.code()), (json!(id), "ok".to_owned()));
    session.expect_text(EVENT);
    session.expect("SESSION_CLOSED");
}

#[test]
fn who_takes_a_place_waits_until_it_is_free() {
    let _process = Process::shared();
    let peer = Peer::start();
    let old = Session::connect(&options(&peer.url(), &never()));
    let mut left = peer.accept();
    left.ready().expect("it logs in");
    old.expect("SESSION_READY");
    left.push(EVENT);
    wait_until("the push", || old.figure("pushes") == 1);

    let new = Session::connect(&options(&peer.url(), &json!({"eventKey": "strip"})));
    left.expect_record(&json!({"type": 7})).expect("a Close record");
    assert_eq!(left.read_frame().map(|frame| frame.0), Ok(CLOSE));
    // two sessions of one server at a hub would take each other's events; this peer does not let the old one
    // go, so the new one connects once the old one has given up
    let mut wire = peer.accept();
    left.expect_gone().expect("the old connection ended before the new one began");

    wire.ready().expect("it logs in");
    wire.push(r#"{"key":"k","type":"EVENT_NEW"}"#);
    new.expect_text(EVENT);
    new.expect("SESSION_READY");
    new.expect_text(r#"{"type":"EVENT_NEW"}"#);
    assert_eq!(old.state(), ffi::SONORAN_E_SESSION);
}

#[test]
fn a_shutdown_keeps_its_time() {
    let _process = Process::alone();
    let peer = Peer::start();
    for (timeout, expected) in [(30_000, Ok(0)), (100, Err(ffi::SONORAN_E_TIMEOUT))] {
        let session = Session::connect(&options(&peer.url(), &never()));
        // it never answers the goodbye
        let mut wire = peer.accept();
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
        let started = Instant::now();
        assert_eq!(shutdown(timeout).map_err(|failed| failed.0), expected);
        assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
        assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
        drop(wire);
        #[cfg(target_os = "linux")]
        wait_until("the threads are gone", || support::client::library_threads().is_empty());
    }
}
