//! Walks through JSON text.

use std::borrow::Cow;

use super::compact;
use super::decode::{decode, escape_length};
use super::plain::plain_length;

/// Where and why text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct JsonError {
    at: usize,
    what: &'static str,
}

/// A JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// Between its quotes.
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Decodes the escapes. An unpaired surrogate becomes U+FFFD.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let decoded = decode(self.raw.as_bytes());
        debug_assert!(decoded.is_ok(), "the text was read before");
        Cow::Owned(decoded.map(|(meant, _)| meant).unwrap_or_default())
    }

    /// Whether the decoded string equals `text`.
    #[inline]
    pub(crate) fn is(self, text: &str) -> bool {
        if self.escaped { self.decode() == text } else { self.raw == text }
    }
}

/// A value and, if it is an object, its members of two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picked<'a> {
    /// The value's text.
    pub(crate) text: &'a str,
    /// The value of the first member with each name.
    pub(crate) members: [Option<&'a str>; 2],
    /// Whether a name occurs more than once.
    pub(crate) repeated: bool,
    /// What a string means.
    pub(crate) content: Option<Cow<'a, str>>,
}

/// Pick from an object with more members one by one.
const MAX_PICKED: usize = 16;

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
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        // what machines write has no space
        let byte = self.byte();
        if byte.is_some_and(|byte| byte > b' ') {
            return byte;
        }
        self.at = end_of_space(self.text.as_bytes(), self.at);
        self.byte()
    }

    /// Moves past one value of any kind and returns its text.
    pub(crate) fn value(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        match self.compact_length() {
            Some(length) => self.at += length,
            None => self.skip_value(|_| ())?,
        }
        Ok(self.since(start))
    }

    /// The length of the array or object that begins here, if it is written without white space.
    #[inline]
    fn compact_length(&self) -> Option<usize> {
        compact::read::<false>(self.text.as_bytes().get(self.at..)?, |_| ()).map(|found| found.length)
    }

    /// The same, with the greatest depth of nested arrays and objects.
    pub(crate) fn value_and_depth(&mut self) -> Result<(&'a str, usize), JsonError> {
        self.peek();
        let start = self.at;
        let mut deepest = 0;
        self.skip_value(|depth| deepest = deepest.max(depth))?;
        Ok((self.since(start), deepest))
    }

    /// Moves past one value and picks its members of the two names.
    pub(crate) fn pick(&mut self, names: [&str; 2]) -> Result<Picked<'a>, JsonError> {
        let mut picked = Picked { text: "", members: [None; 2], repeated: false, content: None };
        let first = self.peek();
        let start = self.at;
        if first != Some(b'{') {
            match first {
                Some(b'"') => picked.content = Some(self.content()?),
                _ => self.skip_value(|_| ())?,
            }
            picked.text = self.since(start);
            return Ok(picked);
        }
        if let Some(picked) = self.pick_compact(names) {
            self.at += picked.text.len();
            return Ok(picked);
        }
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
        picked.text = self.since(start);
        Ok(picked)
    }

    /// Picks members of an object that is written without white space and escapes, and has few members.
    #[inline]
    fn pick_compact(&self, names: [&str; 2]) -> Option<Picked<'a>> {
        let text = self.text.get(self.at..)?;
        let (mut keys, mut count) = ([0; MAX_PICKED], 0);
        let compact::Compact { length, has_escapes } = compact::read::<true>(text.as_bytes(), |at| {
            if let Some(key) = keys.get_mut(count) {
                *key = at;
            }
            count += 1;
        })?;
        let (text, keys) = (text.get(..length)?, keys.get(..count)?);
        if has_escapes {
            return None;
        }
        let mut picked = Picked { text, members: [None; 2], repeated: false, content: None };
        for (number, key) in keys.iter().enumerate() {
            for (name, slot) in names.iter().zip(&mut picked.members) {
                let after = text.as_bytes().get(key + 1..)?.strip_prefix(name.as_bytes());
                if after.is_some_and(|after| after.starts_with(b"\":")) {
                    // a byte separates the value from the next key, or the object's end from its own
                    let end = keys.get(number + 1).unwrap_or(&length) - 1;
                    picked.repeated |= slot.is_some();
                    slot.get_or_insert(text.get(key + 1 + name.len() + 2..end)?);
                }
            }
        }
        Some(picked)
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
            self.peek();
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
                _ => return fail(self.at, "expected a comma or the end of the object"),
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
                _ => return fail(self.at, "expected a comma or the end of the array"),
            }
        }
        Ok(())
    }

    /// Moves past a string and returns its content.
    pub(crate) fn string(&mut self) -> Result<Text<'a>, JsonError> {
        self.peek();
        let start = self.at + 1;
        let escaped = self.skip_string()?;
        let raw = self.text.get(start..self.at - 1).unwrap_or_default();
        Ok(Text { raw, escaped })
    }

    /// Moves past a string and returns what it means, in one pass.
    fn content(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let start = self.at + 1;
        let string = self.text.as_bytes().get(start..).unwrap_or_default();
        let plain = plain_length(string);
        if string.get(plain) == Some(&b'"') {
            self.at = start + plain + 1;
            return Ok(Cow::Borrowed(self.text.get(start..start + plain).unwrap_or_default()));
        }
        let (meant, length) = decode(string).map_err(|(at, what)| JsonError { at: start + at, what })?;
        self.at = start + length;
        if self.byte() != Some(b'"') {
            return fail(self.at, "a string without end");
        }
        self.at += 1;
        Ok(Cow::Owned(meant))
    }

    /// Moves past the string that starts here. Returns whether it has escapes.
    #[inline(always)]
    fn skip_string(&mut self) -> Result<bool, JsonError> {
        if self.byte() != Some(b'"') {
            return fail(self.at, "expected a string");
        }
        let start = self.at + 1;
        let end = start + plain_length(self.text.as_bytes().get(start..).unwrap_or_default());
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(false);
        }
        self.at = end_of_string(self.text.as_bytes(), end)?;
        Ok(true)
    }

    /// Returns the text that `scan` moves past.
    pub(crate) fn text_of(
        &mut self,
        scan: impl FnOnce(&mut Self) -> Result<(), JsonError>,
    ) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        scan(self)?;
        Ok(self.since(start))
    }

    /// Moves past exactly this text, if it comes next. Returns whether it did.
    #[inline]
    pub(crate) fn skip_text(&mut self, text: &str) -> bool {
        let is_next =
            self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()));
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// The offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Succeeds if only white space is left.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { fail(self.at, "unexpected text after the value") }
    }

    /// Moves past one value. Calls `entered` with the depth of each array or object.
    #[inline]
    fn skip_value(&mut self, mut entered: impl FnMut(usize)) -> Result<(), JsonError> {
        // a copy, so that it stays in registers
        let mut scanner = self.clone();
        let mut open = Nesting::default();
        loop {
            match scanner.peek() {
                Some(b'"') => _ = scanner.skip_string()?,
                Some(b'{') => {
                    scanner.at += 1;
                    open.push(true);
                    entered(open.depth);
                    if scanner.peek() != Some(b'}') {
                        scanner.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    scanner.at += 1;
                    open.push(false);
                    entered(open.depth);
                    if scanner.peek() != Some(b']') {
                        continue;
                    }
                }
                Some(b't') => scanner.literal("true")?,
                Some(b'f') => scanner.literal("false")?,
                Some(b'n') => scanner.literal("null")?,
                Some(b'-' | b'0'..=b'9') => scanner.number()?,
                _ => return fail(scanner.at, "expected a value"),
            }
            // a value has ended, or an empty container has begun: close what ends here, up to the next value
            loop {
                let Some(in_object) = open.top() else {
                    self.at = scanner.at;
                    return Ok(());
                };
                match (scanner.peek(), in_object) {
                    (Some(b','), false) => {
                        scanner.at += 1;
                        break;
                    }
                    (Some(b','), true) => {
                        scanner.at += 1;
                        scanner.key()?;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        scanner.at += 1;
                        open.pop();
                    }
                    _ => return fail(scanner.at, "expected a comma or the end of the object or array"),
                }
            }
        }
    }

    #[inline(always)]
    fn key(&mut self) -> Result<(), JsonError> {
        self.peek();
        self.skip_string()?;
        self.expect(b':', "expected a colon")
    }

    #[inline(always)]
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

    #[inline(always)]
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { fail(self.at, "expected a digit") } else { Ok(()) }
    }

    #[inline(always)]
    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if self.skip_text(word) { Ok(()) } else { fail(self.at, "expected true, false or null") }
    }

    #[inline(always)]
    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            fail(self.at, what)
        }
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

#[inline(never)]
fn end_of_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Returns the end of a string whose first escape, if it has one, is here.
#[inline(never)]
fn end_of_string(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 1,
            Some(_) => return fail(at, "a raw control character in a string"),
            None => return fail(at, "a string without end"),
        }
        let length = escape_length(text.get(at..).unwrap_or_default());
        at += length.map_err(|(after, what)| JsonError { at: at + after, what })?;
        at += plain_length(text.get(at..).unwrap_or_default());
    }
}

#[cold]
fn fail<T>(at: usize, what: &'static str) -> Result<T, JsonError> {
    Err(JsonError { at, what })
}

/// The open containers: one bit each, set for an object.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    last: u64,
    full: Vec<u64>,
}

impl Nesting {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.full.push(self.last);
        }
        self.last = (self.last << 1) | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.depth -= 1;
        self.last >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.last = self.full.pop().unwrap_or_default();
        }
    }

    #[inline]
    fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.last & 1 == 1)
    }
}
