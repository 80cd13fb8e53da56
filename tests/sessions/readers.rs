//! Several readers of one session: plugins of one process that know nothing of each other.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::hub::{Hub, KEY, event, lasting_port, options, url};
use support::client::{Event, Process, Session, ffi, shutdown};
use support::{wait_for, wait_until};

fn stripped(number: usize) -> String {
    event(number).replacen(&format!(r#""key":"{KEY}","#), "", 1)
}

/// Returns the options of a reader with this name.
fn named(hub: &Hub, name: &str, more: &Value) -> Value {
    let mut options = hub.options(1, more);
    options["reader"] = json!(name);
    options
}

/// Joins a ready connection.
fn join(hub: &Hub, name: &str, more: &Value) -> Session {
    let session = Session::connect(&named(hub, name, more));
    assert_eq!(session.expect("SESSION_READY").get("resumed"), true);
    session
}

/// Returns the refusal of a session with these options.
fn refused(hub: &Hub, name: &str, more: &Value) -> String {
    let failed = Session::try_connect(&named(hub, name, more).to_string()).expect_err("it is refused");
    assert_eq!(failed.0, ffi::SONORAN_E_EXISTS, "{failed:?}");
    failed.1
}

#[test]
fn readers_share_a_connection_and_each_gets_every_push() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let connections = hub.connections();
    let second = join(&hub, "map", &json!({}));
    let third = join(&hub, "discord", &json!({"replace": false}));
    for number in 0..3 {
        hub.push(1, &event(number));
    }
    for session in [&third, &first, &second] {
        for number in 0..3 {
            session.expect_text(&event(number));
        }
        assert_eq!((session.poll(), session.state()), (None, ffi::SONORAN_STATE_READY));
    }
    assert_eq!((hub.called().len(), hub.connections()), (1, connections));
}

#[test]
fn a_push_is_held_once_for_all_readers_that_want_it_as_it_is() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let names = ["b", "c", "d", "e"];
    let more: Vec<_> = names.iter().map(|name| join(&hub, name, &json!({}))).collect();
    let strips = ["f", "g"].map(|name| join(&hub, name, &json!({"eventKey": "strip"})));
    hub.push(1, &event(1));
    let take = |session: &Session| {
        wait_for("the push", || {
            let text = ffi::sonoran_poll_event(session.number());
            (!text.is_null()).then_some(text)
        })
    };
    let kept: Vec<_> = std::iter::once(&first).chain(&more).map(take).collect();
    let stripped_texts: Vec<_> = strips.iter().map(take).collect();
    assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), 1, "one copy");
    assert_eq!(stripped_texts.iter().collect::<BTreeSet<_>>().len(), 1, "and one without the key");
    let kept = kept.into_iter().map(|pointer| (pointer, event(1)));
    let stripped_texts = stripped_texts.into_iter().map(|pointer| (pointer, stripped(1)));
    for (pointer, expected) in kept.chain(stripped_texts) {
        // SAFETY: the library's string, which is ours until it is released below.
        assert_eq!(unsafe { CStr::from_ptr(pointer) }.to_str(), Ok(expected.as_str()));
        // SAFETY: as above, and each was polled once.
        unsafe { ffi::sonoran_free(pointer) };
    }
}

#[test]
fn each_reader_has_filters_and_bounds_of_its_own() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let all = Session::connect(&hub.options(1, &json!({"log": "debug"})));
    all.until("SESSION_READY");
    let few = join(&hub, "few", &json!({"types": ["EVENT_911"]}));
    let small = join(&hub, "small", &json!({"queueEvents": 2, "eventKey": "strip"}));
    for number in 0..4 {
        hub.push(1, &event(number));
    }
    let call = format!(r#"{{"key":"{KEY}","type":"EVENT_911"}}"#);
    hub.push(1, &call);
    wait_until("the pushes", || [&all, &few, &small].iter().all(|session| session.figure("pushes") == 5));
    few.expect_text(&call);
    assert_eq!((few.figure("pushes"), few.figure("filtered"), few.figure("dropped")), (5, 4, 0));
    assert_eq!(small.expect("SESSION_EVENTS_DROPPED").get("count"), 3);
    small.expect_text(&stripped(3));
    assert_eq!(small.next().kind(), "EVENT_911");
    assert_eq!((small.figure("filtered"), small.figure("dropped"), small.figure("delivered")), (0, 3, 4));
    let of_all: Vec<_> = all.drain().into_iter().filter(|event| event.kind() != "SESSION_LOG").collect();
    let expected: Vec<_> = (0..4).map(event).chain([call]).map(Event).collect();
    assert_eq!((of_all, all.figure("dropped")), (expected, 0));
    for session in [&few, &small] {
        assert_eq!(session.poll(), None, "only one of them asked for the log");
    }
    // the connection's figures are the same for all
    for figure in ["attempts", "ready", "receivedBytes"] {
        assert_eq!(all.figure(figure), few.figure(figure));
    }
}

