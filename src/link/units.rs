//! Unit locations: the newest of each unit, in calls that the hub accepts. No clock.
//!
//! Sonoran documents `unitLocation`: at most 25 units a call, calls at least 200 ms apart, each unit with a
//! `location` and one of `communityUserId`, `roblox`, `apiId` or `identId`. A hub closes the connection over
//! a record of more than 32 KiB, and accepts a call as a whole or not at all.
//!
//! The states of a unit:
//!
//! ```text
//! it is   and                                  then it
//! idle    has a new location                   waits, behind those that do
//! waits   is its turn                          is called, with up to 24 others that wait as it does
//! called  the hub accepts                      is idle, or waits if it has moved since
//!         the hub finds the calls too fast     waits at its old place, and the pace is halved
//!         the hub refuses the call, or does    waits behind the others for a call of 5 units, after that
//!         not answer before the time is up     for one of its own; after that is set aside, if it was
//!         or the link has gone                 refused or two calls in a row got no answer
//! aside   time is up                           waits for a call of its own, if it has a new location
//! ```
//!
//! So one bad unit among 25 costs three refusals in eleven calls (halving would cost six in as many), or
//! three links if the hub hangs up over it, and no call goes out a third time. After that it costs one each
//! time its time is up: after a minute, doubled up to a quarter of an hour.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use pace::Pace;
use update::{Identity, MAX_BYTES, MAX_WAITING};
pub(crate) use update::{UnitError, Update, parse};

mod pace;
mod update;

/// The hub's method that takes unit locations.
pub(crate) const METHOD: &str = "unitLocation";

/// The largest number of units in a call: for units that have not failed, for units that failed in such a
/// call, and for units that failed in a smaller one.
const SIZES: [usize; 3] = [25, 5, 1];

/// The last index of [`SIZES`].
const ALONE: usize = 2;

/// An unchanged location is not sent again for this long.
const UNCHANGED: Duration = Duration::from_secs(10);

/// How long a unit is set aside. Doubles each further time, up to [`LONGEST_ASIDE`].
const ASIDE: Duration = Duration::from_secs(60);
const LONGEST_ASIDE: Duration = Duration::from_secs(15 * 60);

/// Report a failed call with several units at most this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The hub's words.
    Refused(String),
    /// The hub does not know the caller: no fault of the units.
    Unauthenticated,
    TimedOut,
    /// The link ended first.
    Lost,
}

/// A failed call to report to the host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) kind: FailedKind,
    /// Its number of units.
    pub(crate) units: usize,
    /// How many earlier failed calls were not reported.
    pub(crate) suppressed: u64,
    /// The unit that is set aside as the cause, and for how long.
    pub(crate) aside: Option<(Identity, Duration)>,
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedKind {
    Refused,
    TimedOut,
    Lost,
}

/// The locations and the record of one unit.
#[derive(Debug, Default)]
struct Unit {
    place: Place,
    /// To be sent.
    newest: Option<String>,
    /// Sent last.
    sent: Option<(String, Instant)>,
    /// The index in [`SIZES`] of the calls that it may be part of.
    size: usize,
    /// How many of its calls in a row got no answer.
    unanswered: u32,
    /// How often in a row it was set aside, and until when.
    asides: u32,
    aside_until: Option<Instant>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Idle,
    Waiting,
    Called,
    Aside,
}

/// A session's units, over all its connections.
#[derive(Debug)]
pub(crate) struct Units {
    pace: Pace,
    units: HashMap<Identity, Unit>,
    /// For each of [`SIZES`], the units that wait for such a call, the longest-waiting first.
    waiting: [BTreeMap<u64, Identity>; SIZES.len()],
    last_place: u64,
    /// The units of the call that waits for its answer, with their places.
    called: Vec<(u64, Identity)>,
    /// Units set aside, by the time at which that ends.
    aside: BTreeMap<(Instant, u64), Identity>,
    swept: Option<Instant>,
    told: Option<Instant>,
    suppressed: u64,
}

