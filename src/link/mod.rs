//! One connection of a session, without IO: the hub protocol, and on it authentication, pushes, the
//! host's calls and the locations of units.

mod authentication;
mod error;
mod outbox;
pub(crate) mod push;
pub(crate) mod units;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::signalr::{self, CallId, Chunk, Connection, Outcome};
use authentication::{Authentication, Verdict, judge_answer};
use units::Answer;

pub(crate) use error::Error;
pub(crate) use outbox::{Call, Outbox};

/// What happened on a link.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The credentials went out, to this method.
    Authenticating(&'static str),
    /// The hub accepted them.
    Ready(&'static str),
    /// The hub pushed.
    Pushed(push::Events<'a>),
    /// A call of the host has ended; without an outcome the link did first.
    CallEnded(Call, Option<Outcome<'a>>),
    /// The call with the locations of units has ended.
    UnitsAnswered(Answer),
    /// The hub sent something that means nothing to us.
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
}

/// Calls that wait for their answer.
#[derive(Debug, Default)]
struct Pending {
    authentication: Option<CallId>,
    units: Option<CallId>,
    host: BTreeMap<CallId, Call>,
}

impl Link {
    /// A connection that starts now; `remembered` is the authentication method that worked last.
    pub(crate) fn new(now: Instant, config: Arc<Config>, remembered: Option<&'static str>) -> Self {
        let connection = Connection::new(now, config.timing, config.max_message, push::METHOD);
        let authentication = Authentication::new(config.auth_method, remembered);
        Self { config, connection, authentication, pending: Pending::default(), ready: false }
    }

    /// Reads what the hub sent up to the next step; `None` when all of `input` was read.
    ///
    /// A step borrows from `input`, or from `whole` where its record was begun in an earlier chunk.
    pub(crate) fn next<'b, 'a: 'b>(
        &mut self,
        now: Instant,
        input: &mut Chunk<'a>,
        whole: &'b mut Vec<u8>,
    ) -> Result<Option<Step<'b>>, Error> {
        let Some(step) = self.connection.next(now, input, whole)? else { return Ok(None) };
        Ok(Some(match step {
            signalr::Step::Opened => self.authenticate(now)?,
            signalr::Step::Called(arguments) => Step::Pushed(push::events(&arguments, self.config.event_key)),
            signalr::Step::Answered(call, outcome) => self.answered(now, call, outcome)?,
            signalr::Step::Ignored(what) => Step::Ignored(what),
        }))
    }

    /// Does what is due: a ping, the end of the link.
    pub(crate) fn elapse(&mut self, now: Instant) -> Result<(), Error> {
        Ok(self.connection.elapse(now)?)
    }

    /// The next call that ends because the hub did not answer it in time.
    pub(crate) fn timed_out(&mut self, now: Instant) -> Result<Option<Step<'static>>, Error> {
        let late = self.connection.timed_out(now);
        late.map(|call| self.answered(now, call, Outcome::TimedOut)).transpose()
    }

    /// Calls what the host wants called, as far as it may be now. Returns a call that cannot be made; ask
    /// again then.
    pub(crate) fn send(&mut self, now: Instant, outbox: &mut Outbox) -> Option<Step<'static>> {
        if !self.ready {
            return None;
        }
        while let Some(call) = outbox.calls.pop_front() {
            match self.connection.call(now, &call.method, &call.arguments, self.config.call_timeout) {
                Ok(id) => _ = self.pending.host.insert(id, call),
                // its size was checked when the host made it
                Err(_) => return Some(Step::CallEnded(call, None)),
            }
        }
        if let Some(arguments) = outbox.units.call(now) {
            let called = self.connection.call(now, units::METHOD, &arguments, self.config.call_timeout);
            self.pending.units = called.ok();
        }
        None
    }

    /// When [`elapse`](Self::elapse), [`timed_out`](Self::timed_out) or [`send`](Self::send) has something
    /// to do.
    pub(crate) fn deadline(&self, now: Instant, outbox: &Outbox) -> Instant {
        let due = if self.ready { outbox.units.due(now) } else { None };
        due.map_or_else(|| self.connection.deadline(), |due| due.min(self.connection.deadline()))
    }

    /// The next record to send, as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        self.connection.transmit(now)
    }

    /// Says goodbye with the next transmission.
    pub(crate) fn close(&mut self) {
        self.connection.close();
    }

    /// The next call that will get no answer because the connection is gone.
    pub(crate) fn abandoned(&mut self) -> Option<Step<'static>> {
        match self.pending.host.pop_first() {
            Some((_, call)) => Some(Step::CallEnded(call, None)),
            None => self.pending.units.take().map(|_| Step::UnitsAnswered(Answer::None)),
        }
    }

    /// What the end of a call of ours means.
    fn answered<'a>(&mut self, now: Instant, id: CallId, outcome: Outcome<'a>) -> Result<Step<'a>, Error> {
        if self.pending.authentication == Some(id) {
            self.pending.authentication = None;
            return self.authenticated(now, &outcome);
        }
        if self.pending.units == Some(id) {
            self.pending.units = None;
            return Ok(Step::UnitsAnswered(match judge_answer(&outcome) {
                Verdict::Rejected(words) => Answer::Refused(words),
                Verdict::TimedOut => Answer::None,
                _ => Answer::Accepted,
            }));
        }
        Ok(match self.pending.host.remove(&id) {
            Some(call) => Step::CallEnded(call, Some(outcome)),
            None => Step::Ignored("an answer to no call".into()),
        })
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
