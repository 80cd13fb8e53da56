//! Checks the host's unit updates before they are queued.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::json::{JsonError, Scanner};

/// The largest total size of the units in a call. The rest of the 32 KiB is for the record around them.
pub(super) const MAX_BYTES: usize = 32 * 1024 - 256;

/// The largest number of waiting units.
pub(super) const MAX_WAITING: usize = 10_000;

/// The largest size of an update, with brackets.
pub(super) const MAX_UNIT_BYTES: usize = MAX_BYTES - 4;

/// The deepest nesting of an update. A hub reads 64 levels, of which the record, its arguments and the list
/// of updates take three.
pub(super) const MAX_DEPTH: usize = 61;

/// The fields that identify a unit, in order of precedence.
const IDENTITIES: [&str; 4] = ["communityUserId", "roblox", "apiId", "identId"];

/// Why updates are refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// They are not a JSON array.
    #[error("{0}")]
    Json(String),
    /// One of the updates is not as documented.
    #[error("unit update {index}: {problem}")]
    Update {
        /// Its index in the array, from 0.
        index: usize,
        /// The field and what is expected.
        problem: String,
    },
    /// Too many units wait.
    #[error("{MAX_WAITING} units wait already: are their ids right?")]
    TooMany,
}

/// A checked update of one unit, where the host has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update<'a> {
    /// One of [`IDENTITIES`].
    field: &'static str,
    value: &'a str,
    pub(super) text: &'a str,
}

impl Update<'_> {
    /// Writes what identifies the unit, as an [`Identity`] has it.
    pub(super) fn name(&self, name: &mut String) {
        name.clear();
        name.push_str(self.field);
        name.push(' ');
        name.push_str(self.value);
    }
}

/// What identifies a unit: one of [`IDENTITIES`], a space, and its value as the host wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity(Arc<str>);

impl Identity {
    /// Returns it as an object, as the host wrote it.
    pub(crate) fn json(&self) -> String {
        let (field, value) = self.0.split_once(' ').unwrap_or_default();
        format!("{{\"{field}\":{value}}}")
    }
}

impl From<&str> for Identity {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl Borrow<str> for Identity {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Checks updates in one pass.
pub(crate) fn parse(updates: &str) -> Result<Vec<Update<'_>>, UnitError> {
    let mut scanner = Scanner::new(updates);
    if scanner.peek() != Some(b'[') {
        return Err(UnitError::Json("expected an array of unit updates".to_owned()));
    }
    let (mut parsed, mut problem) = (Vec::new(), None);
    let scanned = scanner.elements(|scanner, index| {
        match update(scanner)? {
            Ok(update) => parsed.push(update),
            Err(what) => _ = problem.get_or_insert(UnitError::Update { index, problem: what }),
        }
        Ok(())
    });
    scanned
        .and_then(|()| scanner.end())
        .map_err(|error| UnitError::Json(format!("not valid JSON: {error}")))?;
    problem.map_or(Ok(parsed), Err)
}

/// Reads one update. The inner error is about its content.
fn update<'a>(scanner: &mut Scanner<'a>) -> Result<Result<Update<'a>, String>, JsonError> {
    if scanner.peek() != Some(b'{') {
        return scanner.value().map(|_| Err("expected an object".to_owned()));
    }
    let mut identities = [None; IDENTITIES.len()];
    let (mut location, mut problem, mut depth) = (false, None, 1);
    let text = scanner.text_of(|scanner| {
        scanner.members(|scanner, _, key| {
            let name = key.decode();
            let Value { text: value, depth: below, is_place } = value(scanner)?;
            depth = depth.max(1 + below);
            if let Some(expected) = misfit(&name, value, is_place) {
                problem.get_or_insert_with(|| format!("{name}: expected {expected}"));
            }
            location |= name == "location";
            let mut slots = IDENTITIES.iter().zip(&mut identities);
            if let Some((_, slot)) = slots.find(|(identity, _)| **identity == name) {
                *slot = Some(value).filter(|value| *value != "null");
            }
            Ok(())
        })
    })?;
    let mut given = IDENTITIES.iter().zip(identities);
    let unit = given.find_map(|(field, value)| Some((*field, value?)));
    Ok(match (problem, unit) {
        (Some(problem), _) => Err(problem),
        (None, _) if !location => Err("location is missing: expected a string".to_owned()),
        (None, None) => Err(format!("expected one of {}", IDENTITIES.join(", "))),
        (None, _) if text.len() > MAX_UNIT_BYTES => {
            Err(format!("it has {} bytes, and a call has room for {MAX_UNIT_BYTES}", text.len()))
        }
        (None, _) if depth > MAX_DEPTH => {
            Err(format!("it is nested {depth} levels deep, and the hub reads {MAX_DEPTH} of an update"))
        }
        (None, Some((field, value))) => Ok(Update { field, value, text }),
    })
}

/// The value of a field.
struct Value<'a> {
    text: &'a str,
    /// The greatest depth of nested arrays and objects.
    depth: usize,
    /// Whether it is an object whose x, y, z and w, as far as it has them, are numbers.
    is_place: bool,
}

/// Reads a value and, should it be that of `coordinates`, what it has: most of an update is read once.
fn value<'a>(scanner: &mut Scanner<'a>) -> Result<Value<'a>, JsonError> {
    if scanner.peek() != Some(b'{') {
        let (text, depth) = scanner.value_and_depth()?;
        return Ok(Value { text, depth, is_place: false });
    }
    let (mut depth, mut is_place) = (1, true);
    let text = scanner.text_of(|scanner| {
        scanner.members(|scanner, _, key| {
            let (value, below) = scanner.value_and_depth()?;
            depth = depth.max(1 + below);
            is_place &= is_number(value) || !["x", "y", "z", "w"].iter().any(|name| key.is(name));
            Ok(())
        })
    })?;
    Ok(Value { text, depth, is_place })
}

/// Returns what is expected of a documented field, if the value is something else. Unknown fields pass.
fn misfit(name: &str, value: &str, is_place: bool) -> Option<&'static str> {
    let null = value == "null";
    let text = value.starts_with('"') && value.len() > 2;
    let (fits, expected) = match name {
        "location" => (value.starts_with('"'), "a string"),
        "roblox" => (null || is_number(value), "a number"),
        "communityUserId" | "apiId" | "identId" => {
            (null || text || is_number(value), "a non-empty string, or a number")
        }
        "coordinates" => (null || is_place, "an object with the numbers x, y and z, and optionally w"),
        "vehicle" => (null || value.starts_with('{'), "an object"),
        _ => return None,
    };
    (!fits).then_some(expected)
}

fn is_number(value: &str) -> bool {
    value.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}
