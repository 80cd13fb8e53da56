//! Unit locations: the newest of each unit, in calls that the hub accepts, without a clock.
//!
//! Sonoran's documentation of `unitLocation`: at most 25 units a call, calls at least 200 ms apart, each
//! unit with a `location` and one of `communityUserId`, `roblox`, `apiId` or `identId`. A hub closes the
//! connection over a record of more than 32 KiB.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::json::{JsonError, Scanner};

/// The hub's method that takes unit locations.
pub(crate) const METHOD: &str = "unitLocation";

/// The largest number of units in a call.
const MAX_UNITS: usize = 25;

/// The largest size of the units in a call: the rest of the 32 KiB is for what is around them.
const MAX_BYTES: usize = 32 * 1024 - 256;

/// The largest size of one of them, with the brackets around it.
const MAX_UNIT_BYTES: usize = MAX_BYTES - 4;

/// The largest number of units that wait.
const MAX_WAITING: usize = 10_000;

/// A position that has not changed is not sent again for this long.
const UNCHANGED: Duration = Duration::from_secs(10);

/// The least time between the hub's answer and the next call: the call came before the answer left.
const AFTER_ANSWER: Duration = Duration::from_millis(200);

/// The longest time between calls to a hub that finds them too fast.
const SLOWEST: Duration = Duration::from_secs(10);

/// So many accepted calls in a row make the next ones faster again.
const CALLS_TO_SPEED_UP: u32 = 20;

/// The wait after the first refusal, doubled for each further one up to [`LONGEST`].
const AFTER_REFUSAL: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// A refusal is told at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The fields that say which unit it is, in the order in which they are asked.
const IDENTITIES: [&str; 4] = ["communityUserId", "roblox", "apiId", "identId"];

/// Why updates are refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// It is no JSON, or no array.
    #[error("{0}")]
    Json(String),
    /// One of the updates is not as documented.
    #[error("unit update {index}: {problem}")]
    Update {
        /// Its index in the array, from 0.
        index: usize,
        /// The field and what was expected.
        problem: String,
    },
    /// Too many units wait.
    #[error("{MAX_WAITING} units wait already: are their ids right?")]
    TooMany,
}

/// A checked update of one unit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update {
    unit: Identity,
    text: Box<str>,
}

/// Which unit it is: one of [`IDENTITIES`], and its value as the host wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    field: &'static str,
    value: Arc<str>,
}

/// Checks what the host gives, in one pass.
pub(crate) fn parse(updates: &str) -> Result<Vec<Update>, UnitError> {
    let mut scanner = Scanner::new(updates);
    if scanner.peek() != Some(b'[') {
        return Err(UnitError::Json("expected an array of unit updates".to_owned()));
    }
    let (mut parsed, mut problem) = (Vec::new(), None);
    let scanned = scanner.elements(|scanner, index| {
        match update(scanner)? {
            Ok(update) => parsed.push(update),
            Err(what) => _ = problem.get_or_insert(UnitError::Update { index, problem: what }),
        }
        Ok(())
    });
    scanned
        .and_then(|()| scanner.end())
        .map_err(|error| UnitError::Json(format!("not valid JSON: {error}")))?;
    problem.map_or(Ok(parsed), Err)
}

/// One update: the inner error is about its content.
fn update(scanner: &mut Scanner<'_>) -> Result<Result<Update, String>, JsonError> {
    if scanner.peek() != Some(b'{') {
        return scanner.value().map(|_| Err("expected an object".to_owned()));
    }
    let mut identities = [None; IDENTITIES.len()];
    let (mut location, mut problem) = (false, None);
    let text = scanner.text_of(|scanner| {
        scanner.members(|scanner, _, key| {
            let (name, value) = (key.decode(), scanner.value()?);
            if let Some(expected) = misfit(&name, value) {
                problem.get_or_insert_with(|| format!("{name}: expected {expected}"));
            }
            location |= name == "location";
            let mut slots = IDENTITIES.iter().zip(&mut identities);
            if let Some((_, slot)) = slots.find(|(identity, _)| **identity == name) {
                *slot = Some(value).filter(|value| *value != "null");
            }
            Ok(())
        })
    })?;
    let mut given = IDENTITIES.iter().zip(identities);
    let unit = given.find_map(|(field, value)| Some(Identity { field, value: value?.into() }));
    Ok(match (problem, unit) {
        (Some(problem), _) => Err(problem),
        (None, _) if !location => Err("location is missing: expected a string".to_owned()),
        (None, None) => Err(format!("expected one of {}", IDENTITIES.join(", "))),
        (None, _) if text.len() > MAX_UNIT_BYTES => {
            Err(format!("it has {} bytes, and a call has room for {MAX_UNIT_BYTES}", text.len()))
        }
        (None, Some(unit)) => Ok(Update { unit, text: text.into() }),
    })
}

