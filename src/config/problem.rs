//! How a wrong option is described.

use serde_json::Value;

use crate::error::Error;

/// An error that names the option.
pub(super) fn wrong(key: &str, problem: impl Into<String>) -> Error {
    Error::Option { key: quoted(key), problem: problem.into() }
}

/// Text from the host, made fit for a message: quoted, escaped and cut.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(64).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

/// What a value of the host is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
