//! What a session is doing, and how it ends.

use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

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
    /// Set once, when the session is to end.
    stop: Option<StopReason>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let status = Status { state: State::Connecting, stop: None };
        Self { status: Mutex::new(status), changed: Notify::new(), closed: Condvar::new() }
    }

    pub(crate) fn state(&self) -> State {
        self.status.lock().state
    }

    /// Changes the state. Returns the one before.
    pub(crate) fn set_state(&self, state: State) -> State {
        let before = std::mem::replace(&mut self.status.lock().state, state);
        if state == State::Closed {
            self.closed.notify_all();
            self.changed.notify_waiters();
        }
        before
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

    /// Lets `work` run under the lock that a session needs to end, unless it is about to. Returns the state
    /// if it ran.
    pub(crate) fn unless_stopping(&self, work: impl FnOnce()) -> Option<State> {
        let status = self.status.lock();
        status.stop.is_none().then(|| {
            work();
            status.state
        })
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
