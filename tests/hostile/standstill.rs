//! A process that stands still (a debugger, a paused machine), and connections that break while it does: what
//! the system had received for it is read first.

use std::thread;
use std::time::Duration;

use serde_json::json;
use support::relay::Relay;

use crate::case::{Peer, options};
use crate::wire::{Wire, push};

const TIMEOUT: Duration = Duration::from_millis(1_000);

/// A host whose session is ready. Its link is dead after [`TIMEOUT`] of silence.
fn live(peer: &Peer) -> (Relay, Wire) {
    let more = json!({"serverTimeoutMs": TIMEOUT.as_millis() as u64, "keepAliveMs": 300});
    let mut relay = Relay::start(&[options(&peer.url(), &more).to_string()]);
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    relay.expect(0, "SESSION_READY");
    (relay, wire)
}

fn event(number: usize) -> String {
    format!(r#"{{"type":"EVENT_MEANWHILE","data":{number}}}"#)
}

fn expect_events(relay: &mut Relay, count: usize) {
    for number in 0..count {
        let arrived = relay.next(0);
        assert_eq!(String::from_utf8_lossy(&arrived.0), event(number));
    }
}

#[test]
fn a_host_that_stood_still_gets_all_that_came_and_stays() {
    let peer = Peer::start();
    let (mut relay, mut wire) = live(&peer);
    for _ in 0..3 {
        relay.stop();
        for number in 0..200 {
            wire.push(&event(number));
        }
        thread::sleep(2 * TIMEOUT);
        relay.go_on();
        expect_events(&mut relay, 200);
        // the hub is there, so the link is
        while wire.read_record().expect("the client is there") != json!({"type": 6}) {}
        wire.push(&event(0));
        expect_events(&mut relay, 1);
    }
    // nor is a hub left that had no reason to say anything meanwhile
    relay.stop();
    thread::sleep(2 * TIMEOUT);
    relay.go_on();
    wire.read_record().expect("the client is there");
    wire.push(&event(0));
    expect_events(&mut relay, 1);
    wire.cut();
    relay.expect(0, "SESSION_LOST");
}

#[test]
fn what_came_before_a_reset_is_read_whatever_is_due_to_be_sent() {
    type Record = fn(usize) -> String;
    let pushed: Record = |number| push(&event(number));
    // the hub wants an answer to each, which the connection does not take any more
    let asked: Record =
        |number| push(&event(number)).replacen('{', &format!(r#"{{"invocationId":"{number}","#), 1);
    for record in [pushed, asked] {
        let peer = Peer::start();
        let (mut relay, mut wire) = live(&peer);
        relay.stop();
        for number in 0..800 {
            wire.record(&record(number));
        }
        thread::sleep(TIMEOUT / 2);
        wire.reset();
        // a ping is due by now
        thread::sleep(TIMEOUT / 10);
        relay.go_on();
        expect_events(&mut relay, 800);
        assert_eq!(relay.expect(0, "SESSION_LOST")["code"], "lost");
    }
}
