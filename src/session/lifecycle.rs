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
    /// Since then, by the method that accepted the credentials.
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
    /// Nobody used it for too long.
    Idle,
    /// Another session took its place, or the library shuts down: nobody is left to be told.
    Superseded,
}

/// The state of a session and the wish that it ends, under one lock.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    status: Mutex<Status>,
    /// Wakes tasks: for a stop, and when the session has closed.
    changed: Notify,
    /// Wakes threads when the session has closed.
    closed: Condvar,
}

#[derive(Debug)]
struct Status {
    state: State,
    /// What the host was told of the wait, in [`State::Retrying`].
    waiting: Option<Arc<Waiting>>,
    /// Set once, when the session is to end.
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

    /// Changes the state. Returns the one before.
    pub(crate) fn set_state(&self, state: State) -> State {
        self.announce(state, || {})
    }

    /// Changes the state and tells it, under the lock that [`unless_stopping`](Self::unless_stopping) takes: who
    /// takes the session over hears what follows from the state, and nothing that was true before it. Returns the
    /// state before.
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

    /// Begins a wait and tells it, as [`announce`](Self::announce) does.
    pub(crate) fn wait(&self, waiting: Arc<Waiting>, tell: impl FnOnce(&Waiting)) {
        let mut status = self.status.lock();
        status.state = State::Retrying;
        tell(&waiting);
        status.waiting = Some(waiting);
    }

    /// Whether the session has ended or is about to.
    pub(crate) fn is_stopping(&self) -> bool {
        self.status.lock().stop.is_some()
    }

    /// Asks the session to end. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.stop_if(reason, || true);
    }

    /// Asks the session to end if `condition` holds, which is asked under the lock. Returns whether it did.
    pub(crate) fn stop_if(&self, reason: StopReason, condition: impl FnOnce() -> bool) -> bool {
        let mut status = self.status.lock();
        let stop = status.stop.is_none() && condition();
        if stop {
            status.stop = Some(reason);
            self.changed.notify_waiters();
        }
        stop
    }

    /// Lets `work` run under the lock that a session needs to end or to change its state, unless it is about to
    /// end. Returns whether it ran.
    pub(crate) fn unless_stopping(&self, work: impl FnOnce(State, Option<&Waiting>)) -> bool {
        let status = self.status.lock();
        if status.stop.is_none() {
            work(status.state, status.waiting.as_deref());
        }
        status.stop.is_none()
    }

    /// Resolves when the session is to end.
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
            // made before the look, so that no change after it is missed
            let changed = self.changed.notified();
            if let Some(found) = find(&self.status.lock()) {
                return found;
            }
            changed.await;
        }
    }
}
