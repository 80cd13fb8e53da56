//! The library and the whole process: shutting down and starting again.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hub::{Hub, event, options};
use support::client::{Process, Session, ffi, shutdown};
use support::{PATIENCE, wait_until};

/// Longer than any goodbye takes.
const LONG: i32 = 30_000;

#[cfg(target_os = "linux")]
fn no_thread_is_left() {
    // an ended thread stays listed for a moment
    wait_until("the threads are gone", || support::client::library_threads().is_empty());
}

#[cfg(not(target_os = "linux"))]
fn no_thread_is_left() {}

#[test]
fn a_shutdown_ends_all_and_counts_what_nobody_got() {
    let process = Process::alone();
    assert_eq!(shutdown(LONG), Ok(0), "there is nothing to end");
    for round in 0..3 {
        let hub = Hub::start(&process);
        let [first, second] = [1, 2].map(|server| Session::connect(&hub.options(server, &json!({}))));
        first.expect("SESSION_READY");
        wait_until("ready", || second.figure("queuedEvents") == 1);
        for number in 0..3 {
            hub.push(1, &event(number));
        }
        wait_until("the pushes", || first.figure("pushes") == 3);
        assert_eq!(shutdown(LONG), Ok(4), "round {round}");
        assert_eq!((first.state(), second.state()), (ffi::SONORAN_E_SESSION, ffi::SONORAN_E_SESSION));
        hub.when("both said goodbye", |hub| hub.sessions().is_empty());
        no_thread_is_left();
    }
}

#[test]
fn a_shutdown_lets_waiting_threads_go() {
    let process = Process::alone();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..3).map(|_| scope.spawn(|| session.wait_for_release())).collect();
        assert_eq!(shutdown(LONG), Ok(0));
        assert!(waiters.into_iter().all(|waiter| waiter.join().expect("no panic").is_none()));
    });
    no_thread_is_left();
}

#[test]
fn a_shutdown_does_not_wait_for_who_never_answers() {
    let _process = Process::alone();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = silent.local_addr().expect("it has one");
    let sessions: Vec<_> = ["ws", "wss"]
        .into_iter()
        .map(|scheme| Session::connect(&options(&format!("{scheme}://{address}/hub"), 1, &json!({}))))
        .collect();
    let _connections: Vec<_> = sessions.iter().map(|_| silent.accept().expect("it connects")).collect();
    let started = Instant::now();
    assert_eq!(shutdown(LONG), Ok(0));
    assert!(started.elapsed() < PATIENCE / 2 - Duration::from_secs(5), "at once, not when the time is up");
    no_thread_is_left();
}

#[test]
fn a_shutdown_during_another_and_connects_beside_it_do_no_harm() {
    let process = Process::alone();
    let hub = Hub::start(&process);
    thread::scope(|scope| {
        for server in 1..=4 {
            let hub = &hub;
            scope.spawn(move || {
                for _ in 0..10 {
                    let session = Session::connect(&hub.options(server, &json!({})));
                    let _ = session.wait(5);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert!(shutdown(LONG).is_ok());
                }
            });
        }
    });
    shutdown(LONG).expect("the rest");
    no_thread_is_left();
    let session = hub.ready(1, &json!({}));
    hub.push(1, &event(1));
    session.expect_text(&event(1));
}
