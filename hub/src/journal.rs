//! The log, for the page and for recordings.

use std::{
    collections::VecDeque,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;

/// The log is bounded in entries and bytes, so that a hub can run for weeks.
const MAX_ENTRIES: usize = 10_000;
const MAX_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Journal {
    started: Instant,
    inner: Mutex<Inner>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    bytes: usize,
    next: u64,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A session began or ended.
    Session,
    /// A client called a method.
    Call,
    /// The hub pushed an event; the text is its body.
    Push,
    /// The remote control did something.
    Control,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// Milliseconds since the hub started.
    ms: f64,
    at: String,
    pub(crate) kind: Kind,
    server_id: Option<u32>,
    /// Where a push went.
    to: Option<String>,
    pub(crate) text: String,
    #[serde(skip)]
    pub(crate) time: SystemTime,
}

impl Entry {
    pub(crate) fn after(&self) -> Duration {
        Duration::try_from_secs_f64(self.ms / 1000.0).unwrap_or_default()
    }
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), inner: Mutex::default(), changes: watch::Sender::default() }
    }

    pub(crate) fn add(
        &self,
        kind: Kind,
        server_id: Option<u32>,
        to: Option<String>,
        text: impl Into<String>,
    ) {
        let (text, time) = (text.into(), SystemTime::now());
        let ms = self.started.elapsed().as_secs_f64() * 1000.0;
        let at = humantime::format_rfc3339_millis(time).to_string();
        let mut inner = self.inner.lock();
        inner.bytes += text.len();
        let number = inner.next;
        inner.next += 1;
        inner.entries.push_back(Entry { number, ms, at, kind, server_id, to, text, time });
        while inner.entries.len() > MAX_ENTRIES || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.entries.pop_front() else { break };
            inner.bytes -= oldest.text.len();
        }
        drop(inner);
        self.changes.send_replace(());
    }

    /// Signals a change other than a new entry.
    pub(crate) fn touch(&self) {
        self.changes.send_replace(());
    }

    /// The newest entries from `number` on, at most `most`, and the number of the next one.
    pub(crate) fn from(&self, number: u64, most: usize) -> (Vec<Entry>, u64) {
        let inner = self.inner.lock();
        let newer = inner.entries.iter().filter(|entry| entry.number >= number).count();
        let skipped = inner.entries.len() - newer.min(most);
        (inner.entries.iter().skip(skipped).cloned().collect(), inner.next)
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.entries.clear();
        inner.bytes = 0;
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}
