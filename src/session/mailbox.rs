//! The event queue between a session's task and the host's threads.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::bell::Bell;
use super::flag::{self, OwnFlag};
use super::notice;
use super::queue::{Entry, Queue};
use super::stats::{QueueStats, Queued};
use crate::config::{Bounds, Reading};
use crate::error::Error;
use crate::link::push;
use crate::sys::{Signal, Text};

/// Identifies who writes. What a reader was told by whoever wrote before is not for the next one.
pub(crate) type Writer = u32;

/// The number of no session.
const NO_READER: i32 = 0;

/// The result of a look into the mailbox.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The next event.
    pub(crate) event: Option<Text>,
    /// What the session wants, if the event came for an earlier one.
    inherited: Option<Arc<Reading>>,
    /// Whether nothing will ever follow.
    pub(crate) ended: bool,
}

/// The result of a look that takes nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Nothing,
    /// Something waits. Finds are counted through the process: it was last found at this one.
    Waiting {
        found_before: u64,
    },
    /// A wake ends the wait.
    Woken,
    /// Nothing will ever follow, or the number may no longer read.
    Gone,
}

/// The queue and what the host's side needs with it. No lock is held over IO.
#[derive(Debug)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// Set whenever the host uses the session, cleared by the idle watch.
    used: AtomicBool,
    /// When a wait for several sessions last found it.
    found: AtomicU64,
    pub(crate) stats: QueueStats,
}

#[derive(Debug)]
struct Inner {
    queue: Queue,
    /// The number of the session that may read.
    reader: i32,
    /// The reader's, unless an older session has it. Spares a poll of an empty mailbox the locks.
    flag: Option<OwnFlag>,
    writer: Writer,
    reading: Arc<Reading>,
    /// Nothing more will be written.
    closed: bool,
    woken: bool,
    /// The number of threads that wait for an event.
    waiters: usize,
    /// Of the threads that wait for several sessions.
    bells: Vec<Arc<Bell>>,
    /// Once the host has asked for it.
    signal: Option<Arc<Signal>>,
    signalled: bool,
}

impl Inner {
    /// Whether a look finds anything. That nothing follows counts.
    fn is_worth_a_look(&self) -> bool {
        self.queue.len() > 0 || self.closed || self.reader == NO_READER
    }

    /// Makes flag and signal agree with the queue, the signal by one system call where it did not.
    fn show(&mut self) {
        if let Some(flag) = &self.flag {
            flag.set(self.queue.len() > 0);
        }
        let Some(signal) = &self.signal else { return };
        let worth = self.is_worth_a_look();
        if worth != self.signalled {
            if worth {
                signal.set()
            } else {
                signal.clear()
            }
            self.signalled = worth;
        }
    }
}

impl Mailbox {
    /// Creates a mailbox that nobody reads yet.
    pub(crate) fn new(reading: &Arc<Reading>) -> Self {
        let inner = Inner {
            queue: Queue::new(reading.bounds),
            reader: NO_READER,
            flag: None,
            writer: 0,
            reading: Arc::clone(reading),
            closed: false,
            woken: false,
            waiters: 0,
            bells: Vec::new(),
            signal: None,
            signalled: false,
        };
        Self {
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
            used: AtomicBool::new(true),
            found: AtomicU64::new(0),
            stats: QueueStats::default(),
        }
    }

    /// Lets another number read from now on. Threads that wait under the old one get nothing, and its wake is
    /// not for the new one.
    pub(crate) fn hand_over(&self, reader: i32) {
        self.touch();
        let mut inner = self.inner.lock();
        inner.reader = reader;
        inner.flag = None;
        inner.flag = OwnFlag::take(reader, inner.queue.len() > 0);
        inner.woken = false;
        inner.show();
        self.wake_all(&inner);
    }

    /// Lets nobody read any more. Threads that wait get nothing.
    pub(crate) fn release_readers(&self) {
        self.hand_over(NO_READER);
    }

    /// Takes the reader's number from the flags, for it goes dead.
    pub(crate) fn take_flag_down(&self) {
        self.inner.lock().flag = None;
    }

    /// Lets another one write from now on, for a reader who wants this.
    pub(crate) fn take_over(&self, reading: &Arc<Reading>) -> Writer {
        let mut inner = self.inner.lock();
        inner.closed = false;
        inner.writer += 1;
        inner.queue.reopen();
        if inner.reading != *reading {
            inner.reading = Arc::clone(reading);
            if reading.is_choosy() {
                inner.queue.inherit();
            }
        }
        self.changed(&mut inner);
        inner.writer
    }

