//! The option `types`: which pushes a session wants.

use serde_json::Value;

use super::problem::{kind, quoted, wrong};
use crate::error::Error;

/// The option's name.
const KEY: &str = "types";

/// The start of the library's own types, of which only a wrapped push can be left out.
const OWN: &str = "SESSION_";
const WRAPPED: &str = "SESSION_PUSH";

/// The types of pushes that a session wants. Letter case makes no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Types {
    /// Only these, unless there are none.
    only: Vec<String>,
    /// All but these.
    without: Vec<String>,
}

impl Types {
    /// Reads the option: an array of types, each with a `!` before it if it is to be left out.
    pub(super) fn read(value: Option<Value>) -> Result<Self, Error> {
        let given = match value {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Array(given)) => given,
            Some(other) => {
                return Err(wrong(KEY, format!("{}: expected an array of event types", kind(&other))));
            }
        };
        if given.is_empty() {
            return Err(wrong(KEY, "empty: expected at least one event type, or leave it out"));
        }
        let mut types = Self::default();
        for (at, value) in given.into_iter().enumerate() {
            let Value::String(name) = value else {
                return Err(wrong(KEY, format!("[{at}] is {}: expected an event type", kind(&value))));
            };
            let (name, is_left_out) = name.strip_prefix('!').map_or((&*name, false), |name| (name, true));
            check(at, name)?;
            let (list, other) = match is_left_out {
                true => (&mut types.without, &types.only),
                false => (&mut types.only, &types.without),
            };
            if contains(other, name) {
                let problem = format!("{} is both wanted and left out: expected one of them", quoted(name));
                return Err(wrong(KEY, problem));
            }
            list.push(name.to_owned());
        }
        Ok(types)
    }

    /// Whether every push is wanted.
    pub(crate) fn are_all(&self) -> bool {
        self.only.is_empty() && self.without.is_empty()
    }

    /// Whether pushes of this type are wanted.
    pub(crate) fn include(&self, name: &str) -> bool {
        (self.only.is_empty() || contains(&self.only, name)) && !contains(&self.without, name)
    }
}

fn check(at: usize, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(wrong(KEY, format!("[{at}] is empty: expected an event type")));
    }
    let is_own = name.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN));
    if is_own && !name.eq_ignore_ascii_case(WRAPPED) {
        let problem = format!(
            "{}: of the library's own events, which always come, only {WRAPPED} can be chosen",
            quoted(name)
        );
        return Err(wrong(KEY, problem));
    }
    Ok(())
}

fn contains(list: &[String], name: &str) -> bool {
    list.iter().any(|one| one.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn types(given: Value) -> Types {
        Types::read(Some(given)).unwrap()
    }

    #[test]
    fn types_are_wanted_or_left_out_in_any_letter_case() {
        for (given, wanted, unwanted) in [
            (json!(null), &["EVENT_911", "SESSION_PUSH"][..], &[][..]),
            (
                json!(["EVENT_911", "x"]),
                &["EVENT_911", "event_911", "X"],
                &["EVENT_9111", "", "SESSION_PUSH"],
            ),
            (json!(["!event_911"]), &["EVENT_CALL", "SESSION_PUSH"], &["EVENT_911", "Event_911"]),
            (json!(["A", "!B"]), &["A"], &["B", "C"]),
            (json!(["session_push"]), &["SESSION_PUSH"], &["EVENT_911"]),
            (json!(["!SESSION_PUSH"]), &["EVENT_911"], &["SESSION_PUSH"]),
        ] {
            let types = types(given.clone());
            assert!(wanted.iter().all(|name| types.include(name)), "{given}");
            assert!(!unwanted.iter().any(|name| types.include(name)), "{given}");
            assert_eq!(types.are_all(), given.is_null());
        }
    }
}