/// What was expected of a documented field, if the value is something else. Unknown fields pass.
fn misfit(name: &str, value: &str) -> Option<&'static str> {
    let null = value == "null";
    let text = value.starts_with('"') && value.len() > 2;
    let (fits, expected) = match name {
        "location" => (value.starts_with('"'), "a string"),
        "roblox" => (null || is_number(value), "a number"),
        "communityUserId" | "apiId" | "identId" => {
            (null || text || is_number(value), "a string that is not empty, or a number")
        }
        "coordinates" => {
            (null || is_coordinates(value), "an object with the numbers x, y and z, and perhaps w")
        }
        "vehicle" => (null || value.starts_with('{'), "an object"),
        _ => return None,
    };
    (!fits).then_some(expected)
}

fn is_number(value: &str) -> bool {
    value.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

fn is_coordinates(value: &str) -> bool {
    let mut numbers = true;
    let members = Scanner::new(value).members(|scanner, _, key| {
        let value = scanner.value()?;
        numbers &= is_number(value) || !["x", "y", "z", "w"].iter().any(|name| key.is(name));
        Ok(())
    });
    members.is_ok() && numbers
}

/// How the hub answered a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The hub's words.
    Refused(String),
    /// No answer, or none any more.
    None,
}

/// A refusal that the host should hear of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// How many units the call had.
    pub(crate) units: usize,
    /// How many refusals before this one were not told.
    pub(crate) suppressed: u64,
}

/// What a unit has to tell.
#[derive(Debug, Default)]
struct Unit {
    /// Waits to be sent; its place is that of the first update that waits.
    newest: Option<Box<str>>,
    /// Was sent last.
    sent: Option<(Box<str>, Instant)>,
}

/// The units of a session, over all its connections.
#[derive(Debug)]
pub(crate) struct Units {
    interval: Duration,
    units: HashMap<Identity, Unit>,
    /// Units with something to send, the one that waits longest first.
    waiting: VecDeque<Identity>,
    /// Units of the call that waits for its answer.
    called: Vec<Identity>,
    not_before: Option<Instant>,
    swept: Option<Instant>,
    /// How often the interval was doubled, and the calls accepted since.
    slower: u32,
    accepted: u32,
    refused: u32,
    told: Option<Instant>,
    suppressed: u64,
}