    /// Applies the bounds of who writes now. May take long if many pushes have to go, but holds up nobody else.
    pub(crate) fn bound(&self) {
        let dropped = {
            let mut inner = self.inner.lock();
            let bounds = inner.reading.bounds;
            let dropped = inner.queue.set_bounds(bounds);
            self.changed(&mut inner);
            dropped
        };
        self.stats.dropped.add(u64::try_from(dropped.len()).unwrap_or(u64::MAX));
    }

    /// Drops everything that waits. Returns the number of pushes.
    pub(crate) fn give_up(&self) -> (u64, Queue) {
        let mut inner = self.inner.lock();
        let queue = std::mem::replace(&mut inner.queue, Queue::new(Bounds { events: 1, bytes: 0 }));
        self.changed(&mut inner);
        (queue.unread_pushes(), queue)
    }

    /// Appends pushes. Accepts them from a session that is being replaced, too: they came from the hub.
    pub(crate) fn push(&self, writer: Writer, texts: impl IntoIterator<Item = Text>) {
        let mut inner = self.inner.lock();
        let (mut pushes, mut dropped) = (0, 0);
        for text in texts {
            pushes += 1;
            dropped += inner.queue.push(text);
        }
        if inner.writer != writer && inner.reading.is_choosy() {
            inner.queue.inherit();
        }
        self.stats.pushes.add(pushes);
        self.stats.dropped.add(dropped);
        self.changed(&mut inner);
    }

    /// Counts a push that nobody wants.
    pub(crate) fn left_out(&self) {
        self.stats.pushes.add(1);
        self.stats.filtered.add(1);
    }

    /// Appends the result of a call, or what `without` returns if there is no room. Accepts it from a session
    /// that is being replaced, too: there is exactly one.
    pub(crate) fn result(&self, text: Text, without: impl FnOnce(usize) -> Text) {
        let mut inner = self.inner.lock();
        let bytes = text.len();
        let text = if inner.queue.has_room(bytes) { text } else { without(bytes) };
        inner.queue.notice(text);
        self.changed(&mut inner);
    }

    /// Appends a notice. Once very many wait, one about yet `another` attempt may replace the previous one.
    pub(crate) fn notice(&self, writer: Writer, text: Text, another: bool) {
        let mut inner = self.inner.lock();
        if inner.writer != writer {
            return;
        }
        if another {
            inner.queue.renew_notice(text);
        } else {
            inner.queue.notice(text);
        }
        self.changed(&mut inner);
    }

    /// Appends a log line.
    pub(crate) fn log(&self, writer: Writer, text: Text) {
        let mut inner = self.inner.lock();
        if inner.writer == writer {
            inner.queue.log(text);
            self.changed(&mut inner);
        }
    }

    /// Appends the last event.
    pub(crate) fn close(&self, writer: Writer, last: Option<Text>) {
        let mut inner = self.inner.lock();
        if inner.writer != writer {
            return;
        }
        inner.closed = true;
        if let Some(last) = last {
            inner.queue.end_with(last);
        }
        self.changed(&mut inner);
    }

    /// Takes the next event.
    pub(crate) fn take(&self) -> Taken {
        self.touch();
        loop {
            let taken = {
                let mut inner = self.inner.lock();
                if inner.queue.len() == 0 {
                    return Taken::default();
                }
                self.take_from(&mut inner)
            };
            if let Some(taken) = self.wanted(taken) {
                return taken;
            }
        }
    }