#[test]
fn one_that_joins_a_wait_hears_why_and_how_long() {
    let process = Process::shared();
    let never = json!({"retryMinMs": 3_600_000, "retryMaxMs": 3_600_000});
    let mut away = options(&url(lasting_port()), 1, &never);
    let first = Session::connect(&away);
    let told = first.expect("SESSION_RETRY");
    away["reader"] = json!("late");
    let late = Session::connect(&away);
    let again = late.expect("SESSION_RETRY");
    let left = |event: &Event| event.get("retryInMs").as_u64().expect("a number");
    assert!(left(&again) <= left(&told), "{told} {again}");
    for field in ["code", "message", "attempt"] {
        assert_eq!(again.get(field), told.get(field));
    }
    assert_eq!((first.poll(), late.poll(), late.state()), (None, None, ffi::SONORAN_STATE_RETRYING));

    let hub = Hub::start(&process);
    let mut wrong = hub.options(1, &json!({}));
    wrong["apiKey"] = json!("a-key-that-is-wrong");
    let first = Session::connect(&wrong);
    let told = first.expect("SESSION_REJECTED");
    wrong["reader"] = json!("late");
    let late = Session::connect(&wrong);
    let again = late.expect("SESSION_REJECTED");
    assert!(left(&again) <= left(&told), "{told} {again}");
    assert_eq!(again.get("message"), told.get("message"));
}

#[test]
fn what_the_connection_says_goes_to_all_and_a_result_to_who_called() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let fast = json!({"retryMinMs": 10, "retryMaxMs": 10});
    let first = hub.ready(1, &fast);
    let second = join(&hub, "second", &fast);
    let id = second.invoke("echo", "[7]").expect("it is ready");
    let result = second.expect("SESSION_CALL_RESULT");
    assert_eq!((result.get("id"), result.get("result")), (json!(id), json!(7)));
    let other = first.invoke("echo", "[8]").expect("it is ready");
    assert_eq!(first.expect("SESSION_CALL_RESULT").get("id"), other);
    let lost = second.invoke("slow", "[3600]").expect("it is ready");
    hub.abort(Some(1));
    assert_eq!(second.expect("SESSION_CALL_RESULT").get("id"), lost);
    for session in [&first, &second] {
        session.expect("SESSION_LOST");
        assert_eq!(session.expect_after_retries("SESSION_READY").get("resumed"), false);
        assert_eq!(session.poll(), None);
    }
}

