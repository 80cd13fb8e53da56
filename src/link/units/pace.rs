//! When to call the hub again.

use std::time::{Duration, Instant};

/// The least time between the hub's answer and the next call. The hub counts from the call's arrival, which
/// is earlier.
pub(super) const AFTER_ANSWER: Duration = Duration::from_millis(200);

/// The longest time between calls to a hub that finds them too fast.
pub(super) const SLOWEST: Duration = Duration::from_secs(10);

/// The wait after a refusal: a hub blocks clients that insist. After this many in a row the hub refuses all
/// units, not just some, and the wait doubles each time, up to [`LONGEST`].
pub(super) const AFTER_REFUSAL: Duration = Duration::from_secs(1);
const UNDOUBLED: u32 = 4;
const LONGEST: Duration = Duration::from_secs(60);

/// The largest number of accepted calls before trying a faster pace again.
const MOST_PATIENCE: u32 = 64;

/// The pace of the calls.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// The number of times that the interval is doubled.
    slower: u32,
    /// Calls accepted at this pace. One is enough for a faster pace, unless that is known to be too fast.
    accepted: u32,
    /// Whether the last change was to a faster pace.
    faster: bool,
    /// The `slower` that was too fast when tried again, and how many accepted calls it takes to try once
    /// more, so that a hub that needs the slower pace is seldom tested.
    too_fast: Option<u32>,
    patience: u32,
    /// Calls refused in a row.
    refused: u32,
    called: Option<Instant>,
    next: Option<Instant>,
}

impl Pace {
    /// `interval` is the least time between calls.
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

    /// An `expected` refusal, of a unit that was refused before, says nothing new about the hub.
    pub(super) fn refused(&mut self, now: Instant, expected: bool) {
        self.refused += u32::from(!expected);
        let doubled = self.refused.saturating_sub(UNDOUBLED).min(16);
        self.wait(now, AFTER_REFUSAL.saturating_mul(1 << doubled).min(LONGEST));
    }

    /// Waits this long from now, and at least for the pace.
    fn wait(&mut self, now: Instant, time: Duration) {
        let paced = self.called.map_or(now, |called| called + self.spacing());
        self.next = Some(paced.max(now + time));
    }

    fn spacing(&self) -> Duration {
        self.interval.saturating_mul(1 << self.slower.min(16)).min(SLOWEST.max(self.interval))
    }
}