    /// Waits for the next event. Returns without one if the time is up, after [`wake`](Self::wake), or if
    /// `reader` may no longer read.
    pub(crate) fn wait(&self, reader: i32, timeout: Option<Duration>) -> Taken {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let taken = self.wait_until(reader, until);
            if let Some(taken) = self.wanted(taken) {
                return taken;
            }
        }
    }

    fn wait_until(&self, reader: i32, until: Option<Instant>) -> Taken {
        let mut inner = self.inner.lock();
        inner.waiters += 1;
        let taken = loop {
            self.touch();
            if inner.reader != reader || std::mem::take(&mut inner.woken) {
                break Taken::default();
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

    /// Of what came for an earlier session, returns only what this one wants, as it wants it. Call it without a
    /// lock.
    fn wanted(&self, mut taken: Taken) -> Option<Taken> {
        let (Some(event), Some(reading)) = (&taken.event, taken.inherited.take()) else { return Some(taken) };
        let before = push::Event::again(event.as_str());
        if !before.is_wanted(&reading.types) {
            self.stats.filtered.add(1);
            taken.event = None;
            return taken.ended.then_some(taken);
        }
        if let Cow::Owned(stripped) = before.text(reading.event_key) {
            taken.event = Some(Text::new(&stripped));
        }
        let _locked = self.inner.lock();
        self.stats.delivered.add_locked(1);
        Some(taken)
    }

    /// Ends the current wait, or the next one.
    pub(crate) fn wake(&self) {
        let mut inner = self.inner.lock();
        inner.woken = true;
        self.arrived.notify_one();
        inner.bells.iter().for_each(|bell| bell.ring());
    }

    /// Returns what an event loop waits on.
    pub(crate) fn wait_handle(&self) -> Result<isize, Error> {
        let mut inner = self.inner.lock();
        let signal = match &inner.signal {
            Some(signal) => signal,
            None => {
                let refused =
                    |error: io::Error| Error::System { what: "a wait handle", why: error.to_string() };
                &*inner.signal.insert(Arc::new(Signal::new().map_err(refused)?))
            }
        };
        let handle = signal.handle();
        inner.show();
        Ok(handle)
    }

    /// Returns the signal, if the host has asked for it.
    pub(crate) fn signal(&self) -> Option<Arc<Signal>> {
        self.inner.lock().signal.clone()
    }

    /// Takes over the signal of a mailbox that is given up.
    pub(crate) fn take_signal(&self, of: &Self) {
        let (signal, signalled) = {
            let mut of = of.inner.lock();
            (of.signal.take(), of.signalled)
        };
        let mut inner = self.inner.lock();
        (inner.signal, inner.signalled) = (signal, signalled);
        inner.show();
    }

    /// Looks on behalf of a thread that waits for several sessions.
    pub(crate) fn look(&self, reader: i32) -> Look {
        self.touch();
        let mut inner = self.inner.lock();
        if inner.reader != reader {
            return Look::Gone;
        }
        if std::mem::take(&mut inner.woken) {
            return Look::Woken;
        }
        match inner.queue.len() {
            0 if inner.closed => Look::Gone,
            0 => Look::Nothing,
            _ => Look::Waiting { found_before: self.found.load(Ordering::Relaxed) },
        }
    }

    /// Counts a find.
    pub(crate) fn count_find(&self) {
        static FINDS: AtomicU64 = AtomicU64::new(0);
        self.found.store(FINDS.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Rings this bell whenever there is something to look at.
    pub(crate) fn hang(&self, bell: &Arc<Bell>) {
        self.inner.lock().bells.push(Arc::clone(bell));
    }

    pub(crate) fn take_down(&self, bell: &Arc<Bell>) {
        self.touch();
        self.inner.lock().bells.retain(|other| !Arc::ptr_eq(other, bell));
    }

    /// Records that the host uses the session.
    pub(crate) fn touch(&self) {
        flag::touch(&self.used);
    }

    /// Whether the host used the session since the last call.
    pub(crate) fn was_used(&self) -> bool {
        let inner = self.inner.lock();
        // an event loop that waits has nothing to poll
        let is_waited_on = inner.signal.is_some() && inner.queue.len() == 0;
        inner.waiters > 0
            || !inner.bells.is_empty()
            || is_waited_on
            || self.used.swap(false, Ordering::Relaxed)
            || inner.flag.as_ref().is_some_and(OwnFlag::was_seen)
    }

    /// Returns how much waits.
    pub(crate) fn queued(&self) -> Queued {
        let inner = self.inner.lock();
        Queued { events: inner.queue.len(), bytes: inner.queue.bytes() }
    }

    /// The number of waiting notices.
    pub(crate) fn notices(&self) -> usize {
        self.inner.lock().queue.notices()
    }

    fn take_from(&self, inner: &mut Inner) -> Taken {
        let (event, inherited) = match inner.queue.pop() {
            Some(Entry::Event(text)) => (Some(text), None),
            Some(Entry::Inherited(text)) => (Some(text), Some(Arc::clone(&inner.reading))),
            Some(Entry::Gap(count)) => (Some(notice::dropped(count)), None),
            Some(Entry::LostLog(count)) => (Some(notice::lost_log(count)), None),
            None => (None, None),
        };
        // what is inherited counts once it is known to be wanted
        self.stats.delivered.add_locked(u64::from(event.is_some() && inherited.is_none()));
        let ended = inner.closed && inner.queue.len() == 0;
        if ended {
            self.wake_all(inner);
        }
        inner.show();
        Taken { event, inherited, ended }
    }

    fn changed(&self, inner: &mut Inner) {
        inner.show();
        self.wake_all(inner);
    }

    fn wake_all(&self, inner: &Inner) {
        if inner.waiters > 0 {
            self.arrived.notify_all();
        }
        inner.bells.iter().for_each(|bell| bell.ring());
    }
}
