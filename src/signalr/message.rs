//! Parses records into messages, and writes messages as records.

use std::borrow::Cow;

use super::error::Error;
use crate::json::{JsonError, Picked, Scanner, Text, quote};

/// A method of ours that the hub may call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// How ASP.NET Core's record of a call begins, up to the arguments.
    pub(crate) plain_call: &'static str,
    /// Members of its first argument, picked in the same pass that checks the record.
    pub(crate) fields: [&'static str; 2],
}

/// The arguments of the hub's call.
#[derive(Debug, Clone)]
pub(crate) struct Arguments<'a> {
    /// The whole array, as the hub wrote it.
    pub(crate) text: &'a str,
    /// The first argument and its picked members.
    pub(crate) first: Option<Picked<'a>>,
    /// Their number.
    pub(crate) count: usize,
}

/// A message from the hub.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// A call of one of our methods. If it has an id, the hub waits for an answer.
    Invocation { id: Option<&'a str>, target: Cow<'a, str>, arguments: Arguments<'a> },
    /// An item of a stream. None of our calls asks for one.
    StreamItem { id: Cow<'a, str> },
    /// The answer to a call of ours: the result as the hub wrote it, if any, or the error.
    Completion { id: Cow<'a, str>, outcome: Result<Option<&'a str>, Cow<'a, str>> },
    /// A sign of life.
    Ping,
    /// The hub ends the connection.
    Close { error: Option<Cow<'a, str>>, allow_reconnect: bool },
    /// Any other type.
    Other,
}

/// A field of the envelope that should be a string.
#[derive(Debug, Clone, Copy, Default)]
enum Field<'a> {
    #[default]
    Absent,
    /// The string, and its raw text with quotes.
    Text(Text<'a>, &'a str),
    Other(&'a str),
}

impl<'a> Field<'a> {
    /// Reads a field; null counts as absent.
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, JsonError> {
        if scanner.peek() == Some(b'"') {
            let mut text = None;
            let quoted = scanner.text_of(|scanner| {
                text = Some(scanner.string()?);
                Ok(())
            })?;
            return Ok(text.map_or(Self::Absent, |text| Self::Text(text, quoted)));
        }
        let value = scanner.value()?;
        Ok(if value == "null" { Self::Absent } else { Self::Other(value) })
    }
}

#[derive(Debug, Default)]
struct Envelope<'a> {
    kind: Option<&'a str>,
    target: Field<'a>,
    id: Field<'a>,
    error: Field<'a>,
    result: Option<&'a str>,
    item: bool,
    allow_reconnect: bool,
    arguments: Option<Arguments<'a>>,
}

/// Reads the call of this method that `text` begins with, if it has exactly the form in which ASP.NET Core writes it.
/// Returns its arguments and its length. `None` says nothing of other forms.
pub(crate) fn plain_call<'a>(text: &'a str, method: &Method) -> Option<(Arguments<'a>, usize)> {
    let mut scanner = Scanner::new(text);
    scanner.skip_text(method.plain_call).then_some(())?;
    let arguments = arguments(&mut scanner, method.fields).ok()?;
    scanner.skip_text("}").then(|| (arguments, scanner.at()))
}

/// Reads one record. If a key occurs twice, the last one counts. Unknown keys and `headers` are ignored.
/// The method's fields are picked from a call's first argument.
pub(crate) fn parse<'a>(record: &'a str, method: &Method) -> Result<Message<'a>, Error> {
    let envelope = envelope(record, method.fields)
        .map_err(|error| protocol(format_args!("a record is not JSON: {error}")))?;
    let Some(kind) = envelope.kind else { return Err(protocol("a record has no type")) };
    if !kind.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Err(protocol("a record's type is no whole number"));
    }
    match kind {
        "1" => envelope.invocation(),
        "2" if !envelope.item => Err(protocol("a stream item has no item")),
        "2" => Ok(Message::StreamItem { id: envelope.required_id()? }),
        "3" => envelope.completion(),
        "6" => Ok(Message::Ping),
        "7" => {
            Ok(Message::Close { error: envelope.close_error(), allow_reconnect: envelope.allow_reconnect })
        }
        _ => Ok(Message::Other),
    }
}

fn envelope<'a>(record: &'a str, fields: [&str; 2]) -> Result<Envelope<'a>, JsonError> {
    let mut scanner = Scanner::new(record);
    let mut envelope = Envelope::default();
    scanner.members(|scanner, _, key| {
        match &*key.decode() {
            "arguments" if scanner.peek() == Some(b'[') => {
                envelope.arguments = Some(arguments(scanner, fields)?);
            }
            "arguments" => {
                envelope.arguments = None;
                scanner.value()?;
            }
            "type" => envelope.kind = Some(scanner.value()?),
            "target" => envelope.target = Field::read(scanner)?,
            "invocationId" => envelope.id = Field::read(scanner)?,
            "error" => envelope.error = Field::read(scanner)?,
            "result" => envelope.result = Some(scanner.value()?),
            "allowReconnect" => envelope.allow_reconnect = scanner.value()? == "true",
            name => {
                envelope.item |= name == "item";
                scanner.value()?;
            }
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(envelope)
}

fn arguments<'a>(scanner: &mut Scanner<'a>, fields: [&str; 2]) -> Result<Arguments<'a>, JsonError> {
    let mut arguments = Arguments { text: "", first: None, count: 0 };
    arguments.text = scanner.text_of(|scanner| {
        scanner.elements(|scanner, index| {
            if index == 0 {
                arguments.first = Some(scanner.pick(fields)?);
            } else {
                scanner.value()?;
            }
            arguments.count = index + 1;
            Ok(())
        })
    })?;
    Ok(arguments)
}

