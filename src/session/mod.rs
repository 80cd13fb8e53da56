//! A session: a task that keeps a connection to the hub up, and the handle for the host's calls.

mod backoff;
mod bell;
mod delivery;
mod failure;
#[cfg(test)]
mod fleet;
mod lifecycle;
mod mailbox;
mod notice;
mod pump;
pub(crate) mod queue;
mod reputation;
mod sending;
mod shared;
mod stats;
mod task;
mod waiting;
mod watch;
#[cfg(test)]
mod years;

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
pub(crate) use watch::first;

/// The largest number of calls without a result.
const MAX_CALLS: usize = 256;

/// Refuse further calls once this many results and other notices wait to be polled.
const MAX_UNREAD_NOTICES: usize = 4096;

/// The host's handle of a session. Dropping it does not end the session.
#[derive(Debug, Clone)]
pub(crate) struct Session(Arc<Shared>);

impl Session {
    /// Starts a session that writes into `mailbox`. It connects once `predecessor` has ended, and reports
    /// what that one leaves in a mailbox of its own.
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

    /// Applies the session's bounds to what it took over. May take long, but holds up nobody else.
    pub(crate) fn bound(&self) {
        self.0.bound();
    }

    /// Whether it has ended or is ending.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.lifecycle.is_stopping()
    }

    /// Requests the end of the session. The first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.0.lifecycle.stop(reason);
    }

    /// Blocks until the session has ended. Returns whether it did in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> bool {
        self.0.lifecycle.wait_ended(until)
    }

    /// Hands this session as it is to another number. Fails if it is ending.
    pub(crate) fn adopt(&self, number: i32) -> bool {
        let shared = &self.0;
        shared.lifecycle.unless_stopping(|state, waiting| {
            shared.mailbox.hand_over(number);
            match (state, waiting) {
                (State::Ready { method, .. }, _) => shared.say(&Notice::Ready { method, resumed: true }),
                (_, Some(waiting)) => shared.say(&Notice::Retry(waiting, waiting.left(Instant::now()))),
                _ => {}
            }
        })
    }

    /// Calls a method of the hub. Returns the number that the result will carry.
    pub(crate) fn invoke(&self, method: &str, arguments: &str) -> Result<i32, Error> {
        static LAST: AtomicI32 = AtomicI32::new(0);
        check_call(method, arguments)?;
        let unread = self.0.mailbox.notices();
        // a link or session that ends takes this lock to fail its calls: no call slips in after that
        let mut outbox = self.0.outbox.lock();
        self.in_use()?;
        if !matches!(self.state(), State::Ready { .. }) {
            return Err(Error::NotReady);
        }
        if unread >= MAX_UNREAD_NOTICES || outbox.unanswered.len() >= MAX_CALLS {
            return Err(Error::Busy("too many calls have no result yet: poll, then retry".to_owned()));
        }
        let next = |last: i32| Some(last.checked_add(1).unwrap_or(1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let request = last.checked_add(1).unwrap_or(1);
        outbox.unanswered.insert(request, method.to_owned());
        outbox.calls.push_back(Call { request, method: method.to_owned(), arguments: arguments.to_owned() });
        drop(outbox);
        self.0.outbox_filled.notify_one();
        Ok(request)
    }

    /// Takes unit locations, to be sent as soon as the hub may have them.
    pub(crate) fn send_unit_locations(&self, updates: &str) -> Result<(), Error> {
        let updates = units::parse(updates).map_err(unit_error)?;
        self.in_use()?;
        self.0.outbox.lock().units.update(Instant::now(), updates).map_err(unit_error)?;
        self.0.outbox_filled.notify_one();
        Ok(())
    }

    /// Takes a push that the host received by HTTP.
    pub(crate) fn ingest(&self, body: &str) -> Result<(), Error> {
        let config = self.config();
        let most = config.max_message;
        if body.len() > most {
            return Err(Error::TooLarge { argument: "body", bytes: body.len(), most });
        }
        let event = push::ingest(body, config.api_key.reveal())?;
        self.in_use()?;
        self.0.push(self.0.wanted(event));
        Ok(())
    }

    /// Returns the session's figures as JSON.
    pub(crate) fn stats(&self, number: i32) -> String {
        let Shared { mailbox, stats, outbox, .. } = &*self.0;
        let units = {
            let outbox = outbox.lock();
            (outbox.units.pending(), outbox.units.aside())
        };
        stats.json(number, self.state(), &mailbox.stats, mailbox.queued(), units)
    }

    /// Records that the host uses the session. Fails if it has ended or is ending.
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

/// Checks a host's call before it is queued.
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
        return Err(problem("not a JSON array: expected the method's arguments".to_owned()));
    }
    let scanned = scanner.value_and_depth().and_then(|(_, depth)| scanner.end().map(|()| depth));
    let depth = scanned.map_err(|error| problem(format!("not valid JSON: {error}")))?;
    if depth > signalr::MAX_DEPTH {
        let most = signalr::MAX_DEPTH;
        return Err(problem(format!(
            "nested {depth} levels deep: a hub reads {most}, this array among them"
        )));
    }
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
