//! The task of a session: connect, serve, wait, and again, for as long as the session lives.

use std::ffi::CString;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::backoff::Backoff;
use super::failure::Failure;
use super::link::{Link, Observer};
use super::notice::{self, Notice};
use super::outbox::Call;
use super::pump::{Ended, pump};
use super::{Ending, Session, State};
use crate::config::LogLevel;
use crate::hub::Outcome;
use crate::stats::Stats;
use crate::units::Answer;

/// How long a session that is replaced has for its goodbye before the new one connects all the same.
const PREDECESSOR: Duration = Duration::from_secs(3);

/// The longest wait that a hub can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Runs a session to its end.
pub(crate) async fn run(session: Arc<Session>, predecessor: Option<JoinHandle<()>>) {
    if let Some(predecessor) = predecessor {
        // two sessions of one server at a hub would take each other's events
        let _ = tokio::time::timeout(PREDECESSOR, predecessor).await;
    }
    let mut retries = Retries::new(&session);
    let ending = loop {
        match AssertUnwindSafe(connections(&session, &mut retries)).catch_unwind().await {
            Ok(ending) => break ending,
            Err(_) => retries.failed(&Failure::Internal),
        }
    };
    session.finish(ending);
}

/// Connects again and again. Returns when the session is to end.
async fn connections(session: &Session, retries: &mut Retries<'_>) -> Ending {
    let mut ending = pin!(session.ending());
    loop {
        // a panic in the last round left its delay here
        if let Some(delay) = retries.delay.take() {
            tokio::select! {
                ending = &mut ending => return ending,
                () = tokio::time::sleep(delay) => {}
            }
        }
        match connection(session, ending.as_mut()).await {
            Ended::Asked(ending) => return ending,
            Ended::Failed(failure) => retries.failed(&failure),
        }
    }
}

/// One connection, from the dial to its end.
async fn connection(session: &Session, mut ending: Pin<&mut impl Future<Output = Ending>>) -> Ended {
    session.set_state(State::Connecting);
    Stats::count(&session.stats.attempts, 1);
    session.log(LogLevel::Info, || format!("Connecting to {}.", session.dialer.authority()));
    let dialed = tokio::select! {
        ending = &mut ending => return Ended::Asked(ending),
        dialed = session.dialer.dial() => dialed,
    };
    let socket = match dialed {
        Ok(socket) => socket,
        Err(error) => return Ended::Failed(error.into()),
    };
    session.log(LogLevel::Debug, || "The websocket is open.".to_owned());
    let remembered = session.stats.remembered_method();
    let link = Link::new(Instant::now(), Arc::clone(&session.config), remembered);
    pump(session, socket, link, &mut Told::new(session), ending).await
}

/// What follows a failure: what is said of it, and the wait before the next attempt.
struct Retries<'a> {
    session: &'a Session,
    retry: Backoff,
    refused: Backoff,
    delay: Option<Duration>,
}

impl<'a> Retries<'a> {
    fn new(session: &'a Session) -> Self {
        let config = &session.config;
        let (retry, refused) = (Backoff::jittered(config.retry), Backoff::slow(config.auth_retry));
        Self { session, retry, refused, delay: None }
    }

    fn failed(&mut self, failure: &Failure) {
        let session = self.session;
        session.set_state(State::Retrying);
        let ready_since = session.stats.lost();
        session.fail_calls();
        if let Some(since) = ready_since {
            self.refused.reset();
            if since.elapsed() >= session.config.stable {
                self.retry.reset();
            }
        }
        let series = if failure.is_refusal() { &mut self.refused } else { &mut self.retry };
        // a series without randomness is only less well spread
        let mut retry_in = series.next(getrandom::u32().unwrap_or(u32::MAX));
        if let Some(asked) = failure.retry_after() {
            retry_in += asked.min(MAX_RETRY_AFTER);
        }
        let attempt = self.retry.failures() + self.refused.failures();
        session.stats.failed(notice::redact(&notice::sentence(failure), &session.config));
        session.say(&match failure {
            Failure::Rejected(_) => Notice::Rejected { failure, retry_in },
            _ if ready_since.is_some() => Notice::Lost { failure, retry_in },
            _ => Notice::Retry { failure, attempt, retry_in },
        });
        self.delay = Some(retry_in);
    }
}

/// Passes on what a link tells.
struct Told<'a> {
    session: &'a Session,
    /// Pushes that are not in the mailbox yet: its lock is taken for many at once.
    pushes: Vec<CString>,
    push_bytes: usize,
}

impl<'a> Told<'a> {
    /// So much is put by at the most.
    const MAX_BYTES: usize = 256 * 1024;

    fn new(session: &'a Session) -> Self {
        Self { session, pushes: Vec::new(), push_bytes: 0 }
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        // whatever ended the link, what the hub pushed before is not lost
        self.read();
    }
}

impl Observer for Told<'_> {
    fn pushed(&mut self, event: CString) {
        self.push_bytes += event.count_bytes();
        self.pushes.push(event);
        if self.push_bytes >= Self::MAX_BYTES {
            self.read();
        }
    }

    fn read(&mut self) {
        if !self.pushes.is_empty() {
            self.session.mailbox.push(self.pushes.drain(..));
            self.push_bytes = 0;
        }
    }

    fn authenticating(&mut self, method: &'static str) {
        self.session.set_state(State::Authenticating);
        self.session.log(LogLevel::Debug, || format!("The handshake is done; calling {method}."));
    }

    fn ready(&mut self, method: &'static str) {
        self.read();
        self.session.stats.became_ready(Instant::now(), method);
        self.session.set_state(State::Ready);
        self.session.say(&Notice::Ready { method, resumed: false });
    }

    fn answered(&mut self, call: &Call, outcome: Option<&Outcome<'_>>) {
        self.read();
        self.session.tell_result(call, outcome);
    }

    fn units_answered(&mut self, answer: &Answer<'_>) {
        self.read();
        let failed = self.session.outbox.lock().units.answered(Instant::now(), answer);
        if let Some(failed) = failed {
            let words = if let Answer::Refused(words) = answer { words } else { "" };
            self.session.say(&Notice::UnitsRejected { failed: &failed, words });
        }
    }

    fn ignored(&mut self, what: &str) {
        self.read();
        Stats::count(&self.session.stats.unknown_messages, 1);
        self.session.log(LogLevel::Debug, || format!("Ignored from the hub: {what}."));
    }
}
