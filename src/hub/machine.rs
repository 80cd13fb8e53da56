//! The state of one connection: handshake, liveness, pending calls, goodbye.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Error;
use super::message::{self, Arguments, Message};
use super::records::{Part, Records};
use crate::config::Timing;

/// The largest answer to a handshake that is waited for.
const MAX_HANDSHAKE: usize = 64 * 1024;

/// The largest record that a hub accepts, with its end; ASP.NET Core closes the connection over more.
pub(crate) const MAX_SENT: usize = 32 * 1024;

/// The deepest nesting of a call's arguments; ASP.NET Core closes the connection over a record of more
/// than 64 levels, of which the record itself is one.
pub(crate) const MAX_DEPTH: usize = 63;

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
    Error(&'a str),
    /// The hub did not answer in time.
    TimedOut,
}

/// What the machine tells while it reads.
pub(crate) trait Handler {
    /// The hub accepted the handshake: calls may be made.
    fn opened(&mut self);
    /// The hub calls a method of ours. Returns whether there is such a method.
    fn called(&mut self, target: &str, arguments: &Arguments<'_>) -> bool;
    /// A call of ours has ended.
    fn answered(&mut self, call: CallId, outcome: Outcome<'_>);
    /// The hub sent something that means nothing to us.
    fn ignored(&mut self, what: &str);
}

/// One connection.
///
/// Feed it with [`receive`](Self::receive) and, at [`deadline`](Self::deadline), with
/// [`elapse`](Self::elapse); after either, and after every call, send what
/// [`transmit`](Self::transmit) gives. An error ends the connection.
#[derive(Debug)]
pub(crate) struct Machine {
    timing: Timing,
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
}

impl Machine {
    /// A connection that starts with the handshake now.
    pub(crate) fn new(now: Instant, timing: Timing, max_record: usize) -> Self {
        Self {
            timing,
            records: Records::new(MAX_HANDSHAKE),
            max_record,
            open: false,
            received: now,
            sent: now,
            outgoing: VecDeque::from([message::handshake()]),
            calls: BTreeMap::new(),
            last_call: 0,
        }
    }

    /// Reads what the hub sent.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        part: Part<'_>,
        handler: &mut impl Handler,
    ) -> Result<(), Error> {
        let mut rest = part;
        loop {
            let mut whole = Vec::new();
            let next = self.records.next(&mut rest, &mut whole);
            let Some(record) = next.map_err(|error| self.too_large(error))? else { return Ok(()) };
            self.record(now, record.text()?, handler)?;
        }
    }

    /// Does what is due: a ping, the end of calls, the end of the link.
    pub(crate) fn elapse(&mut self, now: Instant, handler: &mut impl Handler) -> Result<(), Error> {
        if !self.open {
            let late = now >= self.received + self.timing.handshake;
            return if late { Err(Error::HandshakeTimeout(self.timing.handshake)) } else { Ok(()) };
        }
        if now >= self.received + self.timing.server_timeout {
            return Err(Error::Silent(self.timing.server_timeout));
        }
        self.calls.retain(|call, due| {
            let pending = now < *due;
            if !pending {
                handler.answered(*call, Outcome::TimedOut);
            }
            pending
        });
        if now >= self.sent + self.timing.keep_alive {
            // what the socket has not taken yet will do as a ping
            if self.outgoing.is_empty() {
                self.outgoing.push_back(message::ping());
            }
            self.sent = now;
        }
        Ok(())
    }

    /// When [`elapse`](Self::elapse) has something to do, if nothing happens before.
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

    fn record(&mut self, now: Instant, record: &str, handler: &mut impl Handler) -> Result<(), Error> {
        if record.is_empty() {
            return Ok(());
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
            handler.opened();
            return Ok(());
        }
        let message = message::parse(record)?;
        self.received = now;
        match message {
            Message::Invocation { id, target, arguments } => {
                let handled = handler.called(&target, &arguments);
                if !handled {
                    handler.ignored(&target);
                }
                if let Some(id) = id {
                    if self.outgoing.len() >= MAX_OUTGOING {
                        return Err(Error::Protocol("it asks for more answers than it takes".to_owned()));
                    }
                    let answer = message::completion(id, handled);
                    if answer.len() <= MAX_SENT {
                        self.outgoing.push_back(answer);
                    } else {
                        handler.ignored("a call with an id that is too large to answer");
                    }
                }
            }
            Message::Completion { id, outcome } => match self.take_call(&id) {
                Some(call) => match outcome {
                    Ok(result) => handler.answered(call, Outcome::Result(result)),
                    Err(error) => handler.answered(call, Outcome::Error(&error)),
                },
                None => handler.ignored("an answer to no call"),
            },
            Message::StreamItem { id } => match self.take_call(&id) {
                Some(call) => handler.answered(call, Outcome::Error("the hub answered with a stream")),
                None => handler.ignored("an item of no stream"),
            },
            Message::Close { error } => return Err(Error::Closed { error: error.map(Into::into) }),
            Message::Ping => {}
            Message::Other => handler.ignored("a message of another type"),
        }
        Ok(())
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
