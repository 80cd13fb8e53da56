//! Years of a session in simulated time: the real link, records, calls, units, queue and delays, with a hub, a network
//! and a host that misbehave from a seed. After each step what the session promises holds.
//!
//! Not the real ones: the task and the pump around a link, which need tokio and sockets. [`Session`] does what they do.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::backoff::Backoff;
use super::failure::Failure;
use super::queue::{Entry, Queue};
use super::reputation::{Reputation, Stage};
use crate::config::{Config, EventKey, Options};
use crate::link::{Call, Link, Outbox, Step, units};
use crate::net;
use crate::signalr::{Chunk, Outcome};
use crate::sys::Text;

const KEY: &str = "Key-Of-The-Years";
const HOUR: u64 = 3_600_000;
const YEAR: u64 = 365 * 24 * HOUR;

/// What the hub is like for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// Nobody listens.
    Gone,
    /// It accepts connections and says nothing, or nothing to credentials.
    Mute,
    Silent,
    /// It refuses the credentials.
    Refusing,
    /// It sends sessions away as soon as they are ready.
    Dismissing,
}

/// What happens at a time. Bytes and ends belong to a link by its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Dial,
    /// Input, and the number of the last push that ends in it.
    Arrive(u64, Vec<u8>, Option<u64>),
    Cut(u64),
    HubPing(u64),
    HubPush,
    HubMood,
    HubMischief,
    HostPoll,
    HostCall,
    HostUnits,
}

/// Pseudo-random numbers: xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// Around this many milliseconds.
    fn around(&mut self, millis: u64) -> Duration {
        Duration::from_millis(1 + self.below(2 * millis))
    }
}

/// The link that is up, and its way to and from the hub.
struct Live {
    number: u64,
    link: Link,
    ready: Option<Instant>,
    authenticating: bool,
    /// What the hub pushed that has not arrived.
    in_flight: VecDeque<u64>,
    /// When the last of what it sent arrives.
    arrives: Instant,
    admitted: bool,
}

struct Session {
    now: Instant,
    dice: Dice,
    agenda: BinaryHeap<Reverse<(Instant, u64, Act)>>,
    acts: u64,
    steps: u64,

    config: Arc<Config>,
    live: Option<Live>,
    links: u64,
    retry: Backoff,
    reputation: Reputation,
    outbox: Outbox,
    /// Calls without a result.
    unanswered: BTreeSet<i32>,
    queue: Queue,
    request: i32,

    mood: Mood,
    pushed: u64,
    /// Queued for the host, who has not read or missed them.
    unread: VecDeque<u64>,
    /// Calls whose result the host has not read.
    awaited: BTreeSet<i32>,
    lost_count: u64,
    reads: u64,
    results: u64,
}

