//! The task of a session: connect, serve, wait, and again, for as long as the session lives.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use super::backoff::Backoff;
use super::failure::Failure;
use super::lifecycle::{State, StopReason};
use super::notice::{self, Notice};
use super::pump::{Ended, pump};
use super::shared::Shared;
use crate::config::LogLevel;
use crate::link::Link;
use crate::net::Dialer;

/// How long a session that is replaced has for its goodbye before the new one connects all the same.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest wait that a hub can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Runs a session to its end.
pub(crate) async fn run(shared: Arc<Shared>, dialer: Dialer, predecessor: Option<Arc<Shared>>) {
    if let Some(predecessor) = predecessor {
        // two sessions of one server at a hub would take each other's events
        let _ = tokio::time::timeout(PREDECESSOR_TIMEOUT, predecessor.lifecycle.ended()).await;
    }
    let mut task = Task::new(&shared, &dialer);
    let reason = loop {
        match AssertUnwindSafe(task.connections()).catch_unwind().await {
            Ok(reason) => break reason,
            Err(_) => task.failed(&Failure::Internal),
        }
    };
    shared.finish(reason);
}

/// What one connection leaves to the next.
struct Task<'a> {
    shared: &'a Shared,
    dialer: &'a Dialer,
    /// The authentication method that worked last.
    method: Option<&'static str>,
    retry: Backoff,
    refused: Backoff,
    /// The wait before the next attempt.
    delay: Option<Duration>,
}

impl<'a> Task<'a> {
    fn new(shared: &'a Shared, dialer: &'a Dialer) -> Self {
        let config = &shared.config;
        let (retry, refused) = (Backoff::jittered(config.retry), Backoff::slow(config.auth_retry));
        Self { shared, dialer, method: None, retry, refused, delay: None }
    }

    /// Connects again and again. Returns when the session is to end.
    async fn connections(&mut self) -> StopReason {
        let mut stopping = pin!(stopping(self.shared));
        loop {
            // a panic in the last round left its delay here
            if let Some(delay) = self.delay.take() {
                tokio::select! {
                    reason = &mut stopping => return reason,
                    () = tokio::time::sleep(delay) => {}
                }
            }
            match self.connection(stopping.as_mut()).await {
                Ended::Stopped(reason) => return reason,
                Ended::Failed(failure) => self.failed(&failure),
            }
        }
    }

    /// One connection, from the dial to its end.
    async fn connection(&self, mut stopping: Pin<&mut impl Future<Output = StopReason>>) -> Ended {
        let (shared, dialer) = (self.shared, self.dialer);
        shared.lifecycle.set_state(State::Connecting);
        shared.stats.attempts.add(1);
        shared.log(LogLevel::Info, || format!("Connecting to {}.", dialer.authority()));
        let dialed = tokio::select! {
            reason = &mut stopping => return Ended::Stopped(reason),
            dialed = dialer.dial() => dialed,
        };
        let socket = match dialed {
            Ok(socket) => socket,
            Err(error) => return Ended::Failed(error.into()),
        };
        shared.log(LogLevel::Debug, || "The websocket is open.".to_owned());
        let link = Link::new(Instant::now(), Arc::clone(&shared.config), self.method);
        pump(shared, socket, link, stopping).await
    }

    /// Tells the failure and sets the wait before the next attempt.
    fn failed(&mut self, failure: &Failure) {
        let (shared, config) = (self.shared, &self.shared.config);
        let before = shared.lifecycle.set_state(State::Retrying);
        shared.fail_calls();
        let was_ready = if let State::Ready { since, method } = before {
            self.method = Some(method);
            self.refused.reset();
            if since.elapsed() >= config.stable {
                self.retry.reset();
            }
            true
        } else {
            false
        };
        let series = if failure.is_refusal() { &mut self.refused } else { &mut self.retry };
        // a series without randomness is only less well spread
        let mut retry_in = series.next(getrandom::u32().unwrap_or(u32::MAX));
        if let Some(asked) = failure.retry_after() {
            retry_in += asked.min(MAX_RETRY_AFTER);
        }
        let attempt = self.retry.failures() + self.refused.failures();
        shared.stats.failed(notice::redact(&notice::sentence(failure), config));
        shared.say(&if failure.is_rejection() {
            Notice::Rejected { failure, retry_in }
        } else if was_ready {
            Notice::Lost { failure, retry_in }
        } else {
            Notice::Retry { failure, attempt, retry_in }
        });
        self.delay = Some(retry_in);
    }
}

/// Resolves when the session is to end: because it was asked to, or because nobody uses it.
async fn stopping(shared: &Shared) -> StopReason {
    /// An idle session ends after this many looks that found no use of it.
    const LOOKS: u32 = 4;
    let mut asked = pin!(shared.lifecycle.stopping());
    let mut unused = 0;
    loop {
        let look = shared.config.idle_close.map(|idle| idle / LOOKS);
        tokio::select! {
            reason = &mut asked => return reason,
            () = sleep_or_never(look) => {
                unused += 1;
                let unused_now = || !shared.mailbox.was_used();
                let used = if unused < LOOKS {
                    !unused_now()
                } else {
                    !shared.lifecycle.stop_if(StopReason::Idle, unused_now)
                };
                if used {
                    unused = 0;
                }
            }
        }
    }
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
