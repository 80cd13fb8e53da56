//! What a thread sleeps on.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// What the thread sleeps on that waits for several mailboxes.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock() = true;
        self.rings.notify_one();
    }

    /// Waits until it rings. Returns whether it did in time.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut rung = self.rung.lock();
        while !*rung {
            match until {
                Some(until) if self.rings.wait_until(&mut rung, until).timed_out() => {
                    return std::mem::take(&mut *rung);
                }
                Some(_) => {}
                None => self.rings.wait(&mut rung),
            }
        }
        std::mem::take(&mut *rung)
    }
}