#[test]
fn unit_locations_are_merged_and_a_posted_body_reaches_all() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let slow = json!({"unitIntervalMs": 60_000});
    let first = hub.ready(1, &slow);
    let second = join(&hub, "second", &slow);
    // the first call goes out at once; what follows waits together
    assert_eq!(first.send_unit_locations(r#"[{"identId":1,"location":"first"}]"#), Ok(0));
    hub.when("it was told", |hub| hub.calls().iter().any(|call| call.method == "unitLocation"));
    wait_until("the answer", || first.figure("pendingUnits") == 0);
    assert_eq!(
        first.send_unit_locations(r#"[{"identId":2,"location":"first"},{"identId":3,"location":"first"}]"#),
        Ok(0)
    );
    assert_eq!(second.send_unit_locations(r#"[{"identId":3,"location":"second"}]"#), Ok(0));
    for session in [&first, &second] {
        assert_eq!(session.figure("pendingUnits"), 2);
    }

    assert_eq!(second.ingest(&event(5)), Ok(0));
    for session in [&first, &second] {
        session.expect_text(&event(5));
        assert_eq!(session.figure("pushes"), 1);
    }
}

#[test]
fn other_options_of_the_connection_are_refused_by_name_and_disturb_nobody() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let proxied = json!({"headers": {"X-Token": "token-of-the-first"}});
    let first = hub.ready(1, &proxied);
    let second = join(&hub, "second", &proxied);
    for (option, value) in [
        ("stableMs", json!(1)),
        ("apiKey", json!("key-of-another")),
        ("headers", json!({"X-Token": "token-of-another"})),
        ("proxy", json!("http://user:password-of-another@127.0.0.1:9")),
    ] {
        let mut more = proxied.clone();
        more[option] = value;
        for name in ["third", "second"] {
            let sentence = refused(&hub, name, &more);
            // neither a new reader nor a restarted one may change what another one uses
            assert!(sentence.contains(&format!("\"{option}\"")), "{sentence}");
            assert!(sentence.contains(&format!("session {}", first.number())), "{sentence}");
            assert!(!sentence.contains("another@") && !sentence.contains("-of-"), "{sentence}");
        }
    }
    hub.push(1, &event(1));
    for session in [&first, &second] {
        session.expect_text(&event(1));
        assert_eq!((session.poll(), session.state()), (None, ffi::SONORAN_STATE_READY));
    }
    let keep = json!({"headers": {"X-Token": "token-of-the-first"}, "replace": false});
    assert!(refused(&hub, "second", &keep).contains(&format!("session {}", second.number())));

    // once it is alone, a reader may come back with other options
    assert_eq!(first.disconnect(), Ok(0));
    first.expect("SESSION_CLOSED");
    let again = Session::connect(&named(&hub, "second", &json!({"stableMs": 1})));
    assert_eq!(again.expect("SESSION_READY").get("resumed"), false);
    assert_eq!(second.state(), ffi::SONORAN_E_SESSION);
    hub.when("one session", |hub| hub.sessions().len() == 1);
}

#[test]
fn a_reader_that_restarts_keeps_the_connection_whatever_it_wants_for_itself() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let old = join(&hub, "map", &json!({}));
    let connections = hub.connections();
    hub.push(1, &event(0));
    let id = old.invoke("slow", "[0.3]").expect("it is ready");
    wait_until("the push", || old.figure("pushes") == 1);
    let own = json!({"eventKey": "strip", "queueEvents": 7, "log": "error"});
    let new = Session::connect(&named(&hub, "map", &own));
    assert_eq!(old.state(), ffi::SONORAN_E_SESSION);
    new.expect_text(&stripped(0));
    // with the result of the old one's call, before or after
    let mut told = [new.next(), new.next()];
    told.sort_by_key(Event::kind);
    let [result, ready] = told;
    assert_eq!((result.get("id"), result.code()), (json!(id), "ok".to_owned()));
    assert_eq!(ready.get("resumed"), true);
    hub.push(1, &event(1));
    new.expect_text(&stripped(1));
    first.expect_text(&event(0));
    first.expect_text(&event(1));
    assert_eq!((first.poll(), new.poll(), hub.connections()), (None, None, connections));
}

#[test]
fn one_that_leaves_hears_the_end_at_once_and_the_last_takes_the_connection_along() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let second = join(&hub, "second", &json!({}));
    hub.push(1, &event(0));
    wait_until("the push", || second.figure("queuedEvents") == 1);
    let lost = second.invoke("slow", "[3600]").expect("it is ready");
    assert_eq!((second.disconnect(), second.disconnect()), (Ok(0), Ok(0)));
    assert_eq!((second.state(), first.state()), (ffi::SONORAN_STATE_CLOSED, ffi::SONORAN_STATE_READY));
    assert_eq!(
        (second.figure("readyMs"), second.stats().expect("its figures")["state"].clone()),
        (0, json!("closed"))
    );
    for failed in [second.invoke("echo", "[1]"), second.send_unit_locations("[]"), second.ingest(&event(9))] {
        assert_eq!(failed.expect_err("it has left").0, ffi::SONORAN_E_CLOSED);
    }
    hub.push(1, &event(1));
    // all is there already, in this order
    assert_eq!(second.poll(), Some(Event(event(0))));
    let result = second.poll().expect("a result");
    assert_eq!((result.get("id"), result.code()), (json!(lost), "lost".to_owned()));
    assert_eq!(second.poll().expect("the last event").code(), "disconnected");
    assert_eq!((second.poll(), second.state()), (None, ffi::SONORAN_E_SESSION));

    first.expect_text(&event(0));
    first.expect_text(&event(1));
    assert_eq!((first.poll(), hub.sessions().len()), (None, 1));
    assert_eq!(first.disconnect(), Ok(0));
    assert_eq!(first.expect("SESSION_CLOSED").code(), "disconnected");
    hub.when("the connection has ended", |hub| hub.sessions().is_empty());
}

#[test]
fn what_a_reader_left_goes_to_the_next_of_its_name_alone() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let second = join(&hub, "second", &json!({}));
    hub.push(1, &event(0));
    wait_until("the push", || second.figure("queuedEvents") == 1);
    assert_eq!(second.disconnect(), Ok(0));
    // not for it: it has left
    hub.push(1, &event(1));
    wait_until("the push", || first.figure("pushes") == 2);
    let third = join(&hub, "third", &json!({}));
    let more = named(&hub, "second", &json!({"replace": false}));
    let again = Session::connect(&more);
    assert_eq!(second.state(), ffi::SONORAN_E_SESSION);
    again.expect_text(&event(0));
    assert_eq!(again.expect("SESSION_READY").get("resumed"), true);
    hub.push(1, &event(2));
    again.expect_text(&event(2));
    third.expect_text(&event(2));

    // also when all have left and others came back first
    hub.push(1, &event(3));
    wait_until("the push", || again.figure("queuedEvents") == 1);
    for session in [&first, &third, &again] {
        assert_eq!(session.disconnect(), Ok(0));
    }
    let fourth = Session::connect(&named(&hub, "fourth", &json!({})));
    assert_eq!(fourth.expect("SESSION_READY").get("resumed"), false);
    let last = Session::connect(&more);
    last.expect_text(&event(3));
    assert_eq!(last.expect("SESSION_READY").get("resumed"), true);
    hub.push(1, &event(4));
    last.expect_text(&event(4));
    fourth.expect_text(&event(4));
    for number in 0..4 {
        first.expect_text(&event(number));
    }
    first.expect("SESSION_CLOSED");
    hub.when("one session", |hub| hub.sessions().len() == 1);
}

