//! When the hub may be called again.

use std::time::{Duration, Instant};

/// The least time between the hub's answer and the next call: the call came before the answer left.
pub(super) const AFTER_ANSWER: Duration = Duration::from_millis(200);

/// The longest time between calls to a hub that finds them too fast.
pub(super) const SLOWEST: Duration = Duration::from_secs(10);

/// The wait after a refusal, for a hub blocks who insists. After so many in a row it doubles with each, up
/// to [`LONGEST`]: then it is not a few units that the hub refuses, but all.
pub(super) const AFTER_REFUSAL: Duration = Duration::from_secs(1);
const UNDOUBLED: u32 = 4;
const LONGEST: Duration = Duration::from_secs(60);

/// The largest number of accepted calls before a faster pace is tried again.
const MOST_PATIENCE: u32 = 64;

/// The pace of the calls.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// How often the interval is doubled.
    slower: u32,
    /// Calls accepted at this pace. One makes it faster, unless that pace is known as too fast.
    accepted: u32,
    /// Whether the pace became faster last.
    faster: bool,
    /// The `slower` that was too fast when it was tried again, and how many accepted calls it takes to try
    /// it once more: a hub that needs the slower pace is not asked at every turn.
    too_fast: Option<u32>,
    patience: u32,
    /// Calls refused in a row.
    refused: u32,
    called: Option<Instant>,
    next: Option<Instant>,
}

impl Pace {
    /// Calls are at least this far apart.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            slower: 0,
            accepted: 0,
            faster: false,
            too_fast: None,
            patience: 1,
            refused: 0,
            called: None,
            next: None,
        }
    }

    /// The earliest time of the next call.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn called(&mut self, now: Instant) {
        self.called = Some(now);
        self.next = Some(now + self.spacing());
    }

    pub(super) fn accepted(&mut self, now: Instant) {
        self.refused = 0;
        self.accepted += 1;
        match self.slower.checked_sub(1) {
            Some(faster) if self.too_fast != Some(faster) || self.accepted >= self.patience => {
                self.slower = faster;
                self.accepted = 0;
                self.faster = true;
            }
            None if self.accepted >= MOST_PATIENCE => {
                self.faster = false;
                self.too_fast = None;
            }
            _ => {}
        }
        self.wait(now, AFTER_ANSWER);
    }

    pub(super) fn too_fast(&mut self, now: Instant) {
        if std::mem::take(&mut self.faster) {
            let again = self.too_fast.replace(self.slower) == Some(self.slower);
            self.patience = if again { (2 * self.patience).min(MOST_PATIENCE) } else { 2 };
        }
        if self.spacing() < SLOWEST {
            self.slower += 1;
        }
        self.accepted = 0;
        self.wait(now, self.spacing());
    }

    /// A refusal that was `expected`, of a unit that had been refused before, says nothing new of the hub.
    pub(super) fn refused(&mut self, now: Instant, expected: bool) {
        self.refused += u32::from(!expected);
        let doubled = self.refused.saturating_sub(UNDOUBLED).min(16);
        self.wait(now, AFTER_REFUSAL.saturating_mul(1 << doubled).min(LONGEST));
    }

    /// Waits from now on, and for the pace.
    fn wait(&mut self, now: Instant, time: Duration) {
        let paced = self.called.map_or(now, |called| called + self.spacing());
        self.next = Some(paced.max(now + time));
    }

    fn spacing(&self) -> Duration {
        self.interval.saturating_mul(1 << self.slower.min(16)).min(SLOWEST.max(self.interval))
    }
}
