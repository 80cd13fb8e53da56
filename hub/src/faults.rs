//! Faults that the hub simulates on request.

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::{select, sync::watch};

/// How long a rival waits before it displaces a new session.
pub(crate) const RIVAL_AFTER: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(crate) struct Faults {
    state: Mutex<State>,
    frozen: watch::Sender<bool>,
    /// Counts restarts.
    restarts: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// The delay of every answer to a call.
    delay: Duration,
    /// The hub refuses everyone until then.
    down_until: Option<Instant>,
    fallback: Option<String>,
    /// Pushes go to the fallback even if there are sessions.
    forced: bool,
    /// Servers that a rival keeps taking over.
    rivals: BTreeSet<u32>,
}

/// What the page and `GET /control/state` show.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    slow_seconds: f64,
    frozen: bool,
    down_seconds: f64,
    fallback: Option<String>,
    fallback_forced: bool,
    rivals: BTreeSet<u32>,
}

impl Faults {
    pub(crate) fn new(fallback: Option<String>) -> Self {
        let state = State { fallback, ..State::default() };
        Self {
            state: Mutex::new(state),
            frozen: watch::Sender::default(),
            restarts: watch::Sender::default(),
        }
    }

    pub(crate) fn shown(&self) -> Shown {
        let down = self.down().unwrap_or_default();
        let state = self.state.lock();
        Shown {
            slow_seconds: state.delay.as_secs_f64(),
            frozen: *self.frozen.borrow(),
            down_seconds: down.as_secs_f64(),
            fallback: state.fallback.clone(),
            fallback_forced: state.forced,
            rivals: state.rivals.clone(),
        }
    }

    pub(crate) fn delay(&self) -> Duration {
        self.state.lock().delay
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// Drops all connections without a Close record, and refuses new ones for a while.
    pub(crate) fn restart(&self, down: Duration) {
        self.state.lock().down_until = Instant::now().checked_add(down);
        self.restarts.send_modify(|count| *count += 1);
    }

    /// The remaining downtime, if the hub is down.
    pub(crate) fn down(&self) -> Option<Duration> {
        let left = self.state.lock().down_until?.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    pub(crate) fn fallback(&self) -> Option<String> {
        self.state.lock().fallback.clone()
    }

    pub(crate) fn is_fallback_forced(&self) -> bool {
        let state = self.state.lock();
        state.forced && state.fallback.is_some()
    }

    pub(crate) fn set_fallback(&self, url: Option<String>, forced: bool) {
        let mut state = self.state.lock();
        state.fallback = url;
        state.forced = forced;
    }

    pub(crate) fn set_rival(&self, server: u32, there: bool) {
        let rivals = &mut self.state.lock().rivals;
        if there {
            rivals.insert(server)
        } else {
            rivals.remove(&server)
        };
    }

    pub(crate) fn has_rival(&self, server: u32) -> bool {
        self.state.lock().rivals.contains(&server)
    }

    /// Runs a connection's future, except while connections are frozen. `None`: the hub was restarted.
    pub(crate) async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut restarts = self.restarts.subscribe();
        let mut frozen = self.frozen.subscribe();
        let thawed = async {
            let mut future = pin!(future);
            loop {
                if *frozen.borrow_and_update() {
                    // the sender lives as long as the hub
                    let _ = frozen.changed().await;
                    continue;
                }
                select! {
                    biased;
                    _ = frozen.changed() => {}
                    output = &mut future => return output,
                }
            }
        };
        select! {
            output = thawed => Some(output),
            _ = restarts.changed() => None,
        }
    }
}
