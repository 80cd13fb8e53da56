//! How sessions end: on request, or because nobody uses them.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::hub::{Hub, event, lasting_port, options, url};
use support::client::{Process, Session, ffi, last_error};
use support::wait_until;

#[test]
fn what_is_queued_can_be_polled_to_the_last_event() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for number in 0..2 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || session.figure("pushes") == 2);
    assert_eq!((session.disconnect(), session.disconnect()), (Ok(0), Ok(0)));
    hub.when("it has left", |hub| hub.sessions().is_empty());
    wait_until("it has ended", || session.state() == ffi::SONORAN_STATE_CLOSED);
    for failed in [
        session.invoke("echo", "[1]"),
        session.send_unit_locations(r#"[{"identId":1,"location":"L"}]"#),
        session.ingest(&event(9)),
    ] {
        assert_eq!(failed.expect_err("it has ended").0, ffi::SONORAN_E_CLOSED);
    }
    assert_eq!(session.figure("queuedEvents"), 3);
    session.expect_text(&event(0));
    session.expect_text(&event(1));
    let closed = session.expect("SESSION_CLOSED");
    assert_eq!(closed.code(), "disconnected");
    assert_eq!((session.poll(), session.state(), session.stats()), (None, ffi::SONORAN_E_SESSION, None));
    assert!(last_error().contains("does not exist"), "{}", last_error());
}

#[test]
fn a_session_ends_from_every_state() {
    let process = Process::shared();
    let nobody = Session::connect(&options(
        &url(lasting_port()),
        1,
        &json!({"retryMinMs": 60_000, "retryMaxMs": 60_000}),
    ));
    nobody.expect("SESSION_RETRY");
    assert_eq!(nobody.state(), ffi::SONORAN_STATE_RETRYING);
    assert_eq!(nobody.disconnect(), Ok(0));
    assert_eq!(nobody.expect("SESSION_CLOSED").code(), "disconnected");

    let hub = Hub::start(&process);
    hub.set_auth(sonoran_hub::Auth { reject: None, delay: Duration::from_secs(3600) });
    let authenticating = Session::connect(&hub.options(1, &json!({})));
    wait_until("it authenticates", || authenticating.state() == ffi::SONORAN_STATE_AUTHENTICATING);
    assert_eq!(authenticating.disconnect(), Ok(0));
    assert_eq!(authenticating.expect("SESSION_CLOSED").code(), "disconnected");

    let at_once = Session::connect(&hub.options(2, &json!({})));
    assert_eq!(at_once.disconnect(), Ok(0));
    assert_eq!(at_once.expect("SESSION_CLOSED").code(), "disconnected");
}

#[test]
fn a_thread_that_waits_sees_the_end() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| session.wait_for_release())).collect();
        assert_eq!(session.disconnect(), Ok(0));
        let last: Vec<_> =
            waiters.into_iter().filter_map(|waiter| waiter.join().expect("no panic")).collect();
        assert_eq!(last.iter().map(support::client::Event::kind).collect::<Vec<_>>(), ["SESSION_CLOSED"]);
    });
    assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
}

#[test]
fn events_that_nobody_polled_go_to_the_next_session() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    for number in 0..3 {
        hub.push(1, &event(number));
    }
    wait_until("the pushes", || first.figure("pushes") == 3);
    assert_eq!(first.disconnect(), Ok(0));
    wait_until("it has ended", || first.state() == ffi::SONORAN_STATE_CLOSED);
    first.expect_text(&event(0));
    let second = Session::connect(&hub.options(1, &json!({})));
    assert_eq!(first.state(), ffi::SONORAN_E_SESSION);
    second.expect_text(&event(1));
    second.expect_text(&event(2));
    assert_eq!(second.expect("SESSION_READY").get("resumed"), false);
    hub.push(1, &event(3));
    second.expect_text(&event(3));
}

#[test]
fn only_a_session_that_nobody_uses_is_closed() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let more = json!({"idleCloseMs": 1500});
    let [unused, polled, waited, sent] = [1, 2, 3, 4].map(|server| hub.ready(server, &more));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| waited.wait_for_release());
        wait_until("the unused one ends", || {
            assert_eq!(polled.poll(), None);
            let locations = format!(r#"[{{"identId":1,"location":"{}"}}]"#, sent.figure("attempts"));
            assert_eq!(sent.send_unit_locations(&locations), Ok(0));
            unused.state() == ffi::SONORAN_STATE_CLOSED
        });
        for used in [&polled, &waited, &sent] {
            assert_eq!(used.state(), ffi::SONORAN_STATE_READY);
        }
        assert_eq!(waited.wake(), Ok(0));
        assert_eq!(waiter.join().expect("no panic"), None);
    });
    hub.when("it has left", |hub| hub.sessions().len() == 3);
    let closed = unused.expect("SESSION_CLOSED");
    assert_eq!(closed.code(), "idle");
    assert!(closed.message().contains("idleCloseMs"), "{closed}");
    assert_eq!(unused.state(), ffi::SONORAN_E_SESSION);
}
