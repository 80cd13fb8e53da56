//! A session's task: connect, serve, wait, and again, as long as the session lives.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use super::backoff::Backoff;
use super::failure::Failure;
use super::lifecycle::StopReason;
use super::mailbox::Mailbox;
use super::notice::{self, Notice};
use super::pump::{Ended, pump};
use super::reader::Reader;
use super::reputation::Stage;
use super::shared::Shared;
use super::state::State;
use super::waiting::Waiting;
use crate::config::LogLevel;
use crate::link::Link;
use crate::net::Dialer;

/// Deadline for a replaced session's goodbye; the new one connects then in any case.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest wait that a hub can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// What a reader with another API key left behind: its connection, and the mailbox that nobody reads.
#[derive(Debug)]
pub(crate) struct Estate {
    pub(crate) connection: Arc<Shared>,
    pub(crate) mailbox: Arc<Mailbox>,
}

/// Runs a session to its end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    dialer: Dialer,
    predecessor: Option<Arc<Shared>>,
    estate: Option<(Arc<Reader>, Estate)>,
) {
    if let Some(predecessor) = predecessor {
        // two sessions of one server at one hub would take each other's events
        ended(&predecessor).await;
    }
    if let Some((heir, estate)) = estate {
        withhold(heir, estate).await;
    }
    let mut task = Task::new(&shared, &dialer);
    task.resume_wait();
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
    /// When the next attempt is due.
    wait_until: Option<Instant>,
}

impl<'a> Task<'a> {
    fn new(shared: &'a Shared, dialer: &'a Dialer) -> Self {
        let retry = Backoff::jittered(shared.config.retry);
        Self { shared, dialer, method: None, retry, wait_until: None }
    }

    /// Continues, and reports, the wait that a session with the same credentials left.
    fn resume_wait(&mut self) {
        let (shared, now) = (self.shared, Instant::now());
        let held = shared.reputation.lock().held(now);
        if let Some(waiting) = held {
            self.wait_until = Some(waiting.until);
            shared.lifecycle.wait(waiting, |readers, waiting| {
                shared.tell(readers, &Notice::Retry(waiting, waiting.left(now)));
            });
        }
    }

    /// Connects again and again. Returns when a stop is requested.
    async fn connections(&mut self) -> StopReason {
        let mut stopping = pin!(self.shared.lifecycle.stopping());
        loop {
            // also one that was resumed, or left by a panic
            if let Some(until) = self.wait_until.take() {
                tokio::select! {
                    reason = &mut stopping => return reason,
                    () = tokio::time::sleep_until(until.into()) => {}
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

    /// Reports the failure and sets the wait before the next attempt.
    fn failed(&mut self, failure: &Failure) {
        let (shared, config, now) = (self.shared, &self.shared.config, Instant::now());
        let before = shared.lifecycle.set_state(State::Retrying);
        shared.fail_calls();
        let stage = match before {
            State::Ready { since, method } => {
                self.method = Some(method);
                Stage::Ready(now.saturating_duration_since(since))
            }
            State::Authenticating => Stage::Authenticating,
            _ => Stage::Opening,
        };
        if matches!(stage, Stage::Ready(held) if held >= config.stable) {
            self.retry.reset();
        }
        // without randomness the delays are only less well spread
        let random = getrandom::u32().unwrap_or(u32::MAX);
        let mut reputation = shared.reputation.lock();
        let slow = reputation.ended(now, stage, failure, random);
        let asked = failure.retry_after().map(|asked| asked.min(MAX_RETRY_AFTER));
        let (reason, delay) = match slow {
            Some((reason, delay)) => (Some(reason), delay),
            None => (None, self.retry.next(random)),
        };
        let retry_in = delay + asked.unwrap_or_default();
        let attempt = self.retry.failures() + reputation.failures();
        let waiting = Waiting::new(failure, reason, config.server_id, now + retry_in);
        let message = notice::printable(&waiting.message, config);
        let waiting = Arc::new(Waiting { attempt, message, ..waiting });
        if (reason.is_some() && !failure.is_of_proxy()) || asked.is_some() {
            reputation.hold(Arc::clone(&waiting));
        }
        drop(reputation);
        shared.stats.failed(waiting.message.clone());
        let was_ready = matches!(stage, Stage::Ready(_));
        shared.lifecycle.wait(waiting, |readers, waiting| {
            let notice = match was_ready {
                true => Notice::Lost(waiting, retry_in),
                false => Notice::Retry(waiting, retry_in),
            };
            shared.tell(readers, &notice);
        });
        self.wait_until = Some(now + retry_in);
    }
}

/// Waits for a session's goodbye.
async fn ended(connection: &Shared) {
    let _ = tokio::time::timeout(PREDECESSOR_TIMEOUT, connection.lifecycle.ended()).await;
}

/// Frees what a reader with another API key left. Its heir hears only how much it was.
pub(crate) async fn withhold(heir: Arc<Reader>, estate: Estate) {
    /// Free this many at a time: other sessions run in between.
    const AT_ONCE: usize = 1024;
    ended(&estate.connection).await;
    let (pushes, mut queue) = estate.mailbox.give_up();
    if pushes > 0 {
        heir.say(notice::withheld(pushes), false);
    }
    while queue.len() > 0 {
        for _ in 0..AT_ONCE {
            drop(queue.pop());
        }
        tokio::task::yield_now().await;
    }
}
