//! The core, opened for the benchmarks and the fuzz targets. Not part of the product.

#![allow(missing_docs, reason = "not part of the product")]

pub mod fuzz;

use std::time::{Duration, Instant};

use crate::config::{Bounds, EventKey, Timing};
use crate::link::{push, units};
use crate::session::queue;
use crate::signalr::{self, Chunk, Step};
use crate::sys::Text;

/// A connection that passes its pushes to a function.
#[derive(Debug)]
pub struct Connection {
    connection: signalr::Connection,
    event_key: EventKey,
}

impl Connection {
    /// A connection before its handshake.
    pub fn new(strip: bool) -> Self {
        let second = Duration::from_secs(1);
        let timing = Timing { handshake: second, keep_alive: second, server_timeout: second };
        let event_key = if strip { EventKey::Strip } else { EventKey::Keep };
        Self {
            connection: signalr::Connection::new(Instant::now(), timing, 16 << 20, push::METHOD),
            event_key,
        }
    }

    /// Feeds bytes, as text if they are UTF-8. `Err` says why the connection ended.
    pub fn receive(&mut self, bytes: &[u8], mut event: impl FnMut(&str)) -> Result<(), String> {
        let mut input = std::str::from_utf8(bytes).map_or(Chunk::Binary(bytes), Chunk::Text);
        let (now, mut whole) = (Instant::now(), Vec::new());
        while let Some(step) =
            self.connection.next(now, &mut input, &mut whole).map_err(|error| error.to_string())?
        {
            if let Step::Called(arguments) = step {
                push::events(arguments).for_each(|pushed| event(&pushed.text(self.event_key)));
            }
        }
        while self.connection.transmit(now).is_some() {}
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
        self.0.push(Text::new(text));
    }

    pub fn pop(&mut self) -> bool {
        self.0.pop().is_some()
    }
}

/// Parses a host's unit locations. Returns how many there are, or what is wrong.
pub fn unit_updates(json: &str) -> Result<usize, String> {
    units::parse(json).map(|updates| updates.len()).map_err(|error| error.to_string())
}
