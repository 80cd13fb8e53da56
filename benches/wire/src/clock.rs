//! Time, and the processor's time, in nanoseconds.

use rustix::time::{ClockId, clock_gettime};

fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The clock that all programs on a machine share.
pub(crate) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// What this thread has computed.
pub(crate) fn thread() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// What this process has computed.
pub(crate) fn process() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}
