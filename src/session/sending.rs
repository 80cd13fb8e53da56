//! Whether the hub still takes data. No clock of its own.

use std::time::{Duration, Instant};

/// Keep reading a connection this long after it stopped taking data.
pub(crate) const BROKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nothing more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The hub took no waiting data for the whole limit.
    Stalled,
    /// A write failed, and the reading side did not end in time.
    Broken,
}

/// The writing side of a connection.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// Since when no waiting data was taken.
    stuck: Option<Instant>,
    /// The bytes taken by then.
    taken: u64,
    /// Since when writes fail.
    broken: Option<Instant>,
}

impl Sending {
    /// Records whether data waits, and how many bytes were taken.
    pub(crate) fn progressed(&mut self, now: Instant, waits: bool, taken: u64) {
        if !waits {
            self.stuck = None;
        } else if self.stuck.is_none() || taken != self.taken {
            self.stuck = Some(now);
        }
        self.taken = taken;
    }

    /// Whether data waits to be taken.
    pub(crate) fn waits(&self) -> bool {
        self.stuck.is_some()
    }

    /// Records a failed write. The reading side decides what it means.
    pub(crate) fn broke(&mut self, now: Instant) {
        self.stuck = None;
        self.broken.get_or_insert(now);
    }

    /// Whether a write has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Returns the next deadline.
    pub(crate) fn deadline(&self, limit: Duration) -> Option<Instant> {
        let stalled = self.stuck.map(|since| since + limit);
        let broken = self.broken.map(|since| since + BROKEN_TIMEOUT);
        stalled.into_iter().chain(broken).min()
    }

    /// Returns a failure at `now`. Everything that had arrived by then must have been read.
    pub(crate) fn check(&self, now: Instant, limit: Duration) -> Option<Verdict> {
        if self.broken.is_some_and(|since| now >= since + BROKEN_TIMEOUT) {
            Some(Verdict::Broken)
        } else {
            self.stuck.is_some_and(|since| now >= since + limit).then_some(Verdict::Stalled)
        }
    }

    /// The process could not send until `now`.
    pub(crate) fn stood_still(&mut self, now: Instant) {
        self.stuck = self.stuck.map(|_| now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn a_hub_that_takes_anything_is_not_stalled() {
        let (start, mut sending) = (Instant::now(), Sending::default());
        for seconds in 0..3600 {
            let now = start + SECOND * seconds;
            sending.progressed(now, true, u64::from(seconds / 29));
            assert_eq!(sending.check(now, LIMIT), None, "{seconds}");
        }
    }

    #[test]
    fn one_that_takes_nothing_for_the_limit_is() {
        let (start, mut sending) = (Instant::now(), Sending::default());
        assert_eq!(sending.deadline(LIMIT), None);
        sending.progressed(start, true, 7);
        sending.progressed(start + SECOND, true, 7);
        assert_eq!(sending.deadline(LIMIT), Some(start + LIMIT));
        assert_eq!(sending.check(start + LIMIT - SECOND, LIMIT), None);
        assert_eq!(sending.check(start + LIMIT, LIMIT), Some(Verdict::Stalled));
        // unless the process could not send meanwhile
        sending.stood_still(start + LIMIT);
        assert_eq!(sending.check(start + LIMIT, LIMIT), None);
        assert_eq!(sending.deadline(LIMIT), Some(start + LIMIT + LIMIT));
        sending.progressed(start + LIMIT, false, 8);
        assert_eq!((sending.waits(), sending.deadline(LIMIT)), (false, None));
    }

    #[test]
    fn a_broken_one_is_read_for_a_while() {
        let (start, mut sending) = (Instant::now(), Sending::default());
        sending.progressed(start, true, 0);
        sending.broke(start);
        sending.broke(start + SECOND);
        assert!(sending.is_broken() && !sending.waits());
        assert_eq!(sending.deadline(LIMIT), Some(start + BROKEN_TIMEOUT));
        assert_eq!(sending.check(start + SECOND, LIMIT), None);
        assert_eq!(sending.check(start + BROKEN_TIMEOUT, LIMIT), Some(Verdict::Broken));
    }
}
