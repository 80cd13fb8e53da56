//! A validating JSON scanner that finds values in text without copying it.
//!
//! One pass over a record checks its grammar and finds the envelope's fields and the few members of the
//! payload that matter. Every byte of the payload stays as it is. Nesting costs one bit per level and no
//! stack, so that no input can overflow the stack.

use std::borrow::Cow;

/// Where and why text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct JsonError {
    at: usize,
    what: &'static str,
}

/// The raw content of a JSON string, between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Decodes the escapes. An unpaired surrogate becomes U+FFFD.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        // room for a NUL, so that an event made from this text is not reallocated
        let mut out = String::with_capacity(self.raw.len() + 1);
        let mut rest = self.raw;
        while let Some((plain, tail)) = rest.split_once('\\') {
            out.push_str(plain);
            let mut chars = tail.chars();
            match chars.next() {
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('u') => {
                    let (character, after) = unicode_escape(chars.as_str());
                    out.push(character);
                    rest = after;
                    continue;
                }
                Some(other) => out.push(other),
                None => {}
            }
            rest = chars.as_str();
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// Whether the decoded string equals `text`.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped { self.decode() == text } else { self.raw == text }
    }
}

/// Reads what follows `\u`. Returns the character and the rest.
fn unicode_escape(text: &str) -> (char, &str) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let after = |text: &'_ str, bytes: usize| -> usize { bytes.min(text.len()) };
    let Some(first) = unit(text) else { return (char::REPLACEMENT_CHARACTER, "") };
    let rest = text.get(after(text, 4)..).unwrap_or_default();
    let second = rest.strip_prefix("\\u").and_then(unit);
    match char::decode_utf16([first].into_iter().chain(second)).next() {
        Some(Ok(character)) if character.len_utf16() == 2 => {
            (character, rest.get(after(rest, 6)..).unwrap_or_default())
        }
        Some(Ok(character)) => (character, rest),
        _ => (char::REPLACEMENT_CHARACTER, rest),
    }
}

/// A value and, if it is an object, its members of two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picked<'a> {
    /// The value's text.
    pub(crate) text: &'a str,
    /// The value of the first member with each name.
    pub(crate) members: [Option<&'a str>; 2],
    /// Whether a name occurs more than once.
    pub(crate) repeated: bool,
}

