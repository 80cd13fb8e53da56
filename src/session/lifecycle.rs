//! What a session is doing, and how it ends.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::waiting::Waiting;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Authenticating,
    /// The hub accepted the credentials at this time, by this method.
    Ready {
        since: Instant,
        method: &'static str,
    },
    Retrying,
    /// The last state.
    Closed,
}

impl State {
    /// As `sonoran_stats` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Ready { .. } => "ready",
            Self::Retrying => "retrying",
            Self::Closed => "closed",
        }
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The host asked for it.
    Disconnected,
    /// The host did not use it for too long.
    Idle,
    /// Another session replaces it, or the library shuts down: nobody is left to tell.
    Superseded,
}

/// The state of a session and the request to end it, under one lock.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    status: Mutex<Status>,
    /// Wakes tasks when a stop is requested and when the session has closed.
    changed: Notify,
    /// Wakes threads when the session has closed.
    closed: Condvar,
}

#[derive(Debug)]
struct Status {
    state: State,
    /// The wait that the host was told of, in [`State::Retrying`].
    waiting: Option<Arc<Waiting>>,
    /// Set once, when a stop is requested.
    stop: Option<StopReason>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let status = Status { state: State::Connecting, waiting: None, stop: None };
        Self { status: Mutex::new(status), changed: Notify::new(), closed: Condvar::new() }
    }

    pub(crate) fn state(&self) -> State {
        self.status.lock().state
    }

    /// Changes the state. Returns the previous one.
    pub(crate) fn set_state(&self, state: State) -> State {
        self.announce(state, || {})
    }

    /// Changes the state and tells the host, under the lock that [`unless_stopping`](Self::unless_stopping)
    /// takes: a host that takes the session over hears what follows from the state, and nothing older.
    /// Returns the previous state.
    pub(crate) fn announce(&self, state: State, tell: impl FnOnce()) -> State {
        let before = {
            let mut status = self.status.lock();
            status.waiting = None;
            tell();
            std::mem::replace(&mut status.state, state)
        };
        if state == State::Closed {
            self.closed.notify_all();
            self.changed.notify_waiters();
        }
        before
    }

    /// Begins a wait and tells the host, as [`announce`](Self::announce) does.
    pub(crate) fn wait(&self, waiting: Arc<Waiting>, tell: impl FnOnce(&Waiting)) {
        let mut status = self.status.lock();
        status.state = State::Retrying;
        tell(&waiting);
        status.waiting = Some(waiting);
    }

    /// Whether the session has ended or is ending.
    pub(crate) fn is_stopping(&self) -> bool {
        self.status.lock().stop.is_some()
    }

    /// Requests the end of the session. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.stop_if(reason, || true);
    }

    /// Requests the end of the session if `condition` holds, which is checked under the lock. Returns whether
    /// it did.
    pub(crate) fn stop_if(&self, reason: StopReason, condition: impl FnOnce() -> bool) -> bool {
        let mut status = self.status.lock();
        let stop = status.stop.is_none() && condition();
        if stop {
            status.stop = Some(reason);
            self.changed.notify_waiters();
        }
        stop
    }

    /// Runs `work` under the lock that a session needs to end or to change its state, unless it is ending.
    /// Returns whether it ran.
    pub(crate) fn unless_stopping(&self, work: impl FnOnce(State, Option<&Waiting>)) -> bool {
        let status = self.status.lock();
        if status.stop.is_none() {
            work(status.state, status.waiting.as_deref());
        }
        status.stop.is_none()
    }

    /// Resolves when a stop is requested.
    pub(crate) async fn stopping(&self) -> StopReason {
        self.until(|status| status.stop).await
    }

    /// Resolves when the session has ended.
    pub(crate) async fn ended(&self) {
        self.until(|status| (status.state == State::Closed).then_some(())).await;
    }

    /// Blocks until the session has ended. Returns whether it did in time.
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
