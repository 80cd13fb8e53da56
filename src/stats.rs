//! The figures of a session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

/// What a session counts of its connections.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) received_bytes: AtomicU64,
    pub(crate) unknown_messages: AtomicU64,
    pub(crate) attempts: AtomicU64,
    ready: AtomicU64,
    link: Mutex<LinkStats>,
}

#[derive(Debug, Default)]
struct LinkStats {
    ready_since: Option<Instant>,
    method: Option<&'static str>,
    last_error: Option<String>,
}

impl Stats {
    /// Adds to one of the counters.
    pub(crate) fn count(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// The hub accepted the credentials.
    pub(crate) fn became_ready(&self, now: Instant, method: &'static str) {
        self.ready.fetch_add(1, Ordering::Relaxed);
        let mut link = self.link.lock();
        link.ready_since = Some(now);
        link.method = Some(method);
    }

    /// The link is gone. Returns since when it was ready, if it was.
    pub(crate) fn lost(&self) -> Option<Instant> {
        self.link.lock().ready_since.take()
    }

    pub(crate) fn failed(&self, sentence: String) {
        self.link.lock().last_error = Some(sentence);
    }

    /// The authentication method that worked last.
    pub(crate) fn remembered_method(&self) -> Option<&'static str> {
        self.link.lock().method
    }

    pub(crate) fn ready(&self) -> u64 {
        self.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn ready_since(&self) -> Option<Instant> {
        self.link.lock().ready_since
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.link.lock().last_error.clone()
    }
}
