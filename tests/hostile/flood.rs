//! Peers that send endlessly, and peers that take nothing.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::case::{Peer, options};
use crate::wire::{PING, TEXT, Wire, frame, push};
use support::PATIENCE;
use support::client::{Process, Session};

/// Lets the peer send this endlessly in another thread, while `watch` reads what the client sends.
fn flooded(wire: &mut Wire, flood: &[u8], watch: impl FnOnce(&mut Wire)) {
    let mut sender = wire.split();
    thread::scope(|scope| {
        // even if `watch` fails: the flood ends with the connection
        let _cut = Cut(wire.split());
        scope.spawn(move || while sender.send(flood) {});
        watch(wire);
    });
}

/// Cuts a connection when dropped.
struct Cut(Wire);

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.cut();
    }
}

fn live(peer: &Peer, more: &serde_json::Value) -> (Session, Wire) {
    let session = Session::connect(&options(&peer.url(), more));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    (session, wire)
}

#[test]
fn floods_of_events_do_not_keep_sessions_from_their_duties() {
    let _process = Process::shared();
    let event = format!("{}\u{1e}", push(r#"{"type":"EVENT_FLOOD","data":"xxxxxxxxxxxxxxxxxxxxxxxxxx"}"#));
    let flood = frame(TEXT, event.as_bytes()).repeat(1_000);
    // with several at once, each has more to read on every turn
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| does_its_duties(&flood));
        }
    });
}

fn does_its_duties(flood: &[u8]) {
    let peer = Peer::start();
    let more = json!({"keepAliveMs": 200, "callTimeoutMs": 2000, "queueEvents": 100});
    let (session, mut wire) = live(&peer, &more);
    flooded(&mut wire, flood, |wire| {
        let id = session.invoke("neverAnswered", "[]").expect("it is ready");
        // a hub leaves a client that does not ping
        for _ in 0..3 {
            while wire.read_record().expect("a record") != json!({"type": 6}) {}
        }
        // and a host waits for its call to end
        let until = Instant::now() + PATIENCE;
        let result = std::iter::repeat_with(|| session.next())
            .take_while(|_| Instant::now() < until)
            .find(|event| event.kind() == "SESSION_CALL_RESULT")
            .expect("a result");
        assert_eq!((result.get("id"), result.code()), (json!(id), "timeout".to_owned()));
    });
    // nobody polls fast enough: dropped events are counted, and the rest is there
    let (pushes, dropped) = (session.figure("pushes"), session.figure("dropped"));
    assert!(pushes > 1_000 && dropped > 0, "{pushes} {dropped}");
    assert!(session.figure("queuedEvents") <= 110, "{:?}", session.stats());
}

#[test]
fn a_flood_of_pings_is_not_answered_with_another() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({}));
    let event = r#"{"type":"EVENT_BETWEEN"}"#;
    let record = frame(TEXT, b"{\"type\":6}\x1e");
    for _ in 0..20 {
        wire.send(record.repeat(5_000));
        wire.push(event);
    }
    for _ in 0..20 {
        session.expect_text(event);
    }
    wire.expect_silence(Duration::from_millis(50)).expect("no answer to a ping");
    // websocket pings are answered, but not more often than they come
    for _ in 0..20 {
        wire.send(frame(PING, b"1").repeat(5_000));
        wire.push(event);
    }
    for _ in 0..20 {
        session.expect_text(event);
    }
    assert_eq!((session.figure("ready"), session.figure("pushes")), (1, 40));
}

#[test]
fn a_hub_that_asks_without_listening_is_left() {
    let _process = Process::shared();
    let peer = Peer::start_with_small_window();
    let (session, mut wire) = live(&peer, &json!({}));
    let id = "x".repeat(10_000);
    let ask = format!("{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"ask\",\"arguments\":[]}}\u{1e}");
    let flood = frame(TEXT, ask.as_bytes());
    // it reads none of the answers, which must not pile up
    let mut asked: u64 = 0;
    while wire.send(&flood) {
        asked += u64::try_from(flood.len()).expect("small");
        assert!(asked < 64 << 20, "it took {asked} bytes of questions, and kept the answers");
    }
    let lost = session.expect("SESSION_LOST");
    assert_eq!(lost.code(), "protocol", "{lost}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_hub_that_takes_nothing_is_left_and_costs_nothing() {
    let _process = Process::alone();
    let peer = Peer::start_with_small_window();
    let (session, mut wire) = live(&peer, &json!({"serverTimeoutMs": 3_000, "keepAliveMs": 100}));
    let text = format!("[\"{}\"]", "x".repeat(30_000));
    let calls: Vec<_> = (0..250).map(|_| session.invoke("m", &text).expect("there is room")).collect();
    let before = processor_time();
    // it is alive and pings, but takes nothing
    let until = Instant::now() + PATIENCE;
    while wire.record(r#"{"type":6}"#) {
        assert!(Instant::now() < until, "nobody left: {:?}", session.stats());
        thread::sleep(Duration::from_millis(50));
    }
    let spent = processor_time() - before;
    for id in calls {
        let result = session.expect("SESSION_CALL_RESULT");
        assert_eq!((result.get("id"), result.code()), (json!(id), "lost".to_owned()));
    }
    let lost = session.expect("SESSION_LOST");
    assert_eq!(lost.code(), "lost");
    assert!(lost.message().contains("took nothing of what was sent for 3000 ms"), "{lost}");
    assert!(spent < Duration::from_secs(1), "{spent:?} of three seconds that were for waiting");
}

#[test]
fn a_hub_that_takes_its_time_is_not_left() {
    let _process = Process::shared();
    let peer = Peer::start_with_small_window();
    let (session, mut wire) = live(&peer, &json!({"serverTimeoutMs": 2_000, "keepAliveMs": 100}));
    let text = format!("[\"{}\"]", "x".repeat(30_000));
    for _ in 0..250 {
        session.invoke("m", &text).expect("there is room");
    }
    // 60 KB a second, over far more than the time in which it has to take something
    for _ in 0..16 {
        thread::sleep(Duration::from_millis(500));
        wire.record(r#"{"type":6}"#);
        wire.read_frame().expect("the client is there");
    }
    assert_eq!((session.poll(), session.figure("ready")), (None, 1));
}

/// Returns the CPU time that the library's threads have used.
#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let ticks = |task: std::path::PathBuf| {
        let stat = std::fs::read_to_string(task.join("stat")).ok()?;
        // after the name: state is the third field, user and system time the 14th and 15th
        let fields: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let ticks: u64 = support::client::library_threads().into_iter().filter_map(ticks).sum();
    // a hundred a second, whatever the machine
    Duration::from_millis(ticks * 10)
}
