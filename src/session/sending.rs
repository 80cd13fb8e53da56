//! Whether the hub still takes what is sent. No clock of its own.

use std::time::{Duration, Instant};

/// How long a connection that takes nothing any more may go on being read.
pub(crate) const BROKEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nothing can be sent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The hub took nothing of what waited for the whole limit.
    Stalled,
    /// A write failed, and the reading side did not end in time.
    Broken,
}

/// The writing side of a connection.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// Since when nothing was taken of what waits.
    stuck: Option<Instant>,
    /// Bytes that were taken by then.
    taken: u64,
    /// Since when writes fail.
    broken: Option<Instant>,
}

impl Sending {
    /// Notes whether something waits to be taken, and how many bytes were.
    pub(crate) fn progressed(&mut self, now: Instant, waits: bool, taken: u64) {
        if !waits {
            self.stuck = None;
        } else if self.stuck.is_none() || taken != self.taken {
            self.stuck = Some(now);
        }
        self.taken = taken;
    }

    /// Whether something waits to be taken.
    pub(crate) fn waits(&self) -> bool {
        self.stuck.is_some()
    }

    /// A write failed. The reading side decides what that means.
    pub(crate) fn broke(&mut self, now: Instant) {
        self.stuck = None;
        self.broken.get_or_insert(now);
    }

    /// Whether a write has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// When there is something to judge.
    pub(crate) fn deadline(&self, limit: Duration) -> Option<Instant> {
        let stalled = self.stuck.map(|since| since + limit);
        let broken = self.broken.map(|since| since + BROKEN_TIMEOUT);
        stalled.into_iter().chain(broken).min()
    }

    /// What is to be said of it at `now`, if all that came until then was read.
    pub(crate) fn judge(&self, now: Instant, limit: Duration) -> Option<Verdict> {
        if self.broken.is_some_and(|since| now >= since + BROKEN_TIMEOUT) {
            Some(Verdict::Broken)
        } else {
            self.stuck.is_some_and(|since| now >= since + limit).then_some(Verdict::Stalled)
        }
    }

    /// Nobody could send until `now`.
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
            assert_eq!(sending.judge(now, LIMIT), None, "{seconds}");
        }
    }

    #[test]
    fn one_that_takes_nothing_for_the_limit_is() {
        let (start, mut sending) = (Instant::now(), Sending::default());
        assert_eq!(sending.deadline(LIMIT), None);
        sending.progressed(start, true, 7);
        sending.progressed(start + SECOND, true, 7);
        assert_eq!(sending.deadline(LIMIT), Some(start + LIMIT));
        assert_eq!(sending.judge(start + LIMIT - SECOND, LIMIT), None);
        assert_eq!(sending.judge(start + LIMIT, LIMIT), Some(Verdict::Stalled));
        // unless nobody could send meanwhile
        sending.stood_still(start + LIMIT);
        assert_eq!(sending.judge(start + LIMIT, LIMIT), None);
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
        assert_eq!(sending.judge(start + SECOND, LIMIT), None);
        assert_eq!(sending.judge(start + BROKEN_TIMEOUT, LIMIT), Some(Verdict::Broken));
    }
}
