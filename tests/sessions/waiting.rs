//! Waiting for several sessions, and waiting in an event loop of the host.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hub::{Hub, event};
use support::client::{Process, Session, ffi, last_error, wait_any};
use support::{PATIENCE, wait_until};

const LONG: i32 = 180_000;

#[test]
fn the_first_session_that_has_something_is_found() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let sessions: Vec<_> = (1..=5).map(|server| hub.ready(server, &json!({}))).collect();
    let numbers: Vec<_> = sessions.iter().map(Session::number).collect();
    assert_eq!(wait_any(&numbers, 0), Ok(0));
    let started = Instant::now();
    assert_eq!(wait_any(&numbers, 80), Ok(0));
    assert!(started.elapsed() >= Duration::from_millis(80));
    for (at, server) in [(3, 4), (0, 1), (4, 5)] {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| wait_any(&numbers, LONG));
            hub.push(server, &event(at));
            assert_eq!(waiter.join().expect("no panic"), Ok(numbers[at]));
        });
        // it takes nothing
        assert_eq!(wait_any(&numbers, LONG), Ok(numbers[at]));
        assert_eq!(sessions[at].poll().map(|found| found.0), Some(event(at)));
        assert_eq!(wait_any(&numbers, 0), Ok(0));
    }
}

#[test]
fn a_busy_session_does_not_hide_the_others() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let (busy, calm) = (hub.ready(1, &json!({})), hub.ready(2, &json!({})));
    hub.burst(1, 1_000);
    hub.burst(2, 2);
    wait_until("all", || busy.figure("queuedEvents") == 1_000 && calm.figure("queuedEvents") == 2);
    let found: Vec<_> = (0..4)
        .map(|_| {
            let found = wait_any(&[busy.number(), calm.number()], LONG).expect("both are open");
            let session = if found == busy.number() { &busy } else { &calm };
            assert!(session.poll().is_some());
            found
        })
        .collect();
    assert_eq!(found.iter().filter(|found| **found == calm.number()).count(), 2, "{found:?}");
    assert_ne!(found[0], found[1]);
}

#[test]
fn a_wake_or_the_end_of_one_session_ends_the_wait_for_all() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let (first, second) = (hub.ready(1, &json!({})), hub.ready(2, &json!({})));
    let numbers = [first.number(), second.number()];
    assert_eq!(second.wake(), Ok(0));
    assert_eq!(wait_any(&numbers, LONG), Ok(0));
    assert_eq!(wait_any(&numbers, 30), Ok(0), "the wake was used up");
    // one wake ends one wait
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..2).map(|_| scope.spawn(|| wait_any(&numbers, LONG))).collect();
        for round in 1..=2 {
            assert_eq!(first.wake(), Ok(0));
            wait_until("one wait ends", || {
                waiters.iter().filter(|waiter| waiter.is_finished()).count() >= round
            });
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().expect("no panic") == Ok(0)));
    });
    // a takeover
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait_any(&numbers, LONG));
        let new = Session::connect(&hub.options(2, &json!({})));
        let failed = waiter.join().expect("no panic").expect_err("it is gone");
        assert_eq!(failed.0, ffi::SONORAN_E_SESSION);
        assert!(failed.1.contains(&format!("session {} ", second.number())), "{}", failed.1);
        new.expect("SESSION_READY");
    });
    // and who takes the last event
    assert_eq!(first.disconnect(), Ok(0));
    assert_eq!(wait_any(&[first.number()], LONG), Ok(first.number()));
    first.expect("SESSION_CLOSED");
    assert_eq!(wait_any(&[first.number()], LONG).expect_err("it is gone").0, ffi::SONORAN_E_SESSION);
}

#[test]
fn wrong_arrays_of_sessions_are_refused() {
    let _process = Process::shared();
    // SAFETY: NULL is refused.
    let null = unsafe { ffi::sonoran_wait_any(std::ptr::null(), 1, -1) };
    assert_eq!(
        (null, last_error().as_str()),
        (ffi::SONORAN_E_ARGUMENT, "sessions is NULL: expected an array of sessions")
    );
    for count in [0, -1, i32::MIN] {
        // SAFETY: the count is refused, and nothing is read.
        let refused = unsafe { ffi::sonoran_wait_any([1].as_ptr(), count, -1) };
        assert_eq!(refused, ffi::SONORAN_E_ARGUMENT);
        assert_eq!(last_error(), format!("count is {count}: expected at least 1"));
    }
    let failed = wait_any(&[i32::MAX], -1).expect_err("there is none");
    assert_eq!(failed.0, ffi::SONORAN_E_SESSION);
    assert_eq!(ffi::sonoran_wait_handle(0), isize::try_from(ffi::SONORAN_E_SESSION).expect("small"));
}

#[cfg(target_os = "linux")]
mod handles {
    use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

    use super::*;

    /// What the host knows of a descriptor.
    fn poll(session: isize) -> bool {
        let fd = i32::try_from(session).expect("a descriptor");
        assert!(fd >= 0, "{}", last_error());
        let mut fds = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
        // SAFETY: one entry, which outlives the call.
        let ready = unsafe { libc::poll(fds.as_mut_ptr(), 1, 0) };
        assert!(ready >= 0 && fds[0].revents & !libc::POLLIN == 0, "{ready} {}", fds[0].revents);
        ready == 1
    }