impl Units {
    /// `interval` is the least time between calls.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            pace: Pace::new(interval),
            units: HashMap::new(),
            waiting: Default::default(),
            last_place: 0,
            called: Vec::new(),
            aside: BTreeMap::new(),
            swept: None,
            told: None,
            suppressed: 0,
        }
    }

    /// Takes updates. A unit's newest update replaces one that still waits.
    pub(crate) fn update(&mut self, now: Instant, updates: Vec<Update<'_>>) -> Result<(), UnitError> {
        self.sweep(now);
        let mut name = String::new();
        let held = self.pending() + self.aside();
        if held + updates.len() > MAX_WAITING {
            let mut new = HashSet::new();
            for update in &updates {
                update.name(&mut name);
                if self.units.get(name.as_str()).is_none_or(|unit| unit.place == Place::Idle) {
                    new.insert(name.clone());
                }
            }
            if held + new.len() > MAX_WAITING {
                return Err(UnitError::TooMany);
            }
        }
        for update in updates {
            update.name(&mut name);
            let unit = match self.units.get_mut(name.as_str()) {
                Some(unit) => unit,
                None => self.units.entry(name.as_str().into()).or_default(),
            };
            let was_sent = |(before, at): &(String, Instant)| before == update.text && now < *at + UNCHANGED;
            if unit.newest.is_none() && unit.sent.as_ref().is_some_and(was_sent) {
                continue;
            }
            // one that waits is mostly as long: its memory is used again
            let newest = unit.newest.get_or_insert_default();
            newest.clear();
            newest.push_str(update.text);
            if unit.place == Place::Idle {
                let name = self.units.get_key_value(name.as_str()).map(|(name, _)| name.clone());
                name.into_iter().for_each(|name| self.wait(name));
            }
        }
        Ok(())
    }

    /// Returns when the next call may go out, if anything waits for it.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if !self.called.is_empty() {
            return None;
        }
        let waits = self.waiting.iter().any(|units| !units.is_empty());
        let first = if waits { now } else { self.aside.first_key_value()?.0.0 };
        Some(self.pace.next().map_or(first, |next| next.max(first)))
    }

    /// Returns the arguments of the next call, if it may go out now.
    pub(crate) fn call(&mut self, now: Instant) -> Option<String> {
        if self.due(now).is_none_or(|due| due > now) {
            return None;
        }
        self.release(now);
        let first_place = |units: &BTreeMap<u64, Identity>| units.first_key_value().map(|(place, _)| *place);
        let sizes = self.waiting.iter_mut().zip(SIZES);
        let (waiting, most) =
            sizes.filter(|(units, _)| !units.is_empty()).min_by_key(|(units, _)| first_place(units))?;
        let mut arguments = String::from("[[");
        while self.called.len() < most {
            let Some(entry) = waiting.first_entry() else { break };
            let Some(unit) = self.units.get_mut(entry.get()) else { break };
            let Some(text) = unit.newest.take_if(|text| arguments.len() + text.len() < MAX_BYTES) else {
                break;
            };
            if !self.called.is_empty() {
                arguments.push(',');
            }
            arguments.push_str(&text);
            unit.sent = Some((text, now));
            unit.place = Place::Called;
            self.called.push(entry.remove_entry());
        }
        arguments.push_str("]]");
        self.pace.called(now);
        Some(arguments)
    }

    /// Takes the answer to the call. Returns what to report to the host.
    pub(crate) fn answered(&mut self, now: Instant, answer: &Answer) -> Option<Failed> {
        match answer {
            Answer::Accepted => {
                self.pace.accepted(now);
                for (_, name) in std::mem::take(&mut self.called) {
                    let Some(unit) = self.units.get_mut(&name) else { continue };
                    *unit = Unit { newest: unit.newest.take(), sent: unit.sent.take(), ..Unit::default() };
                    if unit.newest.is_some() {
                        self.wait(name);
                    }
                }
                None
            }
            Answer::Refused(words) if is_too_fast(words) => {
                self.pace.too_fast(now);
                self.take_back();
                None
            }
            Answer::Unauthenticated => {
                self.take_back();
                None
            }
            Answer::Refused(_) => self.failed(now, FailedKind::Refused),
            Answer::TimedOut => self.failed(now, FailedKind::TimedOut),
            Answer::Lost => self.failed(now, FailedKind::Lost),
        }
    }

    /// The number of units that wait or are on their way.
    pub(crate) fn pending(&self) -> usize {
        self.called.len() + self.waiting.iter().map(BTreeMap::len).sum::<usize>()
    }

    /// The number of units set aside.
    pub(crate) fn aside(&self) -> usize {
        self.aside.len()
    }

    /// Queues the unit behind the others.
    fn wait(&mut self, name: Identity) {
        self.last_place += 1;
        self.wait_at(self.last_place, name);
    }

    fn wait_at(&mut self, place: u64, name: Identity) {
        let Some(unit) = self.units.get_mut(&name) else { return };
        unit.place = Place::Waiting;
        if let Some(waiting) = self.waiting.get_mut(unit.size) {
            waiting.insert(place, name);
        }
    }

    /// Queues the units of the call again, at their old places.
    fn take_back(&mut self) {
        for (place, name) in std::mem::take(&mut self.called) {
            if let Some(unit) = self.units.get_mut(&name) {
                unit.unsend();
                self.wait_at(place, name);
            }
        }
    }

    fn failed(&mut self, now: Instant, kind: FailedKind) -> Option<Failed> {
        let called = std::mem::take(&mut self.called);
        let units = called.len();
        if kind == FailedKind::Refused {
            let is_suspect = |name| self.units.get(name).is_some_and(|unit| unit.asides > 0);
            self.pace.refused(now, called.iter().all(|(_, name)| is_suspect(name)));
        }
        let mut aside = None;
        for (_, name) in called {
            let Some(unit) = self.units.get_mut(&name) else { continue };
            unit.unanswered = if kind == FailedKind::Refused { 0 } else { unit.unanswered + 1 };
            if units > 1 || unit.unanswered == 1 {
                unit.size = SIZES.iter().position(|size| *size < units).unwrap_or(ALONE);
                unit.unsend();
                self.wait(name);
            } else {
                let time = ASIDE.saturating_mul(1 << unit.asides.min(16)).min(LONGEST_ASIDE);
                *unit = Unit {
                    place: Place::Aside,
                    newest: unit.newest.take(),
                    size: ALONE,
                    asides: unit.asides + 1,
                    aside_until: Some(now + time),
                    ..Unit::default()
                };
                self.last_place += 1;
                self.aside.insert((now + time, self.last_place), name.clone());
                aside = Some((name, time));
            }
        }
        // the host hears of an ended link anyway
        let is_news = kind != FailedKind::Lost && self.told.is_none_or(|told| now >= told + TELL_EVERY);
        if aside.is_none() && !is_news {
            self.suppressed += u64::from(kind != FailedKind::Lost);
            return None;
        }
        self.told = Some(now);
        Some(Failed { kind, units, suppressed: std::mem::take(&mut self.suppressed), aside })
    }

    /// Releases units that were set aside long enough.
    fn release(&mut self, now: Instant) {
        while let Some(entry) = self.aside.first_entry().filter(|entry| entry.key().0 <= now) {
            let name = entry.remove();
            let Some(unit) = self.units.get_mut(&name) else { continue };
            unit.place = Place::Idle;
            if unit.newest.is_some() {
                self.wait(name);
            }
        }
    }

    /// Forgets units that have nothing to send and whose record no longer matters.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now < swept + UNCHANGED) {
            return;
        }
        self.swept = Some(now);
        self.units.retain(|_, unit| {
            let recent = unit.sent.as_ref().is_some_and(|(_, at)| now < *at + UNCHANGED);
            let suspect = unit.aside_until.is_some_and(|until| now < until + LONGEST_ASIDE);
            unit.place != Place::Idle || recent || suspect
        });
    }
}

impl Unit {
    /// Marks what was sent as to be sent, unless there is something newer.
    fn unsend(&mut self) {
        let sent = self.sent.take().map(|(text, _)| text);
        self.newest = self.newest.take().or(sent);
    }
}

/// Recognises the documented words "UNIT_LOCATION updates are limited to every 200ms."
fn is_too_fast(words: &str) -> bool {
    words.contains("limited to every")
}

#[cfg(test)]
mod tests;
