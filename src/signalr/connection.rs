//! The state of one connection: handshake, liveness, pending calls, goodbye.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::error::Error;
use super::message::{self, Arguments, Message, Method};
use super::records::{Chunk, Records};
use crate::config::Timing;

/// The largest answer to a handshake that is waited for.
const MAX_HANDSHAKE: usize = 64 * 1024;

/// The largest record that a hub accepts, with its end; ASP.NET Core closes the connection over more.
pub(crate) const MAX_SENT: usize = 32 * 1024;

/// The largest number of records that wait to be sent: a hub that asks faster than it listens ends there.
const MAX_OUTGOING: usize = 4096;

/// The size that the record of a call will have at the most.
pub(crate) fn call_size(target: &str, arguments: &str) -> usize {
    message::invocation(CallId::MAX, target, arguments).len()
}

/// Identifies a call of ours on this connection.
pub(crate) type CallId = u32;

/// How a call of ours ended.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// The hub's result, as it wrote it; none for a method without one.
    Result(Option<&'a str>),
    /// The hub's error.
    Error(Cow<'a, str>),
    /// The hub did not answer in time.
    TimedOut,
}

/// What a record came to.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The hub accepted the handshake: calls may be made.
    Opened,
    /// The hub calls our method.
    Called(Arguments<'a>),
    /// A call of ours has ended.
    Answered(CallId, Outcome<'a>),
    /// The hub sent something that means nothing to us.
    Ignored(Cow<'a, str>),
}

/// One connection.
///
/// Give what came to [`next`](Self::next) until nothing is left of it. At [`deadline`](Self::deadline) ask
/// [`elapse`](Self::elapse) and [`timed_out`](Self::timed_out). After either, and after every call, send
/// what [`transmit`](Self::transmit) gives. An error ends the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    timing: Timing,
    method: Method,
    records: Records,
    max_record: usize,
    open: bool,
    /// When the handshake began, then when the last record came.
    received: Instant,
    /// When a record was sent last, or a ping was due.
    sent: Instant,
    outgoing: VecDeque<String>,
    calls: BTreeMap<CallId, Instant>,
    last_call: CallId,
    /// Why the hub's last call got no answer, to be told with the next step.
    unanswered: Option<Result<Step<'static>, Error>>,
}

impl Connection {
    /// A connection that starts with the handshake now. The hub may call `method`.
    pub(crate) fn new(now: Instant, timing: Timing, max_record: usize, method: Method) -> Self {
        Self {
            timing,
            method,
            records: Records::new(MAX_HANDSHAKE),
            max_record,
            open: false,
            received: now,
            sent: now,
            outgoing: VecDeque::from([message::handshake()]),
            calls: BTreeMap::new(),
            last_call: 0,
            unanswered: None,
        }
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
        if let Some(follows) = self.unanswered.take() {
            return follows.map(Some);
        }
        let begun = self.records.complete(input, whole).map_err(|error| self.too_large(error))?;
        if let Some(record) = begun
            && let Some(step) = self.record(now, record.text()?)?
        {
            return Ok(Some(step));
        }
        while let Some(record) = self.records.next(input).map_err(|error| self.too_large(error))? {
            if let Some(step) = self.record(now, record.text()?)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Does what is due: a ping, the end of the link.
    pub(crate) fn elapse(&mut self, now: Instant) -> Result<(), Error> {
        if !self.open {
            let late = now >= self.received + self.timing.handshake;
            return if late { Err(Error::HandshakeTimeout(self.timing.handshake)) } else { Ok(()) };
        }
        if now >= self.received + self.timing.server_timeout {
            return Err(Error::Silent(self.timing.server_timeout));
        }
        if now >= self.sent + self.timing.keep_alive {
            // what the socket has not taken yet will do as a ping
            if self.outgoing.is_empty() {
                self.outgoing.push_back(message::ping());
            }
            self.sent = now;
        }
        Ok(())
    }

    /// The next call of ours that the hub did not answer in time.
    pub(crate) fn timed_out(&mut self, now: Instant) -> Option<CallId> {
        let late = self.calls.iter().find(|(_, due)| now >= **due);
        late.map(|(call, _)| *call).inspect(|call| _ = self.calls.remove(call))
    }

    /// When [`elapse`](Self::elapse) or [`timed_out`](Self::timed_out) has something to do, if nothing happens
    /// before.
    pub(crate) fn deadline(&self) -> Instant {
        if !self.open {
            return self.received + self.timing.handshake;
        }
        let alive = (self.received + self.timing.server_timeout).min(self.sent + self.timing.keep_alive);
        self.calls.values().fold(alive, |first, due| first.min(*due))
    }

    /// The next record to send, to be sent as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        let record = self.outgoing.pop_front()?;
        self.sent = now;
        Some(record)
    }

    /// Calls a method of the hub. `arguments` is a JSON array. A record that the hub would not accept is
    /// not sent: the error is its size.
    pub(crate) fn call(
        &mut self,
        now: Instant,
        target: &str,
        arguments: &str,
        timeout: Duration,
    ) -> Result<CallId, usize> {
        let record = message::invocation(self.last_call + 1, target, arguments);
        if record.len() > MAX_SENT {
            return Err(record.len());
        }
        self.last_call += 1;
        self.calls.insert(self.last_call, now + timeout);
        self.outgoing.push_back(record);
        Ok(self.last_call)
    }

    /// Says goodbye with the next transmission.
    pub(crate) fn close(&mut self) {
        if self.open {
            self.outgoing.push_back(message::close());
        }
    }

    /// Reads a record; `None` where nothing follows from it.
    fn record<'a>(&mut self, now: Instant, record: &'a str) -> Result<Option<Step<'a>>, Error> {
        if record.is_empty() {
            return Ok(None);
        }
        if !self.open {
            if let Some(why) = message::parse_handshake(record)? {
                return Err(Error::Refused(why));
            }
            self.open = true;
            self.received = now;
            self.records.allow(self.max_record);
            // a hub watches over a client only once it has pinged
            self.outgoing.push_back(message::ping());
            return Ok(Some(Step::Opened));
        }
        let message = message::parse(record, self.method.fields)?;
        self.received = now;
        Ok(Some(match message {
            Message::Invocation { id, target, arguments } => {
                // the hub's other clients do not tell cases apart
                let known = target.eq_ignore_ascii_case(self.method.name);
                if let Some(id) = id {
                    self.unanswered = self.answer(id, known);
                }
                if known { Step::Called(arguments) } else { Step::Ignored(target) }
            }
            Message::Completion { id, outcome } => match (self.take_call(&id), outcome) {
                (Some(call), Ok(result)) => Step::Answered(call, Outcome::Result(result)),
                (Some(call), Err(error)) => Step::Answered(call, Outcome::Error(error)),
                (None, _) => Step::Ignored("an answer to no call".into()),
            },
            Message::StreamItem { id } => match self.take_call(&id) {
                Some(call) => Step::Answered(call, Outcome::Error("the hub answered with a stream".into())),
                None => Step::Ignored("an item of no stream".into()),
            },
            Message::Close { error } => return Err(Error::Closed { error: error.map(Into::into) }),
            Message::Ping => return Ok(None),
            Message::Other => Step::Ignored("a message of another type".into()),
        }))
    }

    /// Answers a call of the hub. Returns what is to be told, if it cannot be answered.
    fn answer(&mut self, id: &str, known: bool) -> Option<Result<Step<'static>, Error>> {
        if self.outgoing.len() >= MAX_OUTGOING {
            return Some(Err(Error::Protocol("it asks for more answers than it takes".to_owned())));
        }
        let answer = message::completion(id, known);
        if answer.len() > MAX_SENT {
            return Some(Ok(Step::Ignored("a call with an id that is too large to answer".into())));
        }
        self.outgoing.push_back(answer);
        None
    }

    /// During the handshake it is not `maxMessageBytes` that was exceeded.
    fn too_large(&self, error: Error) -> Error {
        match error {
            Error::TooLarge(most) if !self.open => {
                Error::Protocol(format!("its answer to the handshake has more than {most} bytes"))
            }
            error => error,
        }
    }

    fn take_call(&mut self, id: &str) -> Option<CallId> {
        let call = id.parse().ok()?;
        self.calls.remove(&call).map(|_| call)
    }
}
