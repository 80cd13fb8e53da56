//! What a session's connection is doing, who reads, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::reader::Reader;
use super::state::State;
use super::waiting::Waiting;

/// Why a session, or its connection, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The host asked for it.
    Disconnected,
    /// The host did not use it for too long.
    Idle,
    /// Another session replaces it, or the library shuts down: nobody is left to tell.
    Superseded,
}

/// The state of a connection, who reads, and the request to end it, under one lock.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    status: Mutex<Status>,
    /// How often the readers have changed.
    changes: AtomicU64,
    /// Wakes tasks when a reader leaves, when a stop is requested and when the connection has closed.
    changed: Notify,
    /// Wakes threads when the connection has closed.
    closed: Condvar,
}

#[derive(Debug)]
struct Status {
    state: State,
    /// The wait that the host was told of, in [`State::Retrying`].
    waiting: Option<Arc<Waiting>>,
    /// Set once, when a stop is requested.
    stop: Option<StopReason>,
    /// Those that have not left. The last one stays until the connection has closed.
    readers: Vec<Arc<Reader>>,
}

impl Status {
    fn has(&self, reader: &Arc<Reader>) -> bool {
        self.readers.iter().any(|other| Arc::ptr_eq(other, reader))
    }
}

/// How a request to leave ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The reader stays, or had left already.
    No,
    /// It has left. Nothing more is said to it.
    Left,
    /// It is the last one: the connection ends, and closes it.
    Last,
}

impl Lifecycle {
    pub(crate) fn new(first: Arc<Reader>) -> Self {
        let status = Status { state: State::Connecting, waiting: None, stop: None, readers: vec![first] };
        Self {
            status: Mutex::new(status),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            closed: Condvar::new(),
        }
    }

    /// What a reader's session is doing.
    pub(crate) fn state(&self, reader: &Arc<Reader>) -> State {
        let status = self.status.lock();
        if status.has(reader) { status.state } else { State::Closed }
    }

    /// Changes the state. Returns the previous one.
    pub(crate) fn set_state(&self, state: State) -> State {
        self.announce(state, |_| {})
    }

    /// Changes the state and tells the readers, under the lock that [`join`](Self::join) takes: who joins
    /// hears what follows from the state, and nothing older. Returns the previous state.
    pub(crate) fn announce(&self, state: State, tell: impl FnOnce(&[Arc<Reader>])) -> State {
        let before = {
            let mut status = self.status.lock();
            status.waiting = None;
            tell(&status.readers);
            std::mem::replace(&mut status.state, state)
        };
        if state == State::Closed {
            self.closed.notify_all();
            self.changed.notify_waiters();
        }
        before
    }

    /// Begins a wait and tells the readers, as [`announce`](Self::announce) does.
    pub(crate) fn wait(&self, waiting: Arc<Waiting>, tell: impl FnOnce(&[Arc<Reader>], &Waiting)) {
        let mut status = self.status.lock();
        status.state = State::Retrying;
        tell(&status.readers, &waiting);
        status.waiting = Some(waiting);
    }

    /// Tells the readers something that changes no state.
    pub(crate) fn tell(&self, tell: impl FnOnce(&[Arc<Reader>])) {
        tell(&self.status.lock().readers);
    }

    /// How often the readers have changed. Whoever asks after the hub sent something sees each reader that had
    /// joined when it did.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Returns the readers, and [`changes`](Self::changes).
    pub(crate) fn readers(&self) -> (u64, Vec<Arc<Reader>>) {
        let status = self.status.lock();
        (self.changes.load(Ordering::Relaxed), status.readers.clone())
    }

    /// Whether the connection has ended or is ending.
    pub(crate) fn is_stopping(&self) -> bool {
        self.status.lock().stop.is_some()
    }

    /// Whether this reader has left, or the connection has ended or is ending.
    pub(crate) fn is_leaving(&self, reader: &Arc<Reader>) -> bool {
        let status = self.status.lock();
        status.stop.is_some() || !status.has(reader)
    }

    /// Requests the end of the connection. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.status.lock().stop.get_or_insert(reason);
        self.changed.notify_waiters();
    }

    /// Lets a reader enter, in the place of the one that has its name, unless the connection is ending. `enter`
    /// creates it and tells it what follows from the state.
    pub(crate) fn join(
        &self,
        name: &str,
        enter: impl FnOnce(State, Option<&Waiting>) -> Arc<Reader>,
    ) -> Option<Arc<Reader>> {
        let mut status = self.status.lock();
        if status.stop.is_some() {
            return None;
        }
        status.readers.retain(|other| other.reading.reader != name);
        let reader = enter(status.state, status.waiting.as_deref());
        status.readers.push(Arc::clone(&reader));
        self.readers_changed();
        Some(reader)
    }

    /// Lets a reader leave if `condition` holds, which is checked under the lock. The last one takes the
    /// connection along.
    pub(crate) fn leave_if(
        &self,
        reader: &Arc<Reader>,
        reason: StopReason,
        condition: impl FnOnce() -> bool,
    ) -> Leave {
        let mut status = self.status.lock();
        if status.stop.is_some() || !status.has(reader) || !condition() {
            return Leave::No;
        }
        if status.readers.len() == 1 {
            status.stop = Some(reason);
            self.changed.notify_waiters();
            return Leave::Last;
        }
        status.readers.retain(|other| !Arc::ptr_eq(other, reader));
        self.readers_changed();
        Leave::Left
    }

    fn readers_changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Resolves when a stop is requested.
    pub(crate) async fn stopping(&self) -> StopReason {
        self.until(|status| status.stop).await
    }

    /// Resolves when a reader has left, or another one has its place.
    pub(crate) async fn left(&self, reader: &Arc<Reader>) {
        self.until(|status| (status.state == State::Closed || !status.has(reader)).then_some(())).await;
    }

    /// Resolves when the connection has ended.
    pub(crate) async fn ended(&self) {
        self.until(|status| (status.state == State::Closed).then_some(())).await;
    }

    /// Blocks until the connection has ended. Returns whether it did in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> bool {
        let mut status = self.status.lock();
        while status.state != State::Closed {
            if self.closed.wait_until(&mut status, until).timed_out() {
                return status.state == State::Closed;
            }
        }
        true
    }

    async fn until<T>(&self, find: impl Fn(&Status) -> Option<T>) -> T {
        loop {
            // created before the check, so that no later change is missed
            let changed = self.changed.notified();
            if let Some(found) = find(&self.status.lock()) {
                return found;
            }
            changed.await;
        }
    }
}
