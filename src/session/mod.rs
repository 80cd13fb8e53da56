//! A session: a task that keeps a connection to the hub up, and the handle for the host's calls.

mod backoff;
mod bell;
mod delivery;
mod failure;
mod flag;
#[cfg(test)]
mod fleet;
mod idle;
mod lifecycle;
mod mailbox;
mod notice;
mod pump;
pub(crate) mod queue;
mod reader;
mod reputation;
mod sending;
mod shared;
mod state;
mod stats;
mod task;
mod waiting;
mod watch;
#[cfg(test)]
mod years;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

use crate::config::{Config, Options};
use crate::error::Error;
use crate::json::Scanner;
use crate::link::units::{self, UnitError};
use crate::link::{Call, push};
use crate::net::Dialer;
use crate::{runtime, signalr};
use delivery::Delivery;
use lifecycle::StopReason;
use notice::Notice;
use reader::Reader;
use shared::{Shared, Unanswered};
use task::Estate;

pub(crate) use flag::is_down;
pub(crate) use mailbox::{Mailbox, Taken};
pub(crate) use state::State;
pub(crate) use watch::first;

/// The largest number of calls without a result.
const MAX_CALLS: usize = 256;

/// Refuse further calls once this many results and other notices wait to be polled.
const MAX_UNREAD_NOTICES: usize = 4096;

/// The host's handle of a session, which is one of the readers of a connection. Dropping it does not end the
/// session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    reader: Arc<Reader>,
    shared: Arc<Shared>,
}

impl Session {
    /// Starts a connection with one reader, which takes over what `old` has left. It connects once
    /// `predecessor` has ended.
    pub(crate) fn start(
        number: i32,
        options: &Options,
        dialer: Dialer,
        old: Option<&Self>,
        predecessor: Option<&Self>,
    ) -> Result<Self, Error> {
        let (mailbox, estate) = inherit(options, old);
        let reader = Arc::new(Reader::new(number, Arc::clone(&options.reading), mailbox));
        let shared = Arc::new(Shared::new(Arc::clone(&options.config), Arc::clone(&reader)));
        let predecessor = predecessor.map(|session| Arc::clone(&session.shared));
        let estate = estate.map(|estate| (Arc::clone(&reader), estate));
        runtime::spawn(task::run(Arc::clone(&shared), dialer, predecessor, estate))?;
        runtime::spawn(idle::watch(Arc::clone(&shared), Arc::clone(&reader)))?;
        Ok(Self { reader, shared })
    }

    /// Adds a reader to the connection, which takes over what `old` has left: its place, if that one is there.
    /// Returns none if the connection is ending.
    pub(crate) fn join(
        &self,
        number: i32,
        options: &Options,
        old: Option<&Self>,
    ) -> Result<Option<Self>, Error> {
        let shared = Arc::clone(&self.shared);
        let mut estate = None;
        let reader = shared.lifecycle.join(&options.reading.reader, |state, waiting| {
            let mailbox;
            (mailbox, estate) = inherit(options, old);
            let reader = Arc::new(Reader::new(number, Arc::clone(&options.reading), mailbox));
            let readers = std::slice::from_ref(&reader);
            match (state, waiting) {
                (State::Ready { method, .. }, _) => {
                    shared.tell(readers, &Notice::Ready { method, resumed: true });
                }
                (_, Some(waiting)) => {
                    shared.tell(readers, &Notice::Retry(waiting, waiting.left(Instant::now())));
                }
                _ => {}
            }
            reader
        });
        let Some(reader) = reader else { return Ok(None) };
        if let Some(estate) = estate {
            runtime::spawn(task::withhold(Arc::clone(&reader), estate))?;
        }
        runtime::spawn(idle::watch(Arc::clone(&shared), Arc::clone(&reader)))?;
        Ok(Some(Self { reader, shared }))
    }

    /// The options of the connection.
    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The name of the reader.
    pub(crate) fn name(&self) -> &str {
        &self.reader.reading.reader
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.reader.mailbox
    }

    pub(crate) fn state(&self) -> State {
        self.shared.lifecycle.state(&self.reader)
    }

    /// Applies the session's bounds to what it took over. May take long, but holds up nobody else.
    pub(crate) fn bound(&self) {
        self.reader.mailbox.bound();
    }

