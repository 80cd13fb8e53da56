//! Records, cut into chunks anywhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use super::oracle::{is_json, is_json_from};
use crate::config::{EventKey, Timing};
use crate::link::push;
use crate::signalr::{Chunk, Connection, Step};

/// What a connection makes of its input: its steps, and the error that ends it.
type Reading = (Vec<String>, Option<String>);

/// The input is what a hub sends after its handshake. However it is cut, it means the same; each record is taken for
/// JSON if it is JSON; and each push becomes an event that a host can read.
pub fn records(input: &[u8]) {
    let whole = read([input]);
    assert_eq!(read(input.chunks(1)), whole, "byte by byte");
    for (first, rest) in [1, 2, 3].map(|part| input.split_at(input.len() * part / 4)) {
        assert_eq!(read([first, rest]), whole, "cut at {}", first.len());
    }
    for record in input.split(|byte| *byte == 0x1e) {
        read_alone(record);
    }
}

fn open() -> Connection {
    let second = Duration::from_secs(1);
    let timing = Timing { handshake: second, keep_alive: second, server_timeout: second };
    let (now, mut whole) = (Instant::now(), Vec::new());
    let mut connection = Connection::new(now, timing, 1 << 20, push::METHOD);
    let opened = connection.next(now, &mut Chunk::Text("{}\u{1e}"), &mut whole);
    assert!(matches!(opened, Ok(Some(Step::Opened))), "{opened:?}");
    connection
}

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let (mut connection, now) = (open(), Instant::now());
    let mut steps = Vec::new();
    for chunk in chunks {
        let mut input = std::str::from_utf8(chunk).map_or(Chunk::Binary(chunk), Chunk::Text);
        let mut whole = Vec::new();
        loop {
            match connection.next(now, &mut input, &mut whole) {
                Ok(Some(step)) => steps.push(format!("{step:?}")),
                Ok(None) => break,
                Err(error) => return (steps, Some(error.to_string())),
            }
        }
    }
    (steps, None)
}

/// Reads one record on a connection of its own, and compares with another parser of JSON.
fn read_alone(record: &[u8]) {
    let (mut connection, ended) = (open(), [record, &[0x1e]].concat());
    let (mut input, mut whole) = (Chunk::Binary(&ended), Vec::new());
    let step = connection.next(Instant::now(), &mut input, &mut whole);
    let Ok(text) = std::str::from_utf8(record) else {
        assert!(step.is_err(), "taken for text: {record:?}");
        return;
    };
    let refused = step.as_ref().is_err_and(|error| error.to_string().contains("a record is not JSON"));
    assert_eq!(refused, !text.is_empty() && !is_json_from(text, b'{'), "{step:?} from {text}");
    if let Ok(Some(Step::Called(arguments))) = step {
        assert!(is_json_from(arguments.text, b'['), "{}", arguments.text);
        for (kept, stripped) in push::events(arguments.clone()).zip(push::events(arguments)) {
            check_event(&kept.text(EventKey::Keep), &stripped.text(EventKey::Strip));
        }
    }
}

fn check_event(kept: &str, stripped: &str) {
    for text in [kept, stripped] {
        assert!(is_json(text) && text.starts_with('{') && text.ends_with('}'), "no object: {text}");
    }
    // the other parser refuses half a surrogate pair in a name, which JSON's grammar allows
    let members = |text| serde_json::from_str::<BTreeMap<String, &RawValue>>(text).ok();
    let (Some(kept), Some(stripped)) = (members(kept), members(stripped)) else { return };
    let kind = |members: &BTreeMap<String, &RawValue>| {
        serde_json::from_str::<String>(members.get("type").map_or("", |kind| kind.get())).ok()
    };
    assert_eq!(kind(&kept), kind(&stripped));
    assert!(!stripped.contains_key("key"), "{stripped:?}");
    let reserved = kind(&kept).is_some_and(|kind| kind.to_ascii_uppercase().starts_with("SESSION_"));
    assert!(!reserved || kept.contains_key("arguments") && kept.contains_key("code"), "{kept:?}");
}