impl<'a> Envelope<'a> {
    fn invocation(self) -> Result<Message<'a>, Error> {
        let id = match self.id {
            Field::Absent => None,
            Field::Text(_, quoted) => Some(quoted),
            Field::Other(_) => return Err(protocol("a call's invocationId is no string")),
        };
        let target = match self.target {
            Field::Text(text, _) => text.decode(),
            _ => return Err(protocol("a call's target is no string")),
        };
        if target.is_empty() {
            return Err(protocol("a call's target is empty"));
        }
        let Some(arguments) = self.arguments else {
            return Err(protocol(format_args!("the call of {target:?} has no array of arguments")));
        };
        Ok(Message::Invocation { id, target, arguments })
    }

    fn completion(self) -> Result<Message<'a>, Error> {
        let id = self.required_id()?;
        let outcome = match (self.error, self.result) {
            (Field::Absent, result) => Ok(result),
            (Field::Text(text, _), None) => Err(text.decode()),
            (Field::Other(_), None) => return Err(protocol("a completion's error is no string")),
            (_, Some(_)) => return Err(protocol("a completion has a result and an error")),
        };
        Ok(Message::Completion { id, outcome })
    }

    fn close_error(&self) -> Option<Cow<'a, str>> {
        match self.error {
            Field::Absent => None,
            Field::Text(text, _) => Some(text.decode()),
            Field::Other(value) => Some(Cow::Borrowed(value)),
        }
    }

    fn required_id(&self) -> Result<Cow<'a, str>, Error> {
        match self.id {
            Field::Text(text, _) => Ok(text.decode()),
            _ => Err(protocol("an answer has no invocationId")),
        }
    }
}

/// Reads the hub's answer to the handshake. Returns why it refuses, if it does.
pub(crate) fn parse_handshake(record: &str) -> Result<Option<String>, Error> {
    let mut scanner = Scanner::new(record);
    let (mut refused, mut message) = (None, false);
    let parsed = scanner.members(|scanner, _, key| {
        if key.is("error") {
            refused = match Field::read(scanner)? {
                Field::Absent => None,
                Field::Text(text, _) => Some(text.decode().into_owned()),
                Field::Other(value) => Some(value.to_owned()),
            };
        } else {
            message |= key.is("type");
            scanner.value()?;
        }
        Ok(())
    });
    match parsed.and_then(|()| scanner.end()) {
        Err(error) => Err(protocol(format_args!("its answer to the handshake is no JSON object: {error}"))),
        Ok(()) if message => Err(protocol("it sent a message where its answer to the handshake was due")),
        Ok(()) => Ok(refused),
    }
}

fn protocol(what: impl std::fmt::Display) -> Error {
    Error::Protocol(what.to_string())
}

/// The first record of a connection. Servers of every age accept version 1.
pub(crate) fn handshake() -> String {
    "{\"protocol\":\"json\",\"version\":1}\u{1e}".to_owned()
}

pub(crate) fn ping() -> String {
    "{\"type\":6}\u{1e}".to_owned()
}

pub(crate) fn close() -> String {
    "{\"type\":7}\u{1e}".to_owned()
}

/// A call that the hub answers. `arguments` is a JSON array.
pub(crate) fn invocation(id: u32, target: &str, arguments: &str) -> String {
    let target = quote(target);
    format!("{{\"type\":1,\"invocationId\":\"{id}\",\"target\":{target},\"arguments\":{arguments}}}\u{1e}")
}

/// The answer to a call of the hub. `id` is the string as the hub wrote it, quotes included.
pub(crate) fn completion(id: &str, handled: bool) -> String {
    let outcome = if handled { "\"result\":null" } else { "\"error\":\"Client didn't provide a result.\"" };
    format!("{COMPLETION},\"invocationId\":{id},{outcome}}}\u{1e}")
}

/// Whether a record of ours answers a call of the hub.
pub(crate) fn is_completion(record: &str) -> bool {
    record.starts_with(COMPLETION)
}

/// The start of an answer to the hub's call.
const COMPLETION: &str = "{\"type\":3";

/// Returns the arguments of the call in this record.
#[cfg(test)]
pub(crate) fn test_arguments<'a>(record: &'a str, method: &Method) -> Arguments<'a> {
    match parse(record, method) {
        Ok(Message::Invocation { arguments, .. }) => arguments,
        other => panic!("{other:?}"),
    }
}
