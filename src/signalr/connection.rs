//! The state of one connection: handshake, liveness, pending calls, goodbye.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::error::Error;
use super::message::{self, Arguments, Message, Method};
use super::records::{Chunk, Records};
use crate::config::Timing;

/// The size limit of the hub's answer to the handshake.
const MAX_HANDSHAKE: usize = 64 * 1024;

/// The largest record that a hub accepts, terminator included. ASP.NET Core closes the connection over a
/// larger one.
pub(crate) const MAX_SENT: usize = 32 * 1024;

/// The deepest nesting of a call's arguments. ASP.NET Core closes the connection over a record with more than
/// 64 levels, of which the record itself is one.
pub(crate) const MAX_DEPTH: usize = 63;

/// The number and size of answers that may wait to be sent. They end a hub that asks faster than it listens.
const MAX_ANSWERS: usize = 4096;
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The largest size that a call's record can have.
pub(crate) fn call_size(target: &str, arguments: &str) -> usize {
    message::invocation(CallId::MAX, target, arguments).len()
}

/// Identifies a call of ours on this connection.
pub(crate) type CallId = u32;

/// How a call of ours ended.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// The hub's result as the hub wrote it; `None` for a method without one.
    Result(Option<&'a str>),
    /// The hub's error.
    Error(Cow<'a, str>),
    /// The hub did not answer in time.
    TimedOut,
}

/// What a record means.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The hub accepted the handshake: calls are possible.
    Opened,
    /// The hub calls our method.
    Called(Arguments<'a>),
    /// A call of ours has ended.
    Answered(CallId, Outcome<'a>),
    /// The hub sent something unknown to us.
    Ignored(Cow<'a, str>),
}

/// One connection.
///
/// Pass input to [`next`](Self::next) until it returns `None`. At [`deadline`](Self::deadline) call
/// [`keep_alive`](Self::keep_alive), then, once everything that had arrived by then is read,
/// [`elapse`](Self::elapse) and [`timed_out`](Self::timed_out). Send what [`transmit`](Self::transmit)
/// returns. An error ends the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    timing: Timing,
    method: Method,
    records: Records,
    max_record: usize,
    open: bool,
    /// The start of the handshake, later the arrival of the last record, or the end of a standstill of the
    /// process.
    received: Instant,
    /// Whether the process stood still since then.
    excused: bool,
    /// When the last record was sent, or a ping was due.
    sent: Instant,
    outgoing: VecDeque<String>,
    /// The number and size of the answers among them.
    answers: usize,
    answer_bytes: usize,
    calls: BTreeMap<CallId, Instant>,
    last_call: CallId,
    /// Why the hub's last call got no answer: the next step.
    unanswered: Option<Result<Step<'static>, Error>>,
}

impl Connection {
    /// Starts a connection with the handshake. The hub may call `method`.
    pub(crate) fn new(now: Instant, timing: Timing, max_record: usize, method: Method) -> Self {
        Self {
            timing,
            method,
            records: Records::new(MAX_HANDSHAKE),
            max_record,
            open: false,
            received: now,
            excused: false,
            sent: now,
            outgoing: VecDeque::from([message::handshake()]),
            answers: 0,
            answer_bytes: 0,
            calls: BTreeMap::new(),
            last_call: 0,
            unanswered: None,
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
        if self.unanswered.is_some() {
            return self.unanswered.take().transpose();
        }
        let begun = self.records.complete(input, whole).map_err(|error| self.too_large(error))?;
        if let Some(record) = begun
            && let Some(step) = self.record(now, record.text()?)?
        {
            return Ok(Some(step));
        }
        if self.open
            && let Some(arguments) =
                self.records.read_whole(input, |text| message::plain_call(text, &self.method))
        {
            self.heard(now);
            return Ok(Some(Step::Called(arguments)));
        }
        while let Some(record) = self.records.next(input).map_err(|error| self.too_large(error))? {
            if let Some(step) = self.record(now, record.text()?)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Queues a ping if one is due.
    pub(crate) fn keep_alive(&mut self, now: Instant) {
        if self.open && now >= self.sent + self.timing.keep_alive {
            // a record that the socket has not taken yet serves as a ping
            if self.outgoing.is_empty() {
                self.outgoing.push_back(message::ping());
            }
            self.sent = now;
        }
    }

    /// Fails if the hub has been silent for too long at `now`. Everything that had arrived by then must have
    /// been read.
    pub(crate) fn elapse(&self, now: Instant) -> Result<(), Error> {
        if self.open {
            let silent = now >= self.received + self.timing.server_timeout;
            return if silent { Err(Error::Silent(self.timing.server_timeout)) } else { Ok(()) };
        }
        let late = now >= self.received + self.timing.handshake;
        if late { Err(Error::HandshakeTimeout(self.timing.handshake)) } else { Ok(()) }
    }

    /// The process could not listen until `now`: the hub's silence starts anew, but once only until the hub
    /// is heard again. A process that is always late would wait for a dead hub for ever.
    pub(crate) fn stood_still(&mut self, now: Instant) {
        if !self.excused {
            self.received = now;
            self.excused = true;
        }
    }

    /// Returns the next call of ours that the hub did not answer in time.
    pub(crate) fn timed_out(&mut self, now: Instant) -> Option<CallId> {
        let late = self.calls.iter().find(|(_, due)| now >= **due);
        late.map(|(call, _)| *call).inspect(|call| _ = self.calls.remove(call))
    }

    /// When [`keep_alive`](Self::keep_alive), [`elapse`](Self::elapse) or [`timed_out`](Self::timed_out) next
    /// has something to do, unless something else happens first.
    pub(crate) fn deadline(&self) -> Instant {
        if !self.open {
            return self.received + self.timing.handshake;
        }
        let alive = (self.received + self.timing.server_timeout).min(self.sent + self.timing.keep_alive);
        self.calls.values().fold(alive, |first, due| first.min(*due))
    }

    /// Returns the next record, to be sent as one text message.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<String> {
        let record = self.outgoing.pop_front()?;
        if message::is_completion(&record) {
            self.answers -= 1;
            self.answer_bytes -= record.len();
        }
        self.sent = now;
        Some(record)
    }

    /// Calls a method of the hub. `arguments` is a JSON array. If the record is larger than a hub accepts,
    /// returns its size as the error and sends nothing.
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

    /// Queues a goodbye.
    pub(crate) fn close(&mut self) {
        if self.open {
            self.outgoing.push_back(message::close());
        }
    }

    /// The hub is alive.
    fn heard(&mut self, now: Instant) {
        self.received = now;
        self.excused = false;
    }

    /// Reads a record. Returns `None` if it needs no reaction.
    fn record<'a>(&mut self, now: Instant, record: &'a str) -> Result<Option<Step<'a>>, Error> {
        if record.is_empty() {
            return Ok(None);
        }
        if !self.open {
            if let Some(why) = message::parse_handshake(record)? {
                return Err(Error::Refused(why));
            }
            self.open = true;
            self.heard(now);
            self.records.allow(self.max_record);
            // a hub watches a client only after the first ping
            self.outgoing.push_back(message::ping());
            return Ok(Some(Step::Opened));
        }
        let message = message::parse(record, &self.method)?;
        self.heard(now);
        Ok(Some(match message {
            Message::Invocation { id, target, arguments } => {
                // the hub's other clients ignore letter case
                let name = self.method.name;
                let known = target == name || target.eq_ignore_ascii_case(name);
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
            Message::Close { error, allow_reconnect } => {
                return Err(Error::Closed { error: error.map(Into::into), allow_reconnect });
            }
            Message::Ping => return Ok(None),
            Message::Other => Step::Ignored("a message of another type".into()),
        }))
    }

    /// Answers a call of the hub. Returns a step, or an error, if it cannot.
    fn answer(&mut self, id: &str, known: bool) -> Option<Result<Step<'static>, Error>> {
        let answer = message::completion(id, known);
        if answer.len() > MAX_SENT {
            return Some(Ok(Step::Ignored("a call with an id that is too large to answer".into())));
        }
        self.answers += 1;
        self.answer_bytes += answer.len();
        if self.answers > MAX_ANSWERS || self.answer_bytes > MAX_ANSWER_BYTES {
            return Some(Err(Error::Protocol("it asks for more answers than it takes".to_owned())));
        }
        self.outgoing.push_back(answer);
        None
    }

    /// Rephrases the error during the handshake, where the limit is not `maxMessageBytes`.
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