impl Session {
    fn new(seed: u64) -> Self {
        let options = format!(
            r#"{{"communityId":"c","apiKey":"{KEY}","serverId":1,"queueEvents":40,"keepAliveMs":600000,
            "serverTimeoutMs":1500000,"maxMessageBytes":65536}}"#
        );
        let Options { config, reading, .. } = Options::parse(&options).unwrap();
        let now = Instant::now();
        let mut session = Self {
            now,
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            agenda: BinaryHeap::new(),
            acts: 0,
            steps: 0,
            live: None,
            links: 0,
            retry: Backoff::jittered(config.retry),
            reputation: Reputation::new(now, &config),
            outbox: Outbox::new(config.unit_interval),
            unanswered: BTreeSet::new(),
            queue: Queue::new(reading.bounds),
            request: 0,
            mood: Mood::Good,
            pushed: 0,
            unread: VecDeque::new(),
            awaited: BTreeSet::new(),
            lost_count: 0,
            reads: 0,
            results: 0,
            config,
        };
        for act in [Act::Dial, Act::HubPush, Act::HubMood, Act::HubMischief] {
            session.plan(Duration::ZERO, act);
        }
        for act in [Act::HostPoll, Act::HostCall, Act::HostUnits] {
            session.plan(Duration::ZERO, act);
        }
        session
    }

    fn plan(&mut self, after: Duration, act: Act) {
        self.acts += 1;
        self.agenda.push(Reverse((self.now + after, self.acts, act)));
    }

    /// Runs until then, and after that, with a hub that behaves, until the session is ready and all is read.
    fn live_for(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.next_act();
        }
        // the longest delay, an attempt that began before, and what the units wait for
        let latest = end + self.config.auth_retry.max + 2 * self.config.timing.server_timeout;
        self.mood = Mood::Good;
        while self.live.as_ref().is_none_or(|live| live.ready.is_none()) {
            self.mood = Mood::Good;
            self.next_act();
            assert!(self.now < latest, "not ready though the hub is well");
        }
        self.end(lost());
        self.read();
        assert!(self.unread.is_empty() && self.awaited.is_empty(), "{:?} {:?}", self.unread, self.awaited);
    }

    fn next_act(&mut self) {
        self.steps += 1;
        let due = self.live.as_ref().map(|live| live.link.deadline(self.now, &self.outbox));
        let Some(Reverse((at, ..))) = self.agenda.peek() else { unreachable!("there is always an act") };
        if let Some(due) = due.filter(|due| due < at) {
            assert!(due > self.now, "the link wants to work again at once");
            self.now = due;
            return self.work();
        }
        let Some(Reverse((at, _, act))) = self.agenda.pop() else { return };
        self.now = at;
        self.act(act);
        self.work();
        assert!(self.queue.len() < 10_000, "{} events wait", self.queue.len());
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Dial => self.dial(),
            Act::Arrive(link, bytes, last) if self.is_live(link) => self.receive(&bytes, last),
            Act::Cut(link) if self.is_live(link) => self.end(lost()),
            Act::HubPing(link) if self.is_live(link) => {
                if !matches!(self.mood, Mood::Silent | Mood::Mute) {
                    self.hub_sends(r#"{"type":6}"#, None);
                }
                self.plan(Duration::from_secs(600), Act::HubPing(link));
            }
            Act::Arrive(..) | Act::Cut(_) | Act::HubPing(_) => {}
            Act::HubPush => self.hub_pushes(),
            Act::HubMood => {
                let moods =
                    [Mood::Good, Mood::Gone, Mood::Mute, Mood::Silent, Mood::Refusing, Mood::Dismissing];
                let bad = self.dice.one_in(2);
                let choice = usize::try_from(self.dice.below(6)).unwrap();
                self.mood = if bad { moods[choice] } else { Mood::Good };
                let lasts = self.dice.around(if self.mood == Mood::Good { 12 * HOUR } else { HOUR });
                self.plan(lasts, Act::HubMood);
            }
            Act::HubMischief => {
                self.mischief();
                let after = self.dice.around(6 * HOUR);
                self.plan(after, Act::HubMischief);
            }
            Act::HostPoll => {
                self.read();
                let after = self.dice.around(HOUR);
                self.plan(after, Act::HostPoll);
            }
            Act::HostCall => {
                for _ in 0..=self.dice.below(4) {
                    self.invoke();
                }
                let after = self.dice.around(2 * HOUR);
                self.plan(after, Act::HostCall);
            }
            Act::HostUnits => {
                let unit = self.dice.below(60);
                let update = format!(r#"[{{"identId":{unit},"location":"{}"}}]"#, self.steps);
                let updates = units::parse(&update).unwrap();
                let _ = self.outbox.units.update(self.now, updates);
                let after = self.dice.around(2 * HOUR);
                self.plan(after, Act::HostUnits);
            }
        }
    }

    fn is_live(&self, link: u64) -> bool {
        self.live.as_ref().is_some_and(|live| live.number == link)
    }

    fn dial(&mut self) {
        assert!(self.live.is_none(), "two links at once");
        if self.mood == Mood::Gone {
            let source = io::ErrorKind::ConnectionRefused.into();
            return self.end(Failure::Dial(net::Error::Connect { to: "hub".to_owned(), source }));
        }
        self.links += 1;
        let link = Link::new(self.now, Arc::clone(&self.config), None);
        self.live = Some(Live {
            number: self.links,
            link,
            ready: None,
            authenticating: false,
            in_flight: VecDeque::new(),
            arrives: self.now,
            admitted: false,
        });
        self.plan(Duration::from_secs(600), Act::HubPing(self.links));
    }

    /// What the pump does after each chunk and at each deadline.
    fn work(&mut self) {
        let Some(mut live) = self.live.take() else { return };
        let now = self.now;
        let mut outcome = live.link.elapse(now);
        while let Ok(()) = outcome {
            match live.link.timed_out(now) {
                Ok(Some(step)) => self.step(&mut live, step),
                Ok(None) => break,
                Err(error) => outcome = Err(error),
            }
        }
        if let Err(error) = outcome {
            self.live = Some(live);
            return self.end(error.into());
        }
        while let Some(step) = live.link.send(now, &mut self.outbox) {
            self.step(&mut live, step);
        }
        let mut records = Vec::new();
        while let Some(record) = live.link.transmit(now) {
            records.push(record);
        }
        self.live = Some(live);
        for record in records {
            self.hub_receives(&record);
        }
    }

    fn receive(&mut self, bytes: &[u8], last: Option<u64>) {
        let Some(mut live) = self.live.take() else { return };
        let (now, mut whole) = (self.now, Vec::new());
        let mut input = std::str::from_utf8(bytes).map_or(Chunk::Binary(bytes), Chunk::Text);
        let ended = loop {
            match live.link.next(now, &mut input, &mut whole) {
                Ok(Some(step)) => self.step(&mut live, step),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let read = last.is_none_or(|last| !live.in_flight.contains(&last));
        self.live = Some(live);
        match ended {
            None => assert!(read, "push {last:?} arrived, and did not become an event"),
            Some(error) => self.end(error.into()),
        }
    }

    fn step(&mut self, live: &mut Live, step: Step<'_>) {
        match step {
            Step::Authenticating(_) => live.authenticating = true,
            Step::Ready(_) => live.ready = Some(self.now),
            Step::Pushed(events) => {
                for event in events {
                    let event: Value = serde_json::from_str(&event.text(EventKey::Keep)).unwrap();
                    let number = event["number"].as_u64().unwrap();
                    assert_eq!(
                        live.in_flight.pop_front(),
                        Some(number),
                        "a push out of order, lost or doubled"
                    );
                    self.queue.push(Text::new(&number.to_string()));
                    self.unread.push_back(number);
                }
            }
            Step::CallEnded(call, outcome) => self.tell(call.request, outcome.as_ref()),
            Step::UnitsAnswered(answer) => {
                let failed = self.outbox.units.answered(self.now, &answer);
                check_words(&format!("{failed:?}"));
            }
            Step::Ignored(words) => check_words(&words),
        }
    }

    fn tell(&mut self, request: i32, outcome: Option<&Outcome<'_>>) {
        assert!(self.unanswered.remove(&request), "call {request} has two results");
        check_words(&format!("{outcome:?}"));
        self.queue.notice(Text::new(&format!("call {request}")));
    }

    /// A link or an attempt has ended: what the task does then.
    fn end(&mut self, failure: Failure) {
        check_words(&failure.to_string());
        let mut stage = Stage::Opening;
        if let Some(mut live) = self.live.take() {
            while let Some(step) = live.link.abandoned() {
                self.step(&mut live, step);
            }
            stage = match live.ready {
                Some(since) => Stage::Ready(self.now - since),
                None if live.authenticating => Stage::Authenticating,
                None => Stage::Opening,
            };
        }
        self.outbox.calls.clear();
        for request in self.unanswered.clone() {
            self.tell(request, None);
        }
        if matches!(stage, Stage::Ready(held) if held >= self.config.stable) {
            self.retry.reset();
        }
        let random = u32::try_from(self.dice.below(1 << 32)).unwrap();
        let slow = self.reputation.ended(self.now, stage, &failure, random);
        let delay = match slow {
            Some((_, delay)) => {
                let allowed = self.config.auth_retry.min..=self.config.auth_retry.max;
                assert!(allowed.contains(&delay), "{delay:?} after {failure}");
                delay
            }
            None => {
                let doubled = 1_u32.checked_shl(self.retry.failures()).unwrap_or(u32::MAX);
                let limit = self.config.retry.min.saturating_mul(doubled).min(self.config.retry.max);
                let delay = self.retry.next(random);
                assert!(delay <= limit, "{delay:?} instead of {limit:?} after {failure}");
                delay
            }
        };
        assert!(!failure.is_rejection() || slow.is_some(), "fast after {failure}");
        self.plan(delay, Act::Dial);
    }

    fn invoke(&mut self) {
        if self.live.as_ref().is_none_or(|live| live.ready.is_none()) {
            return;
        }
        self.request = self.request.checked_add(1).unwrap_or(1);
        let (request, method) = (self.request, "echo".to_owned());
        self.unanswered.insert(request);
        self.outbox.calls.push_back(Call { request, method, arguments: "[1]".to_owned() });
        self.awaited.insert(request);
    }

    /// The host polls until nothing is left.
    fn read(&mut self) {
        while let Some(entry) = self.queue.pop() {
            match entry {
                Entry::Gap(count) => {
                    self.lost_count += count;
                    (0..count).for_each(|_| assert!(self.unread.pop_front().is_some(), "a gap of nothing"));
                }
                Entry::Event(text) | Entry::Inherited(text) => {
                    let text = text.as_str();
                    if let Some(request) = text.strip_prefix("call ") {
                        self.results += 1;
                        assert!(self.awaited.remove(&request.parse().unwrap()), "{text} was answered before");
                    } else {
                        self.reads += 1;
                        assert_eq!(
                            self.unread.pop_front(),
                            text.parse().ok(),
                            "out of order, or not counted"
                        );
                    }
                }
                Entry::LostLog(_) => panic!("nothing is logged"),
            }
        }
    }
}

/// The hub, and the network between.
impl Session {
    /// Sends a record in pieces, each a little later than the one before.
    fn hub_sends(&mut self, record: &str, push: Option<u64>) {
        let Some(live) = &mut self.live else { return };
        let text = format!("{record}\u{1e}");
        let mut rest = text.as_bytes();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let whole = self.dice.below(4) > 0;
            let length = if whole {
                rest.len()
            } else {
                1 + usize::try_from(self.dice.below(rest.len() as u64)).unwrap()
            };
            let (piece, more) = rest.split_at(length);
            rest = more;
            live.arrives = live.arrives.max(self.now) + Duration::from_millis(self.dice.below(200));
            pieces.push((live.arrives, piece.to_vec(), push.filter(|_| rest.is_empty())));
        }
        let number = live.number;
        for (at, piece, push) in pieces {
            self.plan(at - self.now, Act::Arrive(number, piece, push));
        }
    }

    fn hub_receives(&mut self, record: &str) {
        let record: Value = serde_json::from_str(record.trim_end_matches('\u{1e}')).unwrap();
        if matches!(self.mood, Mood::Mute | Mood::Gone) {
            return;
        }
        if record["protocol"] == "json" {
            return self.hub_sends("{}", None);
        }
        let (Some(id), Some(target)) = (record["invocationId"].as_str(), record["target"].as_str()) else {
            return;
        };
        let good = format!(r#"{{"type":3,"invocationId":"{id}","result":{{"success":true}}}}"#);
        if target.starts_with("authenticate") {
            assert_eq!(record["arguments"][1], KEY);
            match self.mood {
                Mood::Silent => {}
                Mood::Refusing => {
                    let words = r#"{"success":false,"error":"Invalid API key."}"#;
                    self.hub_sends(&format!(r#"{{"type":3,"invocationId":"{id}","result":{words}}}"#), None);
                }
                mood => {
                    self.hub_sends(&good, None);
                    if let Some(live) = &mut self.live {
                        live.admitted = true;
                    }
                    if mood == Mood::Dismissing {
                        self.hub_sends(r#"{"type":7,"allowReconnect":false}"#, None);
                    }
                }
            }
            return;
        }
        match self.dice.below(12) {
            // no answer, two answers, an error, the caller is forgotten
            0 => {}
            1 => {
                self.hub_sends(&good, None);
                self.hub_sends(&good, None);
            }
            2 => self.hub_sends(&format!(r#"{{"type":3,"invocationId":"{id}","error":"no"}}"#), None),
            3 => {
                let words = r#"{"success":false,"error":"Not authenticated."}"#;
                self.hub_sends(&format!(r#"{{"type":3,"invocationId":"{id}","result":{words}}}"#), None);
            }
            _ => self.hub_sends(&good, None),
        }
    }

    fn hub_pushes(&mut self) {
        for _ in 0..=self.dice.below(60) {
            let admitted = self.live.as_ref().is_some_and(|live| live.admitted);
            if admitted && !matches!(self.mood, Mood::Silent | Mood::Mute) {
                self.pushed += 1;
                let number = self.pushed;
                if let Some(live) = &mut self.live {
                    live.in_flight.push_back(number);
                }
                let event = format!(r#"{{"type":"EVENT","key":"{KEY}","number":{number}}}"#);
                let record = format!(r#"{{"type":1,"target":"pushEvent","arguments":[{event}]}}"#);
                self.hub_sends(&record, Some(number));
            }
        }
        let after = self.dice.around(3 * HOUR);
        self.plan(after, Act::HubPush);
    }

    fn mischief(&mut self) {
        let Some(number) = self.live.as_ref().map(|live| live.number) else { return };
        match self.dice.below(7) {
            0 | 1 => {
                let after = self.dice.around(300);
                self.plan(after, Act::Cut(number));
            }
            2 => self.hub_sends(r#"{"type":7,"error":"restarts","allowReconnect":true}"#, None),
            3 => self.hub_sends("{", None),
            4 => self.hub_sends(r#"{"type":3,"invocationId":"77777","result":1}"#, None),
            5 => self.hub_sends(r#"{"type":1,"invocationId":"q","target":"pushed","arguments":[]}"#, None),
            _ => self.hub_sends(r#"{"type":99,"x":"\u00e9"}"#, None),
        }
    }
}

fn lost() -> Failure {
    Failure::Lost(io::ErrorKind::ConnectionReset.into())
}

#[track_caller]
fn check_words(words: &str) {
    assert!(!words.contains(KEY), "the key is in: {words}");
}

/// Lives one session's years. Prints the seed if something breaks.
fn run(seed: u64, length: Duration) -> Session {
    /// Says which seed it was if the test panics.
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("seed {}", self.0);
            }
        }
    }
    let _seed = Seed(seed);
    let mut session = Session::new(seed);
    session.live_for(length);
    session
}

#[test]
fn what_a_session_promises_holds_for_weeks() {
    for seed in 1..=5 {
        let session = run(seed, Duration::from_millis(14 * 24 * HOUR));
        assert!(session.links > 5 && session.reads > 100, "{} links, {} reads", session.links, session.reads);
    }
}

/// What `cargo xtask simulate --years N` runs, a year a session.
#[test]
#[ignore = "it takes a while: cargo xtask simulate --years"]
fn years() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let years: u64 = number("SONORAN_YEARS").unwrap_or(10);
    let first: u64 = number("SONORAN_SEED").unwrap_or(1);
    let (mut steps, mut links, mut reads, mut dropped, mut results) = (0, 0, 0, 0, 0);
    println!("seeds {first} to {}", first + years - 1);
    for seed in first..first + years {
        let session = run(seed, Duration::from_millis(YEAR));
        steps += session.steps;
        links += session.links;
        reads += session.reads;
        dropped += session.lost_count;
        results += session.results;
    }
    println!(
        "{years} years: {steps} steps, {links} links, {reads} events read, {dropped} dropped and counted, {results} calls"
    );
}
