//! What the fuzz targets do with an input. Each panics over a broken promise. `cargo test` runs the seeds through
//! them; `calls`, which needs the C functions alone, is in `tests/support`.

mod connection;
mod options;
mod records;

use serde_json::value::RawValue;

pub use connection::connection;
pub use options::options;
pub use records::records;

/// Whether a text is JSON, by a parser that the library does not use for it. It has no limit of depth.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether a text is a JSON value that begins with this byte.
fn is_json_from(text: &str, first: u8) -> bool {
    let begin = text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first();
    begin == Some(&first) && is_json(text)
}

#[cfg(test)]
mod tests;
