//! A whole connection: a hub, a host and time act on a link.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::oracle::{is_json, is_json_from};
use crate::config::{EventKey, Options};
use crate::link::{Call, Error, Link, Outbox, Step, units};
use crate::signalr::{Chunk, MAX_SENT};

const KEY: &str = "Secret-Of-The-Fuzzer";

/// The input is a script, a line for each act; the first byte says which:
///
/// ```text
/// r   the hub sends the rest as a record
/// h   the hub sends the rest as it is
/// a   as many milliseconds go by
/// d   time goes by until the link has something to do
/// s   the process stood still
/// c   the host calls a method with these arguments
/// u   the host sends these unit locations
/// x   the session says goodbye
/// ```
///
/// After each act the link has nothing left to do before its deadline; what it sends is what a hub accepts; each
/// call of the host has exactly one result; and nothing that it says holds the key.
pub fn connection(script: &[u8]) {
    let mut world = World::new(script);
    let mut acts = script.split(|byte| *byte == b'\n');
    let error = acts.find_map(|act| world.act(act).err());
    if let Some(error) = error {
        world.check_words(&error.to_string());
    }
    while let Some(step) = world.link.abandoned() {
        world.step(step);
    }
    let waiting: BTreeSet<_> = world.outbox.calls.iter().map(|call| call.request).collect();
    assert_eq!(world.unanswered, waiting, "calls without a result, and calls that were not sent");
}

struct World {
    now: Instant,
    link: Link,
    outbox: Outbox,
    /// The host's calls without a result.
    unanswered: BTreeSet<i32>,
    requests: i32,
    /// Whether the key is in the script: a hub's words are passed on.
    key_is_known: bool,
}

impl World {
    fn new(script: &[u8]) -> Self {
        let options =
            format!(r#"{{"communityId":"c","apiKey":"{KEY}","serverId":1,"maxMessageBytes":65536}}"#);
        let config = Options::parse(&options).expect("they are right").config;
        let now = Instant::now();
        let outbox = Outbox::new(config.unit_interval);
        Self {
            now,
            link: Link::new(now, config, None),
            outbox,
            unanswered: BTreeSet::new(),
            requests: 0,
            key_is_known: String::from_utf8_lossy(script).contains(KEY),
        }
    }

    fn act(&mut self, act: &[u8]) -> Result<(), Error> {
        let Some((kind, rest)) = act.split_first() else { return Ok(()) };
        match kind {
            b'r' => self.receive(&[rest, &[0x1e]].concat())?,
            b'h' => self.receive(rest)?,
            b'a' => {
                let millis = std::str::from_utf8(rest).ok().and_then(|millis| millis.parse::<u32>().ok());
                self.now += Duration::from_millis(millis.unwrap_or_default().into());
            }
            b'd' => self.now = self.link.deadline(self.now, &self.outbox),
            b's' => self.link.stood_still(self.now),
            b'c' => self.call(rest),
            b'u' => {
                let updates = std::str::from_utf8(rest).ok().and_then(|updates| units::parse(updates).ok());
                let _ = self.outbox.units.update(self.now, updates.unwrap_or_default());
            }
            b'x' => self.link.close(),
            _ => {}
        }
        self.work()
    }

    /// A session passes on only what is a JSON array.
    fn call(&mut self, arguments: &[u8]) {
        let arguments = std::str::from_utf8(arguments).ok().filter(|text| is_json_from(text, b'['));
        let Some(arguments) = arguments.map(str::to_owned) else { return };
        self.requests += 1;
        self.unanswered.insert(self.requests);
        self.outbox.calls.push_back(Call { request: self.requests, method: "echo".to_owned(), arguments });
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut input = std::str::from_utf8(bytes).map_or(Chunk::Binary(bytes), Chunk::Text);
        let mut whole = Vec::new();
        while let Some(step) = self.link.next(self.now, &mut input, &mut whole)? {
            self.step(step);
        }
        Ok(())
    }

    fn step(&mut self, step: Step<'_>) {
        match step {
            Step::Pushed(events) => events.for_each(|event| {
                let text = event.text(EventKey::Keep);
                assert!(is_json(&text), "{text}");
            }),
            Step::CallEnded(call, _) => {
                assert!(self.unanswered.remove(&call.request), "call {} has two results", call.request);
            }
            Step::UnitsAnswered(answer) => {
                let failed = self.outbox.units.answered(self.now, &answer);
                self.check_words(&format!("{failed:?}"));
            }
            Step::Ignored(words) => self.check_words(&words),
            Step::Authenticating(_) | Step::Ready(_) => {}
        }
    }

    /// What the session's task does after each chunk and at each deadline.
    fn work(&mut self) -> Result<(), Error> {
        self.link.elapse(self.now)?;
        while let Some(step) = self.link.timed_out(self.now)? {
            self.step(step);
        }
        while let Some(step) = self.link.send(self.now, &mut self.outbox) {
            self.step(step);
        }
        while let Some(record) = self.link.transmit(self.now) {
            let text = record.strip_suffix('\u{1e}').unwrap_or_else(|| panic!("without an end: {record}"));
            assert!(record.len() <= MAX_SENT && is_json(text), "{} bytes: {record}", record.len());
        }
        assert!(self.link.deadline(self.now, &self.outbox) > self.now, "the link wants to work at once");
        Ok(())
    }

    fn check_words(&self, words: &str) {
        assert!(self.key_is_known || !words.contains(KEY), "the key is in: {words}");
    }
}
