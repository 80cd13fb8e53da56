//! The event queue between a session's task and the host's threads.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::notice;
use super::queue::{Entry, Queue};
use super::stats::{QueueStats, Queued};
use crate::config::Bounds;

/// Which session writes: a session that was replaced has nothing more to say.
pub(crate) type Writer = u32;

/// The number of no session.
const NO_READER: i32 = 0;

/// What a look into the mailbox gave.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The next event.
    pub(crate) event: Option<CString>,
    /// Whether nothing will ever follow.
    pub(crate) ended: bool,
}

/// The queue and what the host's side needs with it. No lock is held over IO.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    /// How many entries wait: lets a poll of an empty mailbox go without the lock.
    waiting: AtomicUsize,
    arrived: Condvar,
    /// Set by every use of the host, cleared by the idle watch.
    used: AtomicBool,
    pub(crate) stats: QueueStats,
}

#[derive(Debug)]
struct Inner {
    queue: Queue,
    /// The number of the session whose host may read.
    reader: i32,
    writer: Writer,
    /// Nothing will be written any more.
    closed: bool,
    woken: bool,
    /// How many threads wait for an event.
    waiters: usize,
}

impl Mailbox {
    pub(crate) fn new(bounds: Bounds, reader: i32) -> Self {
        let queue = Queue::new(bounds);
        let inner = Inner { queue, reader, writer: 0, closed: false, woken: false, waiters: 0 };
        Self {
            inner: Mutex::new(inner),
            waiting: AtomicUsize::new(0),
            arrived: Condvar::new(),
            used: AtomicBool::new(true),
            stats: QueueStats::default(),
        }
    }

    /// Another number reads from now on; who waits under the old one gets nothing.
    pub(crate) fn hand_over(&self, reader: i32) {
        self.touch();
        self.inner.lock().reader = reader;
        self.arrived.notify_all();
    }

    /// Nobody reads any more; who waits gets nothing.
    pub(crate) fn release_readers(&self) {
        self.hand_over(NO_READER);
    }

    /// Another session writes from now on.
    pub(crate) fn take_over(&self, bounds: Bounds) -> Writer {
        let mut inner = self.inner.lock();
        inner.closed = false;
        inner.writer += 1;
        let writer = inner.writer;
        let dropped = inner.queue.reopen(bounds);
        self.stats.dropped.add(dropped);
        self.changed(&inner);
        writer
    }

    /// Puts pushes in. They are taken from a session that is being replaced too: they came from the hub.
    pub(crate) fn push(&self, texts: impl IntoIterator<Item = CString>) {
        let mut inner = self.inner.lock();
        let (mut pushes, mut dropped) = (0, 0);
        for text in texts {
            pushes += 1;
            dropped += inner.queue.push(text);
        }
        self.stats.pushes.add(pushes);
        self.stats.dropped.add(dropped);
        self.changed(&inner);
    }

    /// Puts a notice in; where very many wait, one about yet `another` attempt may take the last one's place.
    pub(crate) fn notice(&self, writer: Writer, text: CString, another: bool) {
        let mut inner = self.inner.lock();
        if inner.writer != writer {
            return;
        }
        if another {
            inner.queue.renew_notice(text);
        } else {
            inner.queue.notice(text);
        }
        self.changed(&inner);
    }

    /// Puts the last event in.
    pub(crate) fn close(&self, writer: Writer, last: Option<CString>) {
        let mut inner = self.inner.lock();
        if inner.writer != writer {
            return;
        }
        inner.closed = true;
        if let Some(last) = last {
            inner.queue.end_with(last);
        }
        self.changed(&inner);
    }

    /// Takes the next event.
    pub(crate) fn take(&self) -> Taken {
        self.touch();
        if self.waiting.load(Ordering::Acquire) == 0 {
            return Taken { event: None, ended: false };
        }
        self.take_from(&mut self.inner.lock())
    }

    /// Takes the next event, waiting for it. Returns without one when the time is up, after
    /// [`wake`](Self::wake), or when `reader` may no longer read.
    pub(crate) fn wait(&self, reader: i32, timeout: Option<Duration>) -> Taken {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut inner = self.inner.lock();
        inner.waiters += 1;
        let taken = loop {
            self.touch();
            if inner.reader != reader || std::mem::take(&mut inner.woken) {
                break Taken { event: None, ended: false };
            }
            let taken = self.take_from(&mut inner);
            if taken.event.is_some() || taken.ended {
                break taken;
            }
            let late = match until {
                Some(until) => self.arrived.wait_until(&mut inner, until).timed_out(),
                None => {
                    self.arrived.wait(&mut inner);
                    false
                }
            };
            if late {
                break if inner.reader == reader { self.take_from(&mut inner) } else { taken };
            }
        };
        inner.waiters -= 1;
        taken
    }

    /// Ends the current wait, or the next one.
    pub(crate) fn wake(&self) {
        self.inner.lock().woken = true;
        self.arrived.notify_one();
    }

    /// Notes that the host cares about the session.
    pub(crate) fn touch(&self) {
        // a plain load first: the flag is almost always set, and a store would take the cache line
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the host did anything since the last call.
    pub(crate) fn was_used(&self) -> bool {
        self.inner.lock().waiters > 0 || self.used.swap(false, Ordering::Relaxed)
    }

    /// How much waits.
    pub(crate) fn queued(&self) -> Queued {
        let inner = self.inner.lock();
        Queued { events: inner.queue.len(), bytes: inner.queue.push_bytes() }
    }

    /// How many notices wait.
    pub(crate) fn notices(&self) -> usize {
        self.inner.lock().queue.notices()
    }

    fn take_from(&self, inner: &mut Inner) -> Taken {
        let event = match inner.queue.pop() {
            Some(Entry::Event(text)) => Some(text),
            Some(Entry::Gap(count)) => Some(notice::dropped(count)),
            None => None,
        };
        if event.is_some() {
            self.stats.delivered.add(1);
        }
        self.waiting.store(inner.queue.len(), Ordering::Release);
        let ended = inner.closed && inner.queue.len() == 0;
        if ended {
            self.arrived.notify_all();
        }
        Taken { event, ended }
    }

    fn changed(&self, inner: &Inner) {
        self.waiting.store(inner.queue.len(), Ordering::Release);
        if inner.waiters > 0 {
            self.arrived.notify_all();
        }
    }
}
