//! Signs of life: what counts as one, and what follows without any.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Peer, breaks, check, lost, options, push, stays};
use crate::wire::{BINARY, PING, Wire, frame, frame_head};
use support::client::{Process, Session};

const EVENT: &str = r#"{"type":"EVENT_LATE"}"#;

/// Long enough for a slow machine to authenticate, short enough to wait for.
fn short() -> Value {
    json!({"serverTimeoutMs": 1500, "keepAliveMs": 100})
}

fn now_and_then() {
    thread::sleep(Duration::from_millis(50));
}

#[test]
fn a_silent_hub_is_left() {
    let silent = || lost("silent", "Nothing came from the hub for 1500 ms");
    check(vec![
        breaks("silence", [silent()], |_| Ok(())).with(short()),
        breaks("only websocket pings", [silent()], |hub| {
            while hub.send(frame(PING, b"x")) {
                now_and_then();
            }
            Ok(())
        })
        .with(short()),
        breaks("only empty messages and records", [silent()], |hub| {
            while hub.text("") && hub.text("\u{1e}") {
                now_and_then();
            }
            Ok(())
        })
        .with(short()),
        breaks("a record that never ends", [silent()], |hub| {
            while hub.text(" ") {
                now_and_then();
            }
            Ok(())
        })
        .with(short()),
        breaks("a frame that never ends", [silent()], |hub| {
            hub.send(frame_head(0x80 | BINARY, 10_000));
            while hub.send(b" ") {
                now_and_then();
            }
            Ok(())
        })
        .with(short()),
    ]);
}

#[test]
fn any_record_is_a_sign_of_life() {
    let ping = json!({"type": 6});
    // the client pings after sending nothing for keepAliveMs, which paces the peer
    let lives = move |name: &str, record: &'static str| {
        let ping = ping.clone();
        stays(name, [push(EVENT)], move |hub| {
            for _ in 0..40 {
                hub.expect_record(&ping)?;
                hub.record(record);
            }
            hub.push(EVENT);
            Ok(())
        })
        .with(json!({"serverTimeoutMs": 3000, "keepAliveMs": 100}))
    };
    check(vec![
        lives("pings", r#"{"type":6}"#),
        lives("calls for others", r#"{"type":1,"target":"other","arguments":[]}"#),
        lives("unknown types", r#"{"type":99}"#),
    ]);
}

/// From now on no packet from the client reaches the peer, as after a cable was pulled: nothing is acknowledged
/// or refused.
#[cfg(target_os = "linux")]
fn pull_cable(hub: &Wire) {
    let drop_all = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
    let mut filter = [drop_all];
    let program = libc::sock_fprog { len: 1, filter: filter.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).expect("small");
    // SAFETY: a program of one instruction, which outlives the call.
    let code = unsafe {
        let program = (&raw const program).cast();
        libc::setsockopt(hub.descriptor(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program, size)
    };
    assert_eq!(code, 0, "{}", std::io::Error::last_os_error());
}

#[cfg(target_os = "linux")]
#[test]
fn a_pulled_cable_is_noticed_and_blocks_no_host() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &short()));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    pull_cable(&wire);
    // far more than what the system takes for a peer that acknowledges nothing
    let text = format!("[\"{}\"]", "x".repeat(30_000));
    let mut calls = 0;
    while calls < 250 && session.invoke("m", &text).is_ok() {
        calls += 1;
    }
    for _ in 0..calls {
        assert_eq!(session.expect("SESSION_CALL_RESULT").code(), "lost");
    }
    let lost = session.expect("SESSION_LOST");
    assert!(["silent", "lost"].contains(&lost.code().as_str()), "{lost}");
    let mut again = peer.accept();
    again.ready().expect("it logs in");
    session.expect("SESSION_READY");
}