#[test]
fn another_key_inherits_nothing_from_a_reader_that_has_left_either() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let first = hub.ready(1, &json!({}));
    let map = join(&hub, "map", &json!({}));
    hub.push(1, &event(0));
    wait_until("the push", || map.figure("queuedEvents") == 1);
    for session in [&map, &first] {
        assert_eq!(session.disconnect(), Ok(0));
    }
    let with = |name: &str| {
        let mut options = named(&hub, name, &json!({}));
        options["apiKey"] = json!("the-key-of-another");
        Session::connect(&options)
    };
    let other = with("other");
    other.expect("SESSION_REJECTED");
    let new = with("map");
    let mut told = [new.next(), new.next()].map(|event| (event.kind(), event.get("count")));
    told.sort_by_key(|(kind, _)| kind.clone());
    let expected =
        [("SESSION_EVENTS_DROPPED".to_owned(), json!(1)), ("SESSION_REJECTED".to_owned(), Value::Null)];
    assert_eq!((told, new.poll(), other.poll()), (expected, None, None));
}

#[test]
fn only_a_reader_that_nobody_uses_is_closed() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let polled = hub.ready(1, &json!({"idleCloseMs": 1500}));
    let unused = join(&hub, "unused", &json!({"idleCloseMs": 1000}));
    let patient = join(&hub, "patient", &json!({"idleCloseMs": 0}));
    wait_until("the unused one ends", || {
        assert_eq!(polled.poll(), None);
        unused.state() == ffi::SONORAN_STATE_CLOSED
    });
    assert_eq!(unused.expect("SESSION_CLOSED").code(), "idle");
    hub.push(1, &event(1));
    polled.expect_text(&event(1));
    wait_until("the other ends", || polled.state() == ffi::SONORAN_STATE_CLOSED);
    assert_eq!(polled.expect("SESSION_CLOSED").code(), "idle");
    patient.expect_text(&event(1));
    assert_eq!((patient.state(), hub.sessions().len()), (ffi::SONORAN_STATE_READY, 1));
}

#[test]
fn a_shutdown_counts_what_every_reader_left() {
    let process = Process::alone();
    let hub = Hub::start(&process);
    let sessions =
        [hub.ready(1, &json!({})), join(&hub, "second", &json!({})), join(&hub, "third", &json!({}))];
    hub.push(1, &event(1));
    wait_until("the pushes", || sessions.iter().all(|session| session.figure("queuedEvents") == 1));
    assert_eq!(sessions[2].disconnect(), Ok(0));
    assert_eq!(shutdown(30_000), Ok(4), "three pushes and a last event");
    for session in &sessions {
        assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
    }
    hub.when("it has left", |hub| hub.sessions().is_empty());
}

