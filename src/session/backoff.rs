//! How long to wait before the next attempt. Randomness is passed in.

use std::time::Duration;

use crate::config::Delays;

/// A series of growing delays.
#[derive(Debug)]
pub(crate) struct Backoff {
    delays: Delays,
    floor: Duration,
    failures: u32,
}

impl Backoff {
    /// Full jitter: any delay up to the n-th limit, so that a thousand servers do not come back in step.
    pub(crate) fn jittered(delays: Delays) -> Self {
        Self { delays, floor: Duration::ZERO, failures: 0 }
    }

    /// Never less than the smallest delay: for a hub that blocks frequent callers.
    pub(crate) fn slow(delays: Delays) -> Self {
        Self { delays, floor: delays.min, failures: 0 }
    }

    /// Returns the delay after a failure. `random` may be any number of its type.
    pub(crate) fn next(&mut self, random: u32) -> Duration {
        let limit = self.delays.min.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        // a slow series starts one step higher, so that its first delay is random too
        let limit = if self.floor.is_zero() { limit } else { limit.saturating_mul(2) };
        self.failures = self.failures.saturating_add(1);
        let room = limit.min(self.delays.max).saturating_sub(self.floor);
        self.floor + room.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Continues with other delays.
    pub(crate) fn set_delays(&mut self, delays: Delays) {
        self.delays = delays;
        if !self.floor.is_zero() {
            self.floor = delays.min;
        }
    }

    /// The number of failures since the series began.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Restarts the series.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DELAYS: Delays = Delays { min: SECOND, max: Duration::from_secs(60) };

    #[test]
    fn limits_double_up_to_the_largest_and_start_anew() {
        let mut backoff = Backoff::jittered(DELAYS);
        let limits: Vec<_> = (0..8).map(|_| backoff.next(u32::MAX).as_secs()).collect();
        assert_eq!(limits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.failures(), 8);
        for _ in 0..100_000 {
            assert_eq!(backoff.next(u32::MAX), DELAYS.max);
        }
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), SECOND);
    }

    #[test]
    fn jitter_spreads_over_the_whole_range() {
        let at = |random| Backoff::jittered(DELAYS).next(random);
        assert_eq!(at(0), Duration::ZERO);
        assert!((Duration::from_millis(499)..Duration::from_millis(501)).contains(&at(u32::MAX / 2)));
        let slow = |random| Backoff::slow(DELAYS).next(random);
        assert_eq!((slow(0), slow(u32::MAX)), (SECOND, 2 * SECOND));
    }

    #[test]
    fn slow_delays_stay_between_their_ends() {
        let mut backoff = Backoff::slow(DELAYS);
        for round in 0..100_u32 {
            let delay = backoff.next(round.wrapping_mul(2_654_435_761));
            assert!((DELAYS.min..=DELAYS.max).contains(&delay), "{delay:?}");
        }
    }
}