impl Units {
    /// Calls are at least this far apart.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            units: HashMap::new(),
            waiting: VecDeque::new(),
            called: Vec::new(),
            not_before: None,
            swept: None,
            slower: 0,
            accepted: 0,
            refused: 0,
            told: None,
            suppressed: 0,
        }
    }

    /// Takes updates; the newest of a unit takes the place of one that still waits.
    pub(crate) fn update(&mut self, now: Instant, updates: Vec<Update>) -> Result<(), UnitError> {
        self.sweep(now);
        if self.waiting.len() + updates.len() > MAX_WAITING {
            let new =
                |update: &&Update| self.units.get(&update.unit).is_none_or(|unit| unit.newest.is_none());
            if self.waiting.len() + updates.iter().filter(new).count() > MAX_WAITING {
                return Err(UnitError::TooMany);
            }
        }
        for Update { unit: name, text } in updates {
            let unit = self.units.entry(name.clone()).or_default();
            let sent = unit.sent.as_ref().filter(|(_, at)| now < *at + UNCHANGED);
            if unit.newest.is_none() {
                if sent.is_some_and(|(before, _)| *before == text) {
                    continue;
                }
                self.waiting.push_back(name);
            }
            unit.newest = Some(text);
        }
        Ok(())
    }

    /// When the next call may go out; none when nothing waits for it.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let free = self.called.is_empty() && !self.waiting.is_empty();
        free.then(|| self.not_before.unwrap_or(now))
    }

    /// The arguments of the next call, if it may go out now.
    pub(crate) fn call(&mut self, now: Instant) -> Option<String> {
        if self.due(now).is_none_or(|due| due > now) {
            return None;
        }
        let mut arguments = String::from("[[");
        while self.called.len() < MAX_UNITS {
            let Some(name) = self.waiting.front() else { break };
            let Some(unit) = self.units.get_mut(name) else { break };
            let Some(text) = unit.newest.take_if(|text| arguments.len() + text.len() < MAX_BYTES) else {
                break;
            };
            if !self.called.is_empty() {
                arguments.push(',');
            }
            arguments.push_str(&text);
            unit.sent = Some((text, now));
            self.called.extend(self.waiting.pop_front());
        }
        arguments.push_str("]]");
        self.not_before = Some(now + self.spacing());
        Some(arguments)
    }

    /// Takes the answer to the call. Returns a refusal that the host should hear of.
    pub(crate) fn answered(&mut self, now: Instant, answer: &Answer) -> Option<Refusal> {
        let units = self.called.len();
        match answer {
            Answer::Accepted => {
                self.called.clear();
                self.refused = 0;
                self.accepted += 1;
                if self.accepted >= CALLS_TO_SPEED_UP {
                    self.accepted = 0;
                    self.slower = self.slower.saturating_sub(1);
                }
                self.wait_until(now + AFTER_ANSWER);
                None
            }
            Answer::Refused(words) if is_too_fast(words) => {
                self.slower = (self.slower + 1).min(16);
                self.accepted = 0;
                self.wait_until(now + self.spacing());
                self.take_back();
                None
            }
            Answer::Refused(_) => {
                // sending the same again would be refused again, and a hub blocks who insists
                self.called.clear();
                let wait = AFTER_REFUSAL.saturating_mul(1 << self.refused.min(16)).min(LONGEST);
                self.refused += 1;
                self.wait_until(now + wait);
                self.tell(now, units)
            }
            Answer::None => {
                self.take_back();
                None
            }
        }
    }

    /// How many units wait or are on their way.
    pub(crate) fn pending(&self) -> usize {
        self.waiting.len() + self.called.len()
    }

    fn spacing(&self) -> Duration {
        self.interval.saturating_mul(1 << self.slower.min(16)).min(SLOWEST.max(self.interval))
    }

    fn wait_until(&mut self, time: Instant) {
        self.not_before = Some(self.not_before.map_or(time, |before| before.max(time)));
    }

    /// The units of the call wait again, at their old place, unless something newer of them waits.
    fn take_back(&mut self) {
        for name in self.called.drain(..).rev() {
            let Some(unit) = self.units.get_mut(&name) else { continue };
            let Some((text, _)) = unit.sent.take() else { continue };
            if unit.newest.is_none() {
                unit.newest = Some(text);
                self.waiting.push_front(name);
            }
        }
    }

    fn tell(&mut self, now: Instant, units: usize) -> Option<Refusal> {
        if self.told.is_some_and(|told| now < told + TELL_EVERY) {
            self.suppressed += 1;
            return None;
        }
        self.told = Some(now);
        Some(Refusal { units, suppressed: std::mem::take(&mut self.suppressed) })
    }

    /// Forgets units that have nothing to send and whose last position no longer matters.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now < swept + UNCHANGED) {
            return;
        }
        self.swept = Some(now);
        let called = &self.called;
        self.units.retain(|name, unit| {
            let recent = unit.sent.as_ref().is_some_and(|(_, at)| now < *at + UNCHANGED);
            unit.newest.is_some() || recent || called.contains(name)
        });
    }
}

/// The hub's own words, as documented: "UNIT_LOCATION updates are limited to every 200ms."
fn is_too_fast(words: &str) -> bool {
    words.contains("limited to every")
}

#[cfg(test)]
mod tests;
