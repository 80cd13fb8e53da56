//! The figures of a session.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::json;

use super::state::State;

/// A figure that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The same for a figure that only changes under a lock, which the caller holds.
    pub(crate) fn add_locked(&self, amount: u64) {
        self.0.store(self.get() + amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of a mailbox, over all sessions that write into it.
#[derive(Debug, Default)]
pub(crate) struct QueueStats {
    pub(crate) pushes: Counter,
    /// Changes under the mailbox's lock.
    pub(crate) delivered: Counter,
    pub(crate) dropped: Counter,
    pub(crate) filtered: Counter,
}

/// How much waits in a mailbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queued {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

/// The figures of a session's connections.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) received_bytes: Counter,
    pub(crate) unknown_messages: Counter,
    pub(crate) attempts: Counter,
    pub(crate) ready: Counter,
    last_error: Mutex<Option<String>>,
}

impl Stats {
    pub(crate) fn failed(&self, sentence: String) {
        *self.last_error.lock() = Some(sentence);
    }

    /// Returns all figures, as `sonoran_stats` does.
    pub(crate) fn json(
        &self,
        number: i32,
        state: State,
        queue: &QueueStats,
        queued: Queued,
        (pending_units, aside_units): (usize, usize),
    ) -> String {
        let ready_ms = match state {
            State::Ready { since, .. } => u64::try_from(since.elapsed().as_millis()).unwrap_or(0),
            _ => 0,
        };
        json!({
            "session": number,
            "state": state.name(),
            "pushes": queue.pushes.get(),
            "delivered": queue.delivered.get(),
            "dropped": queue.dropped.get(),
            "filtered": queue.filtered.get(),
            "queuedEvents": queued.events,
            "queuedBytes": queued.bytes,
            "receivedBytes": self.received_bytes.get(),
            "pendingUnits": pending_units,
            "asideUnits": aside_units,
            "unknownMessages": self.unknown_messages.get(),
            "attempts": self.attempts.get(),
            "ready": self.ready.get(),
            "readyMs": ready_ms,
            "lastError": *self.last_error.lock(),
        })
        .to_string()
    }
}
