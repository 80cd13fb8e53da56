//! A validating JSON scanner that finds values in text without copying it.
//!
//! One pass over a record checks its grammar and finds the envelope's fields and the few members of the
//! payload that matter. Every byte of the payload stays as it is. Nesting costs one bit per level and no
//! stack, so that no input can overflow the stack.

mod compact;
mod decode;
mod plain;
mod scanner;

pub(crate) use scanner::{JsonError, Picked, Scanner, Text};

/// Returns an object's text without its members of this name, in one pass however many there are.
pub(crate) fn without(object: &str, name: &str) -> String {
    let mut text = String::with_capacity(object.len() + 1);
    let slice = |from: usize, to: usize| object.get(from..to).unwrap_or_default();
    let mut copied = 0;
    // the end of an omitted member that nothing follows yet
    let mut gap = None;
    let walked = Scanner::new(object).members(|scanner, start, key| {
        scanner.value()?;
        if gap.take().is_some() {
            copied = start;
        }
        if key.is(name) {
            text.push_str(slice(copied, start));
            copied = start;
            gap = Some(scanner.at());
        }
        Ok(())
    });
    debug_assert!(walked.is_ok(), "the text was read before");
    if let Some(end) = gap {
        text.truncate(text.trim_end().len());
        if text.ends_with(',') {
            text.pop();
        }
        copied = end;
    }
    text.push_str(slice(copied, object.len()));
    text
}

/// Returns the text as a JSON string, quotes included.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
