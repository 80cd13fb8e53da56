//! The options as the host gave them, taken out one by one.

use std::time::Duration;

use serde_json::{Map, Value};

use super::problem::{kind, wrong};
use crate::error::Error;

/// A range of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delays {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

/// The options that have not been read yet.
pub(super) struct Given {
    map: Map<String, Value>,
}

impl Given {
    pub(super) fn new(map: Map<String, Value>) -> Self {
        Self { map }
    }

    /// Fails if an option is left that nobody has read.
    pub(super) fn end(&self) -> Result<(), Error> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => Err(wrong(key, "unknown: OPTIONS in sonoran.h lists the valid keys")),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(wrong(key, "empty: expected text, or leave it out")),
            Some(other) => Err(wrong(key, format!("{}: expected a string", kind(&other)))),
        }
    }

    /// The same, where null means none.
    pub(super) fn text_or_null(&mut self, key: &str) -> Result<Option<String>, Error> {
        if self.map.get(key) == Some(&Value::Null) {
            self.map.remove(key);
        }
        self.text(key)
    }

    pub(super) fn required(&mut self, key: &str) -> Result<String, Error> {
        let missing = || wrong(key, "missing: expected a non-empty string");
        self.text(key)?.ok_or_else(missing)
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> Result<bool, Error> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong(key, format!("{}: expected true or false", kind(&other)))),
        }
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<T, Error> {
        let given = self.text(key)?;
        let chosen = choices.iter().find(|(name, _)| given.as_deref().is_none_or(|given| given == *name));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            wrong(key, format!("unknown: expected one of {}", names.join(", ")))
        })
    }

    pub(super) fn number(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<u64, Error> {
        let Some(value) = self.take(key) else { return Ok(default) };
        match whole(&value) {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let given = if value.is_number() { value.to_string() } else { kind(&value).to_owned() };
                Err(wrong(key, format!("{given}: expected a whole number from {least} to {most}")))
            }
        }
    }

    pub(super) fn size(&mut self, key: &str, default: u64, least: u64, most: u64) -> Result<usize, Error> {
        self.number(key, default, least, most).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    }

    pub(super) fn millis(
        &mut self,
        key: &str,
        default: u64,
        least: u64,
        most: u64,
    ) -> Result<Duration, Error> {
        self.number(key, default, least, most).map(Duration::from_millis)
    }

    pub(super) fn delays(
        &mut self,
        min: &str,
        max: &str,
        default: (u64, u64),
        range: (u64, u64),
    ) -> Result<Delays, Error> {
        let given = (self.has(min), self.has(max));
        let mut delays = Delays {
            min: self.millis(min, default.0, range.0, range.1)?,
            max: self.millis(max, default.1, range.0, range.1)?,
        };
        if delays.max < delays.min {
            match given {
                (true, true) => {
                    return Err(wrong(max, format!("smaller than {min}: expected at least as much")));
                }
                // only one is given: the other's default yields to it
                (true, false) => delays.max = delays.min,
                _ => delays.min = delays.max,
            }
        }
        Ok(delays)
    }
}

/// A whole number, however it is written: some encoders have one kind of number only, and write 1 as 1.0 or 1e0.
pub(super) fn whole(value: &Value) -> Option<u64> {
    /// Up to here each whole number has an f64 of its own.
    const MOST: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=MOST).contains(float))?;
        // in range and without a fraction: nothing is cut off
        Some(float as u64)
    })
}
