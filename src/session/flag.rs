//! The flags of the mailboxes, by which a poll sees without a lock that nothing waits.
//!
//! A mailbox has the flag of the number that reads it, and sets it under its own lock. A poll compares the number and
//! looks. If the flag has been given to another mailbox in between, the session of that number has gone meanwhile; so
//! "nothing" was true for it once the poll had begun. The flags are static: no poll looks at freed memory.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// How many there are. Numbers that are the same modulo this share one: all but the first session take locks for each
/// poll.
const COUNT: usize = 1024;

/// Reads no mailbox: nobody has the flag.
const FREE: i32 = 0;

/// Not the number of a session: the flag is not set yet.
const SETTING: i32 = -1;

static FLAGS: [Flag; COUNT] = [const { Flag::new() }; COUNT];

/// In a cache line of its own: who polls one session is not held up by what happens to the next one.
#[derive(Debug)]
#[repr(align(64))]
struct Flag {
    reader: AtomicI32,
    /// Whether something waits.
    up: AtomicBool,
    /// Whether a poll looked.
    seen: AtomicBool,
}

impl Flag {
    const fn new() -> Self {
        Self { reader: AtomicI32::new(FREE), up: AtomicBool::new(false), seen: AtomicBool::new(false) }
    }

    fn of(reader: i32) -> Option<&'static Self> {
        if reader <= FREE {
            return None;
        }
        FLAGS.get(reader.unsigned_abs() as usize % COUNT)
    }
}

/// Whether nothing waits for this session. False if it has no flag or is none.
#[inline]
pub(crate) fn is_down(reader: i32) -> bool {
    let Some(flag) = Flag::of(reader) else { return false };
    if flag.reader.load(Ordering::Acquire) != reader || flag.up.load(Ordering::Acquire) {
        return false;
    }
    touch(&flag.seen);
    true
}

/// Sets what is almost always set, without claiming its cache line each time.
#[inline]
pub(super) fn touch(used: &AtomicBool) {
    if !used.load(Ordering::Relaxed) {
        used.store(true, Ordering::Relaxed);
    }
}

/// A mailbox's flag until it is dropped.
#[derive(Debug)]
pub(super) struct OwnFlag(&'static Flag);

impl OwnFlag {
    /// Takes the flag of a number, unless another mailbox has it.
    pub(super) fn take(reader: i32, up: bool) -> Option<Self> {
        let flag = Flag::of(reader)?;
        flag.reader.compare_exchange(FREE, SETTING, Ordering::Acquire, Ordering::Relaxed).ok()?;
        flag.up.store(up, Ordering::Relaxed);
        flag.reader.store(reader, Ordering::Release);
        Some(Self(flag))
    }

    /// Says whether something waits. Call it under the mailbox's lock.
    pub(super) fn set(&self, up: bool) {
        if self.0.up.load(Ordering::Relaxed) != up {
            self.0.up.store(up, Ordering::Release);
        }
    }

    /// Whether a poll looked since the last call.
    pub(super) fn was_seen(&self) -> bool {
        self.0.seen.swap(false, Ordering::Relaxed)
    }
}

impl Drop for OwnFlag {
    fn drop(&mut self) {
        self.0.reader.store(FREE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other test of this process opens so many sessions.
    const FIRST: i32 = 1_000_000;

    #[test]
    fn a_flag_is_down_for_its_reader_only_and_only_while_nothing_waits() {
        assert!(!is_down(FIRST));
        let flag = OwnFlag::take(FIRST, true).unwrap();
        assert!(!is_down(FIRST));
        flag.set(false);
        assert!(is_down(FIRST));
        flag.set(true);
        assert!(!is_down(FIRST));
        flag.set(false);
        drop(flag);
        assert!(!is_down(FIRST));
    }

    #[test]
    fn one_number_at_a_time_has_a_flag() {
        const OTHER: i32 = FIRST + 1 + COUNT as i32;
        let flag = OwnFlag::take(FIRST + 1, false).unwrap();
        assert!(OwnFlag::take(OTHER, false).is_none());
        assert!(is_down(FIRST + 1) && !is_down(OTHER));
        drop(flag);
        let flag = OwnFlag::take(OTHER, false).unwrap();
        assert!(is_down(OTHER) && !is_down(FIRST + 1));
        drop(flag);
    }

    #[test]
    fn what_is_no_session_has_none() {
        for number in [i32::MIN, SETTING, FREE] {
            assert!(!is_down(number) && OwnFlag::take(number, false).is_none(), "{number}");
        }
    }

    #[test]
    fn a_look_at_a_flag_counts_as_use() {
        let flag = OwnFlag::take(FIRST + 2, false).unwrap();
        assert!(!flag.was_seen());
        assert!(is_down(FIRST + 2) && is_down(FIRST + 2));
        assert!(flag.was_seen() && !flag.was_seen());
        // a poll that finds something goes on to the mailbox, which counts it
        flag.set(true);
        assert!(!is_down(FIRST + 2) && !flag.was_seen());
    }
}
