//! The wall clock, which jumps when somebody sets it: no time limit depends on it.
//!
//! This process has a `clock_gettime` of its own, which shifts the wall clock and leaves the others alone.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use libc::{c_int, c_long, clockid_t, timespec};
use serde_json::json;

use crate::case::{Peer, options};
use support::client::{Process, Session};

/// By how many seconds the wall clock is wrong.
static WRONG: AtomicI64 = AtomicI64::new(0);

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: what the caller gave.
    let code = unsafe { libc::syscall(libc::SYS_clock_gettime, c_long::from(clock), time) };
    if code == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the system has just written it.
        unsafe { (*time).tv_sec += WRONG.load(Ordering::Relaxed) };
    }
    c_int::try_from(code).unwrap_or(-1)
}

/// The clock is wrong as long as this lives.
struct Wrong;

impl Wrong {
    fn by(seconds: i64) -> Self {
        WRONG.store(seconds, Ordering::Relaxed);
        Self
    }
}

impl Drop for Wrong {
    fn drop(&mut self) {
        WRONG.store(0, Ordering::Relaxed);
    }
}

#[test]
fn a_wall_clock_that_jumps_ends_no_link_and_no_wait() {
    const HOUR: i64 = 3_600;
    let _process = Process::alone();
    let peer = Peer::start();
    let more = json!({"serverTimeoutMs": 60_000, "keepAliveMs": 100, "retryMinMs": 60_000, "retryMaxMs": 60_000, "stableMs": 3_600_000});
    let session = Session::connect(&options(&peer.url(), &more));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let since = SystemTime::now();
    for jump in [HOUR, -HOUR, 10 * 365 * 24 * HOUR, 0] {
        let _wrong = Wrong::by(jump);
        let passed = match since.elapsed() {
            Ok(time) => i64::try_from(time.as_secs()).expect("small"),
            Err(error) => -i64::try_from(error.duration().as_secs()).expect("small"),
        };
        assert!((passed - jump).abs() < 600, "the clock does not jump: {passed}");
        // it says its pings and takes events as before
        for _ in 0..3 {
            wire.expect_record(&json!({"type": 6})).expect("a ping, and nothing else");
        }
        wire.push(r#"{"type":"EVENT_JUMPED"}"#);
        session.expect_text(r#"{"type":"EVENT_JUMPED"}"#);
        assert!(session.figure("readyMs") < 600_000, "{:?}", session.stats());
    }
    assert_eq!((session.figure("attempts"), session.poll()), (1, None));
    // nor is a wait over, or without end, because a clock says so
    wire.reset();
    let wait = session.expect("SESSION_LOST").get("retryInMs").as_u64().expect("a number");
    let _wrong = Wrong::by(HOUR);
    if wait > 1_000 {
        assert_eq!(session.wait(200), None);
        assert_eq!(session.figure("attempts"), 1);
    }
}