/// A position in text.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the first byte of the next token without moving past it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.byte()
    }

    /// Moves past one value of any kind and returns its text.
    pub(crate) fn value(&mut self) -> Result<&'a str, JsonError> {
        self.value_and_depth().map(|(value, _)| value)
    }

    /// The same, with the greatest depth of nested arrays and objects.
    pub(crate) fn value_and_depth(&mut self) -> Result<(&'a str, usize), JsonError> {
        self.space();
        let start = self.at;
        let depth = self.skip_value()?;
        Ok((self.since(start), depth))
    }

    /// Moves past one value and picks its members of the two names.
    pub(crate) fn pick(&mut self, names: [&str; 2]) -> Result<Picked<'a>, JsonError> {
        let mut picked = Picked { text: "", members: [None; 2], repeated: false };
        if self.peek() != Some(b'{') {
            picked.text = self.value()?;
            return Ok(picked);
        }
        let object = self.at;
        self.members(|scanner, _, key| {
            let value = scanner.value()?;
            for (name, slot) in names.iter().zip(&mut picked.members) {
                if key.is(name) {
                    picked.repeated |= slot.is_some();
                    slot.get_or_insert(value);
                }
            }
            Ok(())
        })?;
        picked.text = self.since(object);
        Ok(picked)
    }

    /// Moves past an object. Calls `each` with the offset of each key and the key; `each` has to move past
    /// the value.
    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, usize, Text<'a>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.expect(b'{', "expected an object")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            self.expect(b':', "expected a colon")?;
            each(self, start, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("expected a comma or the end of the object"),
            }
        }
    }

    /// Moves past an array. Calls `each` with the index of each element; `each` has to move past the element.
    pub(crate) fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.expect(b'[', "expected an array")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            each(self, index)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("expected a comma or the end of the array"),
            }
        }
        Ok(())
    }

    /// Moves past a string and returns its content.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, JsonError> {
        self.space();
        let start = self.at + 1;
        let escaped = self.skip_string()?;
        let raw = self.text.get(start..self.at - 1).unwrap_or_default();
        Ok(Text { raw, escaped })
    }

    /// Moves past the string that starts here. Returns whether it has escapes.
    #[inline]
    fn skip_string(&mut self) -> Result<bool, JsonError> {
        if self.byte() != Some(b'"') {
            return self.fail("expected a string");
        }
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_length(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => return self.fail("a raw control character in a string"),
                None => return self.fail("a string without end"),
            }
        }
    }

    /// Returns the text that `scan` moves past.
    pub(crate) fn text_of(
        &mut self,
        scan: impl FnOnce(&mut Self) -> Result<(), JsonError>,
    ) -> Result<&'a str, JsonError> {
        self.space();
        let start = self.at;
        scan(self)?;
        Ok(self.since(start))
    }

    /// Moves past exactly this text, if it comes next. Returns whether it did.
    pub(crate) fn skip_text(&mut self, text: &str) -> bool {
        let is_next =
            self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()));
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Succeeds if only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { self.fail("unexpected text after the value") }
    }

    fn skip_value(&mut self) -> Result<usize, JsonError> {
        let mut open = Nesting::default();
        loop {
            self.space();
            match self.byte() {
                Some(b'"') => _ = self.skip_string()?,
                Some(b'{') => {
                    self.at += 1;
                    open.push(true);
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    open.push(false);
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b't') => self.literal("true")?,
                Some(b'f') => self.literal("false")?,
                Some(b'n') => self.literal("null")?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => return self.fail("expected a value"),
            }
            // a value has ended, or an empty container has begun: close what ends here, up to the next value
            loop {
                let Some(in_object) = open.top() else { return Ok(open.deepest) };
                match (self.peek(), in_object) {
                    (Some(b','), false) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b','), true) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return self.fail("expected a comma or the end of the object or array"),
                }
            }
        }
    }

    fn key(&mut self) -> Result<(), JsonError> {
        self.space();
        self.skip_string()?;
        self.expect(b':', "expected a colon")
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
                if digits.len() != 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return self.fail("expected four hexadecimal digits");
                }
                self.at += 4;
            }
            _ => return self.fail("an unknown escape in a string"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fail("expected a digit") } else { Ok(()) }
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if self.skip_text(word) { Ok(()) } else { self.fail("expected true, false or null") }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fail(what)
        }
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, what })
    }
}

/// The number of bytes before the next quote, backslash or control character.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    // most strings are short and end within the first words
    let mut length = 0;
    for word in text.chunks_exact(8).take(4) {
        let found = special_bytes(word);
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    plain_length_beyond(text, length)
}

/// The same for text whose first `length` bytes are plain: a block at a time, so that the compiler can
/// vectorise it.
#[inline(never)]
fn plain_length_beyond(text: &[u8], length: usize) -> usize {
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let is_plain = |block: &&[u8]| !block.iter().fold(false, |any, byte| any | special(byte));
    let rest = text.get(length..).unwrap_or_default();
    let length = length + 64 * rest.chunks_exact(64).take_while(is_plain).count();
    let rest = text.get(length..).unwrap_or_default();
    length + rest.iter().position(special).unwrap_or(rest.len())
}

/// Sets the high bit of each of the eight bytes that ends plain text. A borrow can mark further bytes above
/// the first match, never below it.
#[inline]
fn special_bytes(word: &[u8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes);
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero_byte(word ^ (ONES * u64::from(b'"')));
    let backslash = zero_byte(word ^ (ONES * u64::from(b'\\')));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGH
}

/// The open containers: one bit each, set for an object.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    deepest: usize,
    last: u64,
    full: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.full.push(self.last);
        }
        self.last = (self.last << 1) | u64::from(object);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.last >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.last = self.full.pop().unwrap_or_default();
        }
    }

    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.last & 1 == 1)
    }
}

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
            gap = Some(scanner.at);
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
