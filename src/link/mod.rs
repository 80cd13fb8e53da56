//! One connection of a session, without IO: authentication, pushes, the host's calls and unit locations, on
//! top of the hub protocol.

mod authentication;
mod error;
mod outbox;
pub(crate) mod push;
pub(crate) mod units;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::signalr::{self, CallId, Chunk, Connection, Outcome};
use authentication::{Authentication, Verdict, is_unauthenticated, judge_answer};
use units::Answer;

pub(crate) use error::Error;
pub(crate) use outbox::{Call, Outbox};

/// Repeat the credentials to a forgetful hub at most this often on one connection.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// What happened on a link.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The credentials went out to this method, for the first time or because the hub forgot them.
    Authenticating(&'static str),
    /// The hub accepted them.
    Ready(&'static str),
    /// The hub pushed events.
    Pushed(push::Events<'a>),
    /// A call of the host has ended. Without an outcome the link ended first.
    CallEnded(Call, Option<Outcome<'a>>),
    /// The call with unit locations has ended.
    UnitsAnswered(Answer),
    /// The hub sent something unknown to us.
    Ignored(Cow<'a, str>),
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    config: Arc<Config>,
    connection: Connection,
    authentication: Authentication,
    pending: Pending,
    ready: bool,
    /// The hub answered that it does not know the caller.
    forgotten: bool,
    /// When the credentials were repeated.
    reminded: Option<Instant>,
}

/// Calls without an answer yet.
#[derive(Debug, Default)]
struct Pending {
    authentication: Option<CallId>,
    units: Option<CallId>,
    host: BTreeMap<CallId, Call>,
}

impl Link {
    /// Starts a connection. `remembered` is the authentication method that worked last.
    pub(crate) fn new(now: Instant, config: Arc<Config>, remembered: Option<&'static str>) -> Self {
        let connection = Connection::new(now, config.timing, config.max_message, push::METHOD);
        let authentication = Authentication::new(config.auth_method, remembered);
        Self {
            config,
            connection,
            authentication,
            pending: Pending::default(),
            ready: false,
            forgotten: false,
            reminded: None,
        }
    }

    /// Reads input up to the next step. Returns `None` once all of `input` is read.
    ///
    /// A step borrows from `input`, or from `whole` if its record began in an earlier chunk.
    pub(crate) fn next<'b, 'a: 'b>(
        &mut self,
        now: Instant,
        input: &mut Chunk<'a>,
        whole: &'b mut Vec<u8>,
    ) -> Result<Option<Step<'b>>, Error> {
        if std::mem::take(&mut self.forgotten) {
            return self.remind(now).map(Some);
        }
        let Some(step) = self.connection.next(now, input, whole)? else { return Ok(None) };
        Ok(Some(match step {
            signalr::Step::Opened => self.authenticate(now)?,
            signalr::Step::Called(arguments) => Step::Pushed(push::events(arguments)),
            signalr::Step::Answered(call, outcome) => self.answered(now, call, outcome)?,
            signalr::Step::Ignored(what) => Step::Ignored(what),
        }))
    }

    /// Fails if the hub has been silent for too long at `now`. Everything that had arrived by then must have
    /// been read.
    pub(crate) fn elapse(&self, now: Instant) -> Result<(), Error> {
        Ok(self.connection.elapse(now)?)
    }

    /// The process could not listen until `now`: the hub's silence starts anew.
    pub(crate) fn stood_still(&mut self, now: Instant) {
        self.connection.stood_still(now);
    }

    /// Returns the next call that the hub did not answer in time.
    pub(crate) fn timed_out(&mut self, now: Instant) -> Result<Option<Step<'static>>, Error> {
        let late = self.connection.timed_out(now);
        late.map(|call| self.answered(now, call, Outcome::TimedOut)).transpose()
    }

    /// Queues a ping if one is due, and the calls and unit locations that may go out now. Returns a call that
    /// cannot be made: call again then.
    pub(crate) fn send(&mut self, now: Instant, outbox: &mut Outbox) -> Option<Step<'static>> {
        self.connection.keep_alive(now);
        if !self.ready {
            return None;
        }
        while let Some(call) = outbox.calls.pop_front() {
            match self.connection.call(now, &call.method, &call.arguments, self.config.call_timeout) {
                Ok(id) => _ = self.pending.host.insert(id, call),
                // the session has checked its size
                Err(_) => return Some(Step::CallEnded(call, None)),
            }
        }
        if let Some(arguments) = outbox.units.call(now) {
            let called = self.connection.call(now, units::METHOD, &arguments, self.config.call_timeout);
            self.pending.units = called.ok();
        }
        None
    }

    /// When [`elapse`](Self::elapse), [`timed_out`](Self::timed_out) or [`send`](Self::send) next has
    /// something to do.
    pub(crate) fn deadline(&self, now: Instant, outbox: &Outbox) -> Instant {
        let due = if self.ready { outbox.units.due(now) } else { None };
        due.map_or_else(|| self.connection.deadline(), |due| due.min(self.connection.deadline()))
    }

    /// Returns the next record, to be sent as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        self.connection.transmit(now)
    }

    /// Queues a goodbye.
    pub(crate) fn close(&mut self) {
        self.connection.close();
    }

    /// Returns the next call that will get no answer because the connection is gone.
    pub(crate) fn abandoned(&mut self) -> Option<Step<'static>> {
        match self.pending.host.pop_first() {
            Some((_, call)) => Some(Step::CallEnded(call, None)),
            None => self.pending.units.take().map(|_| Step::UnitsAnswered(Answer::Lost)),
        }
    }

    /// Interprets the outcome of a call of ours.
    fn answered<'a>(&mut self, now: Instant, id: CallId, outcome: Outcome<'a>) -> Result<Step<'a>, Error> {
        if self.pending.authentication == Some(id) {
            self.pending.authentication = None;
            return self.authenticated(now, &outcome);
        }
        let is_forgotten = is_unauthenticated(&outcome);
        // calls already on their way get the same answer while the credentials are repeated
        if is_forgotten && self.ready {
            (self.ready, self.forgotten) = (false, true);
        }
        if self.pending.units == Some(id) {
            self.pending.units = None;
            return Ok(Step::UnitsAnswered(match judge_answer(&outcome) {
                _ if is_forgotten => Answer::Unauthenticated,
                Verdict::Rejected(words) => Answer::Refused(words),
                Verdict::TimedOut => Answer::TimedOut,
                _ => Answer::Accepted,
            }));
        }
        Ok(match self.pending.host.remove(&id) {
            Some(call) => Step::CallEnded(call, Some(outcome)),
            None => Step::Ignored("an answer to no call".into()),
        })
    }

    /// Repeats the credentials, unless they were repeated just now.
    fn remind(&mut self, now: Instant) -> Result<Step<'static>, Error> {
        match self.reminded.replace(now) {
            Some(before) if now < before + REMIND_EVERY => Err(Error::Forgotten),
            _ => self.authenticate(now),
        }
    }

    fn authenticated(&mut self, now: Instant, outcome: &Outcome<'_>) -> Result<Step<'static>, Error> {
        let method = self.authentication.method();
        match self.authentication.judge(outcome) {
            Verdict::Accepted => {
                self.ready = true;
                Ok(Step::Ready(method))
            }
            Verdict::TryOther => self.authenticate(now),
            Verdict::Rejected(words) => Err(Error::Rejected(words)),
            Verdict::Failed(words) => Err(Error::HubFailed { method, words }),
            Verdict::TimedOut => Err(Error::CallTimeout { method, after: self.config.call_timeout }),
        }
    }

    fn authenticate(&mut self, now: Instant) -> Result<Step<'static>, Error> {
        let method = self.authentication.method();
        let arguments = Authentication::arguments(&self.config);
        match self.connection.call(now, method, &arguments, self.config.call_timeout) {
            Ok(call) => {
                self.pending.authentication = Some(call);
                Ok(Step::Authenticating(method))
            }
            Err(bytes) => Err(Error::Rejected(format!(
                "the call would have {bytes} bytes, which no hub accepts: communityId or apiKey is far too long"
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
