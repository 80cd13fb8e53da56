//! SignalR's JSON protocol from the server's side: text in, text out, no sockets and no clock.

use std::{collections::HashMap, fmt::Write as _};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Ends every record.
pub(crate) const SEPARATOR: char = '\u{1e}';
pub(crate) const PING: &str = "{\"type\":6}\u{1e}";
pub(crate) const CLOSE: &str = "{\"type\":7}\u{1e}";
pub(crate) const CLOSE_WITH_ERROR: &str =
    "{\"type\":7,\"error\":\"Connection closed with an error.\",\"allowReconnect\":true}\u{1e}";
pub(crate) const HANDSHAKE_ACCEPTED: &str = "{}\u{1e}";
pub(crate) const HANDSHAKE_CANCELED: &str = "Handshake was canceled.";

/// The client violated the protocol. The server closes without saying why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A client's record, as far as it concerns a server.
#[derive(Debug)]
pub(crate) enum Record {
    Invocation(Invocation),
    Completion {
        id: String,
        outcome: Result<Option<Box<RawValue>>, String>,
    },
    Ping,
    Close,
    /// Well-formed, but meaningless to a hub that neither streams nor resumes.
    Ignored,
    /// A type that no version knows. ASP.NET's parser never gets past it.
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Invocation {
    /// Absent if the client wants no answer.
    pub(crate) id: Option<String>,
    pub(crate) target: String,
    pub(crate) arguments: Vec<Box<RawValue>>,
    pub(crate) streaming: bool,
}

/// Returns the first record in `buffer`, without its separator, if it is complete.
pub(crate) fn first_record(buffer: &[u8], limit: usize) -> Result<Option<&[u8]>, Malformed> {
    let within = &buffer[..buffer.len().min(limit)];
    match within.iter().position(|&byte| byte == SEPARATOR as u8) {
        Some(end) => Ok(Some(&buffer[..end])),
        None if buffer.len() > limit => Err(Malformed),
        None => Ok(None),
    }
}

/// Checks a handshake request. The error is the server's answer.
pub(crate) fn check_handshake(record: &[u8]) -> Result<(), String> {
    let unexpected = |_| "An unexpected error occurred during connection handshake.".to_owned();
    let fields = Fields::parse(record).map_err(unexpected)?;
    let protocol: String = fields.required("protocol").map_err(unexpected)?;
    let version: i32 = fields.required("version").map_err(unexpected)?;
    if !protocol.eq_ignore_ascii_case("json") {
        return Err(format!("The protocol '{protocol}' is not supported."));
    }
    if version > 2 {
        return Err(format!("The server does not support version {version} of the 'json' protocol."));
    }
    Ok(())
}

pub(crate) fn parse(record: &[u8]) -> Result<Record, Malformed> {
    let fields = Fields::parse(record)?;
    let kind: i32 = fields.required("type")?;
    // ASP.NET checks the properties that it knows in every record, whatever its type.
    let id: Option<String> = fields.optional("invocationId")?;
    let target: Option<String> = fields.optional("target")?;
    let error: Option<String> = fields.optional("error")?;
    fields.optional::<HashMap<String, String>>("headers")?;
    fields.optional::<Vec<String>>("streamIds")?;
    fields.optional::<bool>("allowReconnect")?;
    fields.optional::<i64>("sequenceId")?;

    let known = |id: Option<String>| id.filter(|id| !id.is_empty()).ok_or(Malformed);
    match kind {
        1 | 4 => {
            let streaming = kind == 4;
            let arguments = fields.required("arguments")?;
            let target = target.ok_or(Malformed)?;
            let id = if streaming { Some(known(id)?) } else { id.filter(|id| !id.is_empty()) };
            Ok(Record::Invocation(Invocation { id, target, arguments, streaming }))
        }
        2 => fields.raw("item").ok_or(Malformed).and_then(|_| known(id)).map(|_| Record::Ignored),
        3 => {
            let id = known(id)?;
            let outcome = match (error, fields.raw("result")) {
                (Some(_), Some(_)) => return Err(Malformed),
                (Some(error), None) => Err(error),
                (None, result) => Ok(result.map(ToOwned::to_owned)),
            };
            Ok(Record::Completion { id, outcome })
        }
        5 => known(id).map(|_| Record::Ignored),
        6 => Ok(Record::Ping),
        7 => Ok(Record::Close),
        8 | 9 => Ok(Record::Ignored),
        _ => Ok(Record::Unknown),
    }
}

/// A JSON object's properties with their text untouched. The last duplicate counts.
struct Fields<'a>(HashMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    fn parse(record: &'a [u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(record).map(Self).map_err(|_| Malformed)
    }

    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    /// A property that is present must have the right type; `null` counts as present.
    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Malformed> {
        let parse = |raw: &RawValue| serde_json::from_str(raw.get()).map_err(|_| Malformed);
        self.raw(name).map(parse).transpose()
    }

    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, Malformed> {
        self.optional(name)?.ok_or(Malformed)
    }
}

pub(crate) fn handshake_refused(error: &str) -> String {
    format!("{{\"error\":{}}}{SEPARATOR}", quoted(error))
}

/// An invocation of the client's `target`. `arguments` is a JSON array without its brackets.
pub(crate) fn invocation(id: Option<&str>, target: &str, arguments: &str) -> String {
    let mut record = String::with_capacity(arguments.len() + 64);
    record.push_str("{\"type\":1,");
    if let Some(id) = id {
        // Writing to a string cannot fail.
        let _ = write!(record, "\"invocationId\":{},", quoted(id));
    }
    let _ = write!(record, "\"target\":{},\"arguments\":[{arguments}]}}{SEPARATOR}", quoted(target));
    record
}

/// The answer to a call: its result as JSON text, or the error.
pub(crate) fn completion(id: &str, outcome: Result<String, String>) -> String {
    let id = quoted(id);
    match outcome {
        Ok(result) => format!("{{\"type\":3,\"invocationId\":{id},\"result\":{result}}}{SEPARATOR}"),
        Err(error) => format!("{{\"type\":3,\"invocationId\":{id},\"error\":{}}}{SEPARATOR}", quoted(&error)),
    }
}

/// Returns `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns `json` without whitespace between tokens.
pub(crate) fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |&character: &char| {
        if escaped {
            escaped = false;
        } else if in_string && character == '\\' {
            escaped = true;
        } else if character == '"' {
            in_string = !in_string;
        }
        in_string || !matches!(character, ' ' | '\t' | '\r' | '\n')
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_touches_nothing_inside_strings() {
        assert_eq!(
            compact("{ \"a b\" : [ 1e400 ,\t\"\\\" \\\\\" , \"x\" ]\r\n}"),
            "{\"a b\":[1e400,\"\\\" \\\\\",\"x\"]}"
        );
    }

    #[test]
    fn a_record_may_be_as_long_as_the_limit_with_its_separator() {
        assert_eq!(first_record(b"abc\x1edef", 4), Ok(Some(&b"abc"[..])));
        assert_eq!(first_record(b"abcd\x1e", 4), Err(Malformed));
        assert_eq!(first_record(b"abcd", 4), Ok(None));
    }

    #[test]
    fn of_duplicate_properties_the_last_one_counts() {
        let record = parse(br#"{"type":6,"target":"a","target":"b","arguments":[],"type":1}"#);
        assert!(matches!(record, Ok(Record::Invocation(call)) if call.target == "b" && call.id.is_none()));
    }
}