/// Numbered pushes that flow, no faster than one of their readers reads.
struct Flow<'a> {
    hub: &'a Hub,
    /// How many have been pushed.
    pushed: AtomicU64,
    /// How many the slowest reader has read.
    read: AtomicU64,
    ends: AtomicBool,
}

impl Flow<'_> {
    /// Push at most this many ahead.
    const AHEAD: u64 = 1_000;

    /// Pushes until the flow ends.
    fn run(&self) {
        while !self.ends.load(Ordering::SeqCst) {
            let number = self.pushed.load(Ordering::SeqCst);
            if number < self.read.load(Ordering::SeqCst) + Self::AHEAD {
                self.hub.push(1, &event(usize::try_from(number).expect("small")));
                self.pushed.store(number + 1, Ordering::SeqCst);
            } else {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Ends the flow when it is dropped, also by a failure.
struct Ending<'a>(&'a Flow<'a>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ends.store(true, Ordering::SeqCst);
    }
}

/// The numbers that a reader gets.
#[derive(Debug, Default)]
struct Numbers {
    next: Option<u64>,
    seen: u64,
}

impl Numbers {
    /// Takes an event. When the reader joined, `pushed` were out, and the next one perhaps: that is the first
    /// number at the latest. The others follow one another.
    #[track_caller]
    fn take(&mut self, event: &Event, pushed: u64) {
        if event.kind() != "EVENT_UNIT_STATUS" {
            assert!(["SESSION_READY", "SESSION_CLOSED"].contains(&event.kind().as_str()), "{event}");
            return;
        }
        let number = event.get("data")["number"].as_u64().expect("a number");
        match self.next {
            None => {
                assert!(number <= pushed + 1, "{number} came first, but {pushed} were out when it joined")
            }
            Some(next) => assert_eq!(number, next, "after {} events", self.seen),
        }
        self.next = Some(number + 1);
        self.seen += 1;
    }
}

/// Comes and goes: each time it gets everything from its first event to the last one before it leaves.
fn visit(flow: &Flow<'_>, name: &str, own: &Value) {
    for _ in 0..25 {
        let session = Session::connect(&named(flow.hub, name, own));
        let pushed = flow.pushed.load(Ordering::SeqCst);
        let mut numbers = Numbers::default();
        while numbers.seen < 40 {
            numbers.take(&session.next(), pushed);
        }
        assert_eq!(session.disconnect(), Ok(0));
        session.until("SESSION_CLOSED").iter().for_each(|event| numbers.take(event, pushed));
    }
}

/// Restarts: each session takes over from the one before.
fn restart(flow: &Flow<'_>) {
    let mut numbers = Numbers::default();
    let mut sessions = Vec::new();
    for round in 0..100_u64 {
        let own = json!({"queueEvents": 1_000_000 + round % 2});
        // the one before is there until this one has its place
        sessions.push(Session::connect(&named(flow.hub, "restarts", &own)));
        let pushed = flow.pushed.load(Ordering::SeqCst);
        let session = sessions.last().expect("the present one");
        let seen = numbers.seen;
        while numbers.seen < seen + 20 {
            numbers.take(&session.next(), pushed);
        }
        session.drain().iter().for_each(|event| numbers.take(event, pushed));
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_readers_come_and_go() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let steady = hub.ready(1, &json!({}));
    let [pushed, read] = [0, 0].map(AtomicU64::new);
    let flow = Flow { hub: &hub, pushed, read, ends: AtomicBool::new(false) };
    thread::scope(|scope| {
        let pusher = scope.spawn(|| flow.run());
        scope.spawn(|| {
            let _ending = Ending(&flow);
            thread::scope(|scope| {
                for (name, key) in ["keep", "strip", "keep", "strip"].into_iter().enumerate() {
                    let flow = &flow;
                    scope.spawn(move || visit(flow, &format!("guest {name}"), &json!({"eventKey": key})));
                }
                restart(&flow);
            });
        });
        let _ending = Ending(&flow);
        let mut numbers = Numbers::default();
        while !pusher.is_finished() || numbers.seen < flow.pushed.load(Ordering::SeqCst) {
            // the flow may have ended meanwhile
            if let Some(event) = steady.wait(100) {
                numbers.take(&event, 0);
                flow.read.store(numbers.seen, Ordering::SeqCst);
            }
        }
    });
    assert!(flow.pushed.load(Ordering::SeqCst) >= 2_000);
    assert_eq!((steady.poll(), hub.connections().len()), (None, 1));
}
