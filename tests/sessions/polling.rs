//! Polling and waiting, from one thread and from many.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hub::{Hub, event};
use support::client::{Process, Session, ffi, last_error};
use support::{PATIENCE, wait_until};

#[test]
fn threads_that_poll_one_session_share_its_events() {
    const COUNT: u64 = 20_000;
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    let mut taken: Vec<u64> = Vec::new();
    thread::scope(|scope| {
        let takers: Vec<_> = (0..8)
            .map(|taker| {
                let session = &session;
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    let until = Instant::now() + PATIENCE;
                    while session.figure("delivered") < COUNT + 1 && Instant::now() < until {
                        let event = if taker % 2 == 0 { session.poll() } else { session.wait(20) };
                        taken.extend(event.and_then(|event| event.get("data")["seq"].as_u64()));
                    }
                    taken
                })
            })
            .collect();
        hub.burst(1, COUNT);
        for taker in takers {
            let of_one = taker.join().expect("it does not panic");
            assert!(of_one.is_sorted(), "one thread sees the order");
            taken.extend(of_one);
        }
    });
    assert_eq!(taken.len() as u64, COUNT);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len() as u64, COUNT, "none came twice");
}

#[test]
fn a_wait_ends_with_its_time() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    assert_eq!(session.wait(0), None);
    let started = Instant::now();
    assert_eq!(session.wait(120), None);
    assert!(started.elapsed() >= Duration::from_millis(120));
    hub.push(1, &event(1));
    assert_eq!(session.wait(-1).map(|event| event.0), Some(event(1)));
    hub.push(1, &event(2));
    wait_until("the push", || session.figure("queuedEvents") == 1);
    assert_eq!(session.wait(0).map(|event| event.0), Some(event(2)));
}

#[test]
fn a_wait_without_limit_ends_with_an_event() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| session.wait(-1))).collect();
        for number in 0..4 {
            hub.push(1, &event(number));
        }
        let got: BTreeSet<_> =
            waiters.into_iter().map(|waiter| waiter.join().expect("no panic").expect("an event").0).collect();
        assert_eq!(got, (0..4).map(event).collect());
    });
}

#[test]
fn a_wake_is_kept_for_the_next_wait() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    assert_eq!(session.wake(), Ok(0));
    assert_eq!(session.wake(), Ok(0));
    assert_eq!(session.wait_for_release(), None, "two wakes before it are one");
    let started = Instant::now();
    assert_eq!(session.wait(60), None);
    assert!(started.elapsed() >= Duration::from_millis(60), "the wake was used up");

    // it swallows no event, and a poll does not use it up
    hub.push(1, &event(1));
    wait_until("the push", || session.figure("queuedEvents") == 1);
    assert_eq!(session.wake(), Ok(0));
    assert_eq!(session.poll().map(|event| event.0), Some(event(1)));
    hub.push(1, &event(2));
    wait_until("the push", || session.figure("queuedEvents") == 1);
    assert_eq!(session.wait_for_release(), None);
    assert_eq!(session.wait(-1).map(|event| event.0), Some(event(2)));
}

#[test]
fn a_wake_ends_one_wait_that_goes_on() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| session.wait_for_release())).collect();
        for round in 1..=3 {
            assert_eq!(session.wake(), Ok(0));
            wait_until("one wait ends", || {
                waiters.iter().filter(|waiter| waiter.is_finished()).count() >= round
            });
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().expect("no panic").is_none()));
    });
}

#[test]
fn a_number_that_is_no_session_is_an_error_everywhere() {
    let _process = Process::shared();
    for number in [0, -1, i32::MIN, i32::MAX] {
        let session = Session::numbered(number);
        assert_eq!((session.poll(), session.wait(-1), session.stats()), (None, None, None));
        assert!(last_error().contains(&format!("session {number} does not exist")), "{}", last_error());
        assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
        for failed in [
            session.wake(),
            session.disconnect(),
            session.invoke("a", "[]"),
            session.send_unit_locations("[]"),
            session.ingest("{}"),
        ] {
            assert_eq!(failed.expect_err("no session").0, ffi::SONORAN_E_SESSION);
        }
    }
}

#[test]
fn figures_are_the_documented_ones() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    hub.push(1, &event(1));
    session.expect_text(&event(1));
    hub.push(1, &event(2));
    wait_until("the push", || session.figure("queuedEvents") == 1);
    hub.wait(hub.call_client("demo", 1, "nobodyKnows", "1"));
    wait_until("the call", || session.figure("unknownMessages") == 1);
    let mut stats = session.stats().expect("it is open");
    let received = stats["receivedBytes"].as_u64().expect("a number");
    assert!(received > u64::try_from(event(1).len() * 2).expect("small"), "{stats}");
    assert!(stats["readyMs"].is_u64(), "{stats}");
    stats["receivedBytes"] = json!("some");
    stats["readyMs"] = json!("some");
    let expected = json!({
        "session": session.number(), "state": "ready", "pushes": 2, "delivered": 2, "dropped": 0, "filtered": 0,
        "queuedEvents": 1, "queuedBytes": event(2).len(), "receivedBytes": "some", "pendingUnits": 0, "asideUnits": 0,
        "unknownMessages": 1, "attempts": 1, "ready": 1, "readyMs": "some", "lastError": null,
    });
    assert_eq!(stats, expected);
}