    /// The bytes in it: one for each system call that set it and that none has cleared.
    fn bytes(session: isize) -> i32 {
        let mut bytes = 0;
        let fd = i32::try_from(session).expect("a descriptor");
        // SAFETY: FIONREAD writes an int.
        assert_eq!(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) }, 0);
        bytes
    }

    #[test]
    fn a_wait_handle_is_set_while_something_waits() {
        let process = Process::shared();
        let hub = Hub::start(&process);
        let session = hub.ready(1, &json!({}));
        let handle = session.wait_handle();
        assert!(!poll(handle));
        hub.burst(1, 1_000);
        wait_until("the pushes", || session.figure("queuedEvents") == 1_000);
        assert!(poll(handle));
        assert_eq!((bytes(handle), session.wait_handle()), (1, handle), "one system call for all of them");
        // SAFETY: F_GETFD only reads.
        let flags = unsafe { libc::fcntl(i32::try_from(handle).expect("a descriptor"), libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        for _ in 0..1_000 {
            assert!(poll(handle));
            assert!(session.poll().is_some());
        }
        assert!(!poll(handle));
        // asked for while something waits, and no wake sets it
        let other = Session::connect(&hub.options(2, &json!({})));
        wait_until("ready", || other.figure("queuedEvents") == 1);
        let others = other.wait_handle();
        assert!(poll(others));
        other.expect("SESSION_READY");
        assert_eq!(other.wake(), Ok(0));
        assert!(!poll(others));
    }

    #[test]
    fn a_wait_handle_survives_a_takeover_and_the_last_event() {
        let process = Process::shared();
        let hub = Hub::start(&process);
        let mut session = hub.ready(1, &json!({}));
        let handle = session.wait_handle();
        for more in [json!({}), json!({"stableMs": 1}), json!({"apiKey": "another-key"}), json!({})] {
            let new = Session::connect(&hub.options(1, &more));
            assert_eq!((session.wait_handle(), new.wait_handle()), (-10, handle), "{more}");
            new.next();
            session = new;
        }
        session.drain();
        assert!(!poll(handle));
        assert_eq!(session.disconnect(), Ok(0));
        wait_until("it is set", || poll(handle));
        session.until("SESSION_CLOSED");
        assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
        assert!(poll(handle));
        assert_eq!(session.poll(), None);
        assert!(poll(handle));
        // the next one has its own
        let next = hub.ready(1, &json!({}));
        assert!(next.wait_handle() != handle && !poll(next.wait_handle()));
    }

    #[test]
    fn an_event_loop_that_waits_keeps_its_session() {
        let process = Process::shared();
        let hub = Hub::start(&process);
        let waited_on = hub.ready(1, &json!({"idleCloseMs": 1_000}));
        let handle = waited_on.wait_handle();
        let forgotten = hub.ready(2, &json!({"idleCloseMs": 1_000}));
        wait_until("the forgotten one is closed", || forgotten.state() == ffi::SONORAN_STATE_CLOSED);
        assert_eq!(waited_on.state(), ffi::SONORAN_STATE_READY);
        hub.push(1, &event(1));
        wait_until("nobody takes the event", || waited_on.state() == ffi::SONORAN_STATE_CLOSED);
        assert!(poll(handle));
    }

    #[test]
    fn an_epoll_loop_with_a_hundred_sessions_sleeps_while_nothing_happens() {
        const SESSIONS: u32 = 100;
        let process = Process::shared();
        let hub = Hub::start(&process);
        let sessions: Vec<_> = (1..=SESSIONS).map(|server| hub.ready(server, &json!({}))).collect();
        // SAFETY: a new descriptor, which nobody else owns.
        let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(libc::EPOLL_CLOEXEC)) };
        for (at, session) in sessions.iter().enumerate() {
            let fd = i32::try_from(session.wait_handle()).expect("a descriptor");
            let mut interest = libc::epoll_event { events: libc::EPOLLIN as u32, u64: at as u64 };
            // SAFETY: both descriptors are open, and the event outlives the call.
            let added =
                unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &raw mut interest) };
            assert_eq!(added, 0);
        }
        let wait = |timeout: i32| -> Vec<usize> {
            let mut events = [libc::epoll_event { events: 0, u64: 0 }; SESSIONS as usize];
            // SAFETY: room for that many, and it outlives the call.
            let found = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), 100, timeout) };
            events
                .iter()
                .take(usize::try_from(found).expect("no error"))
                .map(|event| event.u64 as usize)
                .collect()
        };
        assert_eq!(wait(1_000), [0; 0], "a wake-up while nothing happens");
        let until = Instant::now() + PATIENCE;
        for number in 0..3 {
            for server in [7, 42, 100] {
                hub.push(server, &event(number));
                let mut found = Vec::new();
                while found.is_empty() && Instant::now() < until {
                    found = wait(1_000);
                }
                assert_eq!(found, [server as usize - 1]);
                assert_eq!(sessions[found[0]].poll().map(|event| event.0), Some(event(number)));
                assert_eq!(wait(0), [0; 0]);
            }
        }
    }
}
