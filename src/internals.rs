//! Doors to the core for the benchmarks. Not part of the product.

#![allow(missing_docs, reason = "not part of the product")]

use std::ffi::CString;
use std::time::Instant;

use crate::config::{Bounds, EventKey, Timing};
use crate::hub::{Arguments, CallId, Handler, Machine, Outcome, Part};
use crate::queue;
use crate::{push, units};

/// A connection whose pushes go to a function.
#[derive(Debug)]
pub struct Connection {
    machine: Machine,
    event_key: EventKey,
}

struct Pushes<'a, F>(&'a mut F, EventKey);

impl<F: FnMut(&str)> Handler for Pushes<'_, F> {
    fn opened(&mut self) {}

    fn called(&mut self, _target: &str, arguments: &Arguments<'_>) -> bool {
        push::events(arguments, self.1, |text| (self.0)(&text));
        true
    }

    fn answered(&mut self, _call: CallId, _outcome: Outcome<'_>) {}

    fn ignored(&mut self, _what: &str) {}
}

impl Connection {
    /// A connection before its handshake.
    pub fn new(strip: bool) -> Self {
        let second = std::time::Duration::from_secs(1);
        let timing = Timing { handshake: second, keep_alive: second, server_timeout: second };
        let event_key = if strip { EventKey::Strip } else { EventKey::Keep };
        Self { machine: Machine::new(Instant::now(), timing, 16 << 20), event_key }
    }

    /// Feeds bytes, as text if they are; `Err` has the sentence that ended the connection.
    pub fn receive(&mut self, bytes: &[u8], mut event: impl FnMut(&str)) -> Result<(), String> {
        let part = std::str::from_utf8(bytes).map_or(Part::Binary(bytes), Part::Text);
        let now = Instant::now();
        let mut pushes = Pushes(&mut event, self.event_key);
        self.machine.receive(now, part, &mut pushes).map_err(|error| error.to_string())?;
        while self.machine.transmit(now).is_some() {}
        Ok(())
    }
}

/// The event queue.
#[derive(Debug)]
pub struct Queue(queue::Queue);

impl Queue {
    pub fn new(events: usize, bytes: usize) -> Self {
        Self(queue::Queue::new(Bounds { events, bytes }))
    }

    pub fn push(&mut self, text: &str) {
        self.0.push(CString::new(text).unwrap_or_default());
    }

    pub fn pop(&mut self) -> bool {
        self.0.pop().is_some()
    }
}

/// Unit locations as the host gives them: how many there are, or the sentence.
pub fn unit_updates(json: &str) -> Result<usize, String> {
    units::parse(json).map(|updates| updates.len()).map_err(|error| error.to_string())
}
