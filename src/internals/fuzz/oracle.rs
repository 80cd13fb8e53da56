//! What another parser says.

use serde_json::value::RawValue;

/// Whether a text is JSON, by a parser that the library does not use for it. It has no limit of depth.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether a text is a JSON value that begins with this byte.
pub(super) fn is_json_from(text: &str, first: u8) -> bool {
    let begin = text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first();
    begin == Some(&first) && is_json(text)
}
