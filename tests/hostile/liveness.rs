//! Signs of life: what counts as one, and what follows without any.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{breaks, check, lost, push, stays};
use crate::wire::{BINARY, PING, frame, frame_head};

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
