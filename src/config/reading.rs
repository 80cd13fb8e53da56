//! The options that each reader of a session has for itself.

use std::time::Duration;

use serde_json::Value;

use super::given::Given;
use super::problem::{kind, wrong};
use super::types::Types;
use crate::error::Error;

/// How much the session logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// The name that the option uses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// What happens to a push's `key`, which is the community's API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKey {
    /// Leave it.
    Keep,
    /// Remove it before the host sees the event.
    Strip,
}

/// The bounds of the event queue. Beyond either it drops the oldest push, but never the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Number of pushes.
    pub(crate) events: usize,
    /// Their total size in bytes.
    pub(crate) bytes: usize,
}

/// Who reads, what becomes of events on their way into its queue, and of a queue that nobody polls.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// The reader's name.
    pub(crate) reader: String,
    pub(crate) bounds: Bounds,
    pub(crate) event_key: EventKey,
    pub(crate) types: Types,
    /// `None` means never.
    pub(crate) idle_close: Option<Duration>,
    pub(crate) log: LogLevel,
}

impl Reading {
    pub(super) fn read(given: &mut Given) -> Result<Self, Error> {
        Ok(Self {
            reader: reader(given)?,
            bounds: Bounds {
                events: given.size("queueEvents", 65_536, 1, 16_777_216)?,
                bytes: given.size("queueBytes", 67_108_864, 1_024, 2_147_483_647)?,
            },
            event_key: given.choice("eventKey", &[("keep", EventKey::Keep), ("strip", EventKey::Strip)])?,
            types: Types::read(given.take("types"))?,
            idle_close: idle_close(given)?,
            log: given.choice(
                "log",
                &[
                    ("off", LogLevel::Off),
                    ("error", LogLevel::Error),
                    ("warn", LogLevel::Warn),
                    ("info", LogLevel::Info),
                    ("debug", LogLevel::Debug),
                ],
            )?,
        })
    }

    /// Whether an event may have to be left out, or changed.
    pub(crate) fn is_choosy(&self) -> bool {
        self.event_key == EventKey::Strip || !self.types.are_all()
    }
}

/// The empty name is that of a reader which has none.
fn reader(given: &mut Given) -> Result<String, Error> {
    match given.take("reader") {
        None => Ok(String::new()),
        Some(Value::String(name)) if name.len() <= MAX_NAME => Ok(name),
        Some(Value::String(name)) => {
            Err(wrong("reader", format!("{} bytes long: expected at most {MAX_NAME}", name.len())))
        }
        Some(other) => Err(wrong("reader", format!("{}: expected a string", kind(&other)))),
    }
}

/// The longest name of a reader, in bytes.
const MAX_NAME: usize = 256;

fn idle_close(given: &mut Given) -> Result<Option<Duration>, Error> {
    match given.number("idleCloseMs", 300_000, 0, 86_400_000)? {
        0 => Ok(None),
        millis @ 1..1_000 => {
            Err(wrong("idleCloseMs", format!("{millis}: expected 0 (never), or 1000 to 86400000")))
        }
        millis => Ok(Some(Duration::from_millis(millis))),
    }
}
