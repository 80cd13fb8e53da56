//! A session: one task that keeps a connection to the hub up, and the handle that the host's calls use.

mod backoff;
mod delivery;
mod failure;
mod lifecycle;
mod mailbox;
mod notice;
mod pump;
pub(crate) mod queue;
mod shared;
mod stats;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use crate::config::Config;
use crate::error::Error;
use crate::json::Scanner;
use crate::link::units::{self, UnitError};
use crate::link::{Call, push};
use crate::net::Dialer;
use crate::{runtime, signalr};
use notice::Notice;
use shared::Shared;

pub(crate) use lifecycle::{State, StopReason};
pub(crate) use mailbox::{Mailbox, Taken};

/// The largest number of the host's calls that wait for their result.
const MAX_CALLS: usize = 256;

/// Once this many results and other notices wait to be polled, further calls are refused.
const MAX_UNREAD_NOTICES: usize = 4096;

/// The host's handle of a session. It may be dropped before the session has ended.
#[derive(Debug, Clone)]
pub(crate) struct Session(Arc<Shared>);

impl Session {
    /// Starts a session that writes into `mailbox`. It connects once `predecessor` has ended.
    pub(crate) fn start(
        config: Config,
        dialer: Dialer,
        mailbox: Arc<Mailbox>,
        predecessor: Option<&Self>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(config, mailbox));
        let predecessor = predecessor.map(|session| Arc::clone(&session.0));
        runtime::spawn(task::run(Arc::clone(&shared), dialer, predecessor))?;
        Ok(Self(shared))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.0.mailbox
    }

    pub(crate) fn state(&self) -> State {
        self.0.lifecycle.state()
    }

    /// Whether it has ended or is about to.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.lifecycle.is_stopping()
    }

    /// Asks the session to end. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.0.lifecycle.stop(reason);
    }

    /// Blocks until the session has ended. Returns whether it did in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> bool {
        self.0.lifecycle.wait_ended(until)
    }

    /// Another number of the host goes on with this session as it is. Fails when it is about to end.
    pub(crate) fn adopt(&self, number: i32) -> bool {
        let state = self.0.lifecycle.unless_stopping(|| self.0.mailbox.hand_over(number));
        if let Some(State::Ready { method, .. }) = state {
            self.0.say(&Notice::Ready { method, resumed: true });
        }
        state.is_some()
    }

    /// Calls a method of the hub. Returns the number that its result will carry.
    pub(crate) fn invoke(&self, method: &str, arguments: &str) -> Result<i32, Error> {
        static LAST: AtomicI32 = AtomicI32::new(0);
        check_call(method, arguments)?;
        let unread = self.0.mailbox.notices();
        // under the lock that a link, or the session, empties at its end: no call comes too late for that
        let mut outbox = self.0.outbox.lock();
        self.in_use()?;
        if !matches!(self.state(), State::Ready { .. }) {
            return Err(Error::NotReady);
        }
        if unread >= MAX_UNREAD_NOTICES || outbox.unanswered >= MAX_CALLS {
            return Err(Error::Busy("too many calls have no result yet: poll, then call again".to_owned()));
        }
        let next = |last: i32| Some(last.checked_add(1).unwrap_or(1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let request = last.checked_add(1).unwrap_or(1);
        outbox.unanswered += 1;
        outbox.calls.push_back(Call { request, method: method.to_owned(), arguments: arguments.to_owned() });
        drop(outbox);
        self.0.outbox_filled.notify_one();
        Ok(request)
    }

    /// Takes locations of units, to be sent when the hub may have them.
    pub(crate) fn send_unit_locations(&self, updates: &str) -> Result<(), Error> {
        let updates = units::parse(updates).map_err(unit_error)?;
        self.in_use()?;
        self.0.outbox.lock().units.update(Instant::now(), updates).map_err(unit_error)?;
        self.0.outbox_filled.notify_one();
        Ok(())
    }

    /// Takes a push that the host got by HTTP.
    pub(crate) fn ingest(&self, body: &str) -> Result<(), Error> {
        let config = self.config();
        let most = config.max_message;
        if body.len() > most {
            return Err(Error::TooLarge { argument: "body", bytes: body.len(), most });
        }
        let event = push::ingest(body, config.api_key.reveal(), config.event_key)?;
        self.in_use()?;
        self.0.mailbox.push([delivery::event_text(event)]);
        Ok(())
    }

    /// The session's figures as JSON.
    pub(crate) fn stats(&self, number: i32) -> String {
        let Shared { mailbox, stats, outbox, .. } = &*self.0;
        let pending_units = outbox.lock().units.pending();
        stats.json(number, self.state(), &mailbox.stats, mailbox.queued(), pending_units)
    }

    /// Notes that the host uses the session, unless it has ended or is about to.
    fn in_use(&self) -> Result<(), Error> {
        self.0.mailbox.touch();
        if self.is_stopping() { Err(Error::Closed) } else { Ok(()) }
    }
}

fn unit_error(error: UnitError) -> Error {
    match error {
        UnitError::Json(problem) => Error::Json { argument: "updates_json", problem },
        UnitError::Update { .. } => Error::Unit(error.to_string()),
        UnitError::TooMany => Error::Busy(error.to_string()),
    }
}

/// Checks a call of the host before it is queued.
fn check_call(method: &str, arguments: &str) -> Result<(), Error> {
    if method.is_empty() {
        return Err(Error::Json {
            argument: "method",
            problem: "empty: expected the name of a hub method".to_owned(),
        });
    }
    let problem = |problem: String| Error::Json { argument: "arguments_json", problem };
    let mut scanner = Scanner::new(arguments);
    if scanner.peek() != Some(b'[') {
        return Err(problem("no JSON array: expected the method's arguments in one".to_owned()));
    }
    let scanned = scanner.value().and_then(|_| scanner.end());
    scanned.map_err(|error| problem(format!("not valid JSON: {error}")))?;
    let bytes = signalr::call_size(method, arguments);
    if bytes > signalr::MAX_SENT {
        return Err(Error::TooLarge {
            argument: "method and arguments_json",
            bytes,
            most: signalr::MAX_SENT,
        });
    }
    Ok(())
}