    /// Whether it has ended or is ending.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.lifecycle.is_leaving(&self.reader)
    }

    /// Whether the connection has ended or is ending.
    pub(crate) fn is_connection_stopping(&self) -> bool {
        self.shared.lifecycle.is_stopping()
    }

    /// Whether both read the same connection.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Requests the end of the session. The last one ends the connection.
    pub(crate) fn disconnect(&self) {
        self.shared.leave_if(&self.reader, StopReason::Disconnected, || true);
    }

    /// Requests the end of the connection, for another one takes its place or none is to be.
    pub(crate) fn supersede(&self) {
        self.shared.lifecycle.stop(StopReason::Superseded);
    }

    /// Blocks until the connection has ended. Returns whether it did in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> bool {
        self.shared.lifecycle.wait_ended(until)
    }

    /// Calls a method of the hub. Returns the number that the result will carry.
    pub(crate) fn invoke(&self, method: &str, arguments: &str) -> Result<i32, Error> {
        static LAST: AtomicI32 = AtomicI32::new(0);
        check_call(method, arguments)?;
        let mailbox = &self.reader.mailbox;
        let unread = mailbox.notices();
        // a link or session that ends takes this lock to fail its calls: no call slips in after that
        let mut outgoing = self.shared.outgoing.lock();
        self.in_use()?;
        if !matches!(self.state(), State::Ready { .. }) {
            return Err(Error::NotReady);
        }
        let own = outgoing.unanswered.values().filter(|call| Arc::ptr_eq(&call.mailbox, mailbox));
        if unread >= MAX_UNREAD_NOTICES || own.count() >= MAX_CALLS {
            return Err(Error::Busy("too many calls have no result yet: poll, then retry".to_owned()));
        }
        let next = |last: i32| Some(last.checked_add(1).unwrap_or(1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let request = last.checked_add(1).unwrap_or(1);
        let call = Unanswered { method: method.to_owned(), mailbox: Arc::clone(mailbox) };
        outgoing.unanswered.insert(request, call);
        let call = Call { request, method: method.to_owned(), arguments: arguments.to_owned() };
        outgoing.outbox.calls.push_back(call);
        drop(outgoing);
        self.shared.outbox_filled.notify_one();
        Ok(request)
    }

    /// Takes unit locations, to be sent as soon as the hub may have them.
    pub(crate) fn send_unit_locations(&self, updates: &str) -> Result<(), Error> {
        let updates = units::parse(updates).map_err(unit_error)?;
        self.in_use()?;
        self.shared.outgoing.lock().outbox.units.update(Instant::now(), updates).map_err(unit_error)?;
        self.shared.outbox_filled.notify_one();
        Ok(())
    }

    /// Takes a push that the host received by HTTP, for all readers.
    pub(crate) fn ingest(&self, body: &str) -> Result<(), Error> {
        let config = self.config();
        let most = config.max_message;
        if body.len() > most {
            return Err(Error::TooLarge { argument: "body", bytes: body.len(), most });
        }
        let event = push::ingest(body, config.api_key.reveal())?;
        self.in_use()?;
        Delivery::new(&self.shared).push(&event);
        Ok(())
    }

    /// Returns the session's figures as JSON.
    pub(crate) fn stats(&self, number: i32) -> String {
        let units = {
            let units = &self.shared.outgoing.lock().outbox.units;
            (units.pending(), units.aside())
        };
        let mailbox = &self.reader.mailbox;
        self.shared.stats.json(number, self.state(), &mailbox.stats, mailbox.queued(), units)
    }

    /// Records that the host uses the session. Fails if it has ended or is ending.
    fn in_use(&self) -> Result<(), Error> {
        self.reader.mailbox.touch();
        if self.is_stopping() { Err(Error::Closed) } else { Ok(()) }
    }
}

/// Returns the mailbox for a reader that follows `old`, and what of that one is not for it.
fn inherit(options: &Options, old: Option<&Session>) -> (Arc<Mailbox>, Option<Estate>) {
    match old {
        Some(old) if old.config().same_credentials(&options.config) => (Arc::clone(old.mailbox()), None),
        Some(old) => {
            // what arrived under one key is not for the holder of another
            let mailbox = Arc::new(Mailbox::new(&options.reading));
            mailbox.take_signal(old.mailbox());
            old.mailbox().release_readers();
            let left = Arc::clone(old.mailbox());
            (mailbox, Some(Estate { connection: Arc::clone(&old.shared), mailbox: left }))
        }
        None => (Arc::new(Mailbox::new(&options.reading)), None),
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
