//! Checks arrays and objects as machines write them, without white space, 64 bytes at a time.
//!
//! Each bit of a mask stands for a byte of a block. What may follow what is checked for all bytes of a block at once;
//! only brackets, scalars that are more than digits, and escapes are looked at one by one.

use super::decode::escape_length;
use crate::sys::Avx2;

/// How many bytes are looked at together.
const BLOCK: usize = 64;

/// An array or object that is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compact {
    pub(crate) length: usize,
    pub(crate) has_escapes: bool,
}

/// Reads the array or object that `text` begins with, if it does. With `KEYS` it calls `key` with the offset of each of the object's
/// own keys. `None` does not say that it is no JSON: only that it is for others to read.
#[inline(always)]
pub(crate) fn read<const KEYS: bool>(text: &[u8], key: impl FnMut(usize)) -> Option<Compact> {
    matches!(text.first(), Some(b'[' | b'{')).then_some(())?;
    let processor = Avx2::detect()?;
    processor.run(
        #[inline(always)]
        || read_blocks::<KEYS>(processor, text, key),
    )
}

#[inline(always)]
fn read_blocks<const KEYS: bool>(
    processor: Avx2,
    text: &[u8],
    mut key: impl FnMut(usize),
) -> Option<Compact> {
    let mut reader = Reader { open: 1, ..Reader::default() };
    let (blocks, rest) = text.as_chunks();
    for block in blocks {
        if let Some(found) = reader.read::<KEYS>(processor, text, block, &mut key)? {
            return Some(found);
        }
    }
    let mut last = [b' '; BLOCK];
    last.get_mut(..rest.len())?.copy_from_slice(rest);
    reader.read::<KEYS>(processor, text, &last, &mut key)?
}

/// What is known from the blocks before.
#[derive(Debug, Default)]
struct Reader {
    /// Where the next block begins.
    at: usize,
    /// All bits if a string goes on.
    in_string: u64,
    /// One if that string is a key.
    in_key: u64,
    /// One if the next byte is escaped.
    escaped: u64,
    has_escapes: bool,
    /// The open containers: a bit each, set for an object, the innermost lowest, after a set bit.
    open: u64,
    /// Up to here scalars are checked.
    checked: usize,
    /// Where a scalar began that goes on.
    scalar_start: usize,
    last: Last,
}

/// What the last byte of the block before was: one or nothing each.
#[derive(Debug, Default)]
struct Last {
    before_key: u64,
    before_value: u64,
    separator: u64,
    key_end: u64,
    value_end: u64,
    scalar: u64,
}

/// The bytes that follow these.
#[inline(always)]
fn after(these: u64, last: &mut u64) -> u64 {
    let following = these << 1 | *last;
    *last = these >> 63;
    following
}

impl Reader {
    /// Reads a block. Returns the container if it ends here.
    #[inline(always)]
    fn read<const KEYS: bool>(
        &mut self,
        processor: Avx2,
        text: &[u8],
        block: &[u8; BLOCK],
        key: &mut impl FnMut(usize),
    ) -> Option<Option<Compact>> {
        let masks = processor.masks(block);
        let mut quotes = masks.quotes;
        if masks.backslashes | self.escaped != 0 {
            let escaped = escapes(text.get(self.at..)?, masks.backslashes, self.escaped)?;
            quotes &= !escaped;
            self.has_escapes = true;
            // a backslash at the end that is not itself escaped
            self.escaped = (masks.backslashes & !escaped) >> 63;
        }
        let in_string = processor.prefix_xor(quotes) ^ self.in_string;
        self.in_string = 0_u64.wrapping_sub(in_string >> 63);
        let (string_start, string_end) = (quotes & in_string, quotes & !in_string);
        let outside = !(in_string | quotes);
        let (opening, closing) = (masks.opening & outside, masks.closing & outside);
        let (colons, commas) = (masks.colons & outside, masks.commas & outside);
        let scalar = outside & !(opening | closing | colons | commas);

        // where the innermost container is an object
        let mut brackets = opening | closing;
        let (before, mut fewest) = (self.open, self.open);
        let (mut changes, mut deepest, mut within, mut end) = (0, 0, u64::MAX, None);
        while brackets != 0 {
            let place = brackets.trailing_zeros();
            let bracket = brackets & brackets.wrapping_neg();
            brackets ^= bracket;
            let was_in = self.open;
            deepest |= was_in;
            let pushed = self.open << 1 | masks.curly >> place & 1;
            self.open = if opening & bracket != 0 { pushed } else { self.open >> 1 };
            changes |= ((was_in ^ self.open) & 1) << place;
            if self.open == 1 {
                within = bracket | (bracket - 1);
                end = Some(place);
                break;
            }
            fewest = fewest.min(self.open);
        }
        let in_object = processor.prefix_xor(changes) ^ 0_u64.wrapping_sub(before & 1);
        let mismatched = closing & (masks.curly ^ in_object ^ changes);

        // what follows what
        let last = &mut self.last;
        let separators = colons | commas;
        let object_commas = commas & in_object;
        let before_key = after(opening & masks.curly | object_commas, &mut last.before_key);
        let before_value =
            after(opening & !masks.curly | separators & !object_commas, &mut last.before_value);
        let after_separator = after(separators, &mut last.separator);
        let key_start = string_start & before_key;
        // a carry goes through the string to its end
        let (ended, goes_on) = in_string.overflowing_add(key_start | self.in_key);
        self.in_key = u64::from(goes_on);
        let key_end = ended & string_end;
        let after_key = after(key_end, &mut last.key_end);
        let after_value = after(string_end & !key_end | closing, &mut last.value_end);
        let after_scalar = after(scalar, &mut last.scalar);
        let scalar_start = scalar & !after_scalar;
        let value_start = string_start | scalar_start | opening;
        let wrong = before_key & !(string_start | closing)
            | before_value & !(value_start | closing)
            | closing & after_separator
            | after_key ^ colons
            | (after_value | after_scalar & !scalar) & !(commas | closing)
            | mismatched
            | masks.controls;
        // one level more would not be remembered
        if wrong & within != 0 || last_bit(deepest) {
            return None;
        }

        if KEYS && fewest < 0b100 {
            let mut keys = key_start & within & in_outermost(before, opening, closing);
            while keys != 0 {
                key(self.at + keys.trailing_zeros() as usize);
                keys &= keys - 1;
            }
        }
        let others = (scalar & !masks.digits | scalar_start & masks.zeros) & within;
        if others != 0 {
            self.check_scalars(text, scalar, masks.digits, scalar_start, others)?;
        }
        if let Some(place) = end {
            let length = self.at + place as usize + 1;
            return Some(Some(Compact { length, has_escapes: self.has_escapes }));
        }
        if last_bit(scalar) && scalar_start != 0 {
            self.scalar_start = self.at + 63 - scalar_start.leading_zeros() as usize;
        }
        self.at += BLOCK;
        Some(None)
    }

    /// Checks the scalars that these bytes belong to.
    #[inline(always)]
    fn check_scalars(
        &mut self,
        text: &[u8],
        scalars: u64,
        digits: u64,
        starts: u64,
        mut others: u64,
    ) -> Option<()> {
        if self.checked > self.at {
            others &= u64::MAX.checked_shl(u32::try_from(self.checked - self.at).ok()?).unwrap_or_default();
        }
        while others != 0 {
            let before = starts & (others ^ (others - 1));
            let place = 63_u32.wrapping_sub(before.leading_zeros());
            if let Some(length) = fraction_length(text.get(self.at..)?, place, scalars, digits) {
                // the rest of the scalar, too, if it is longer
                others &= u64::MAX << (place + length);
                continue;
            }
            let start = if before == 0 { self.scalar_start } else { self.at + place as usize };
            let end = start + scalar_length(text.get(start..)?)?;
            // a scalar that is longer than JSON lets it be is none
            matches!(text.get(end), Some(b',' | b']' | b'}')).then_some(())?;
            let checked = end.checked_sub(self.at)?;
            if checked >= BLOCK {
                self.checked = end;
                break;
            }
            others &= u64::MAX << checked;
        }
        Some(())
    }
}

/// Where in a block the innermost container is the outermost one.
fn in_outermost(open: u64, opening: u64, closing: u64) -> u64 {
    let mut depth = 63 - open.leading_zeros();
    let (mut brackets, mut within) = (opening | closing, 0_u64.wrapping_sub(u64::from(depth == 1)));
    while brackets != 0 {
        let bracket = brackets & brackets.wrapping_neg();
        brackets ^= bracket;
        let behind = !(bracket - 1);
        depth = if opening & bracket != 0 { depth + 1 } else { depth.saturating_sub(1) };
        within = if depth == 1 { within | behind } else { within & !behind };
    }
    within
}

#[inline(always)]
fn last_bit(mask: u64) -> bool {
    mask >> 63 == 1
}

/// Checks the escapes of a block that `text` begins with. Returns the bytes that are escaped.
#[cold]
fn escapes(text: &[u8], mut backslashes: u64, first_escaped: u64) -> Option<u64> {
    let mut escaped = first_escaped;
    backslashes &= !escaped;
    while backslashes != 0 {
        let backslash = backslashes & backslashes.wrapping_neg();
        escape_length(text.get(backslash.trailing_zeros() as usize + 1..)?).ok()?;
        escaped |= backslash << 1;
        backslashes &= !(backslash | backslash << 1);
    }
    Some(escaped)
}

/// The length of the number that begins in this place of a block and ends in it, if it has no exponent.
#[inline(always)]
fn fraction_length(block: &[u8], place: u32, scalars: u64, digits: u64) -> Option<u32> {
    let scalars = scalars.checked_shr(place)?;
    let digits = digits >> place;
    let length = scalars.trailing_ones();
    let byte = |at: u32| block.get((place + at) as usize).copied().unwrap_or_default();
    let start = u32::from(byte(0) == b'-');
    let whole = (digits >> start).trailing_ones();
    let point = start + whole;
    let fraction = digits.checked_shr(point + 1)?.trailing_ones();
    let is_number = whole > 0
        && (whole == 1 || byte(start) != b'0')
        && (point == length || byte(point) == b'.' && fraction > 0 && point + 1 + fraction == length)
        && place + length < 64;
    is_number.then_some(length)
}

/// The length of the number or literal that `text` begins with.
#[inline(always)]
fn scalar_length(text: &[u8]) -> Option<usize> {
    match text {
        [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => return Some(4),
        [b'f', b'a', b'l', b's', b'e', ..] => return Some(5),
        _ => {}
    }
    let byte = |at: usize| text.get(at).copied().unwrap_or_default();
    let digits = |from: usize| {
        let mut end = from;
        while byte(end).is_ascii_digit() {
            end += 1;
        }
        (end > from).then_some(end)
    };
    let start = usize::from(byte(0) == b'-');
    let mut at = if byte(start) == b'0' { start + 1 } else { digits(start)? };
    if byte(at) == b'.' {
        at = digits(at + 1)?;
    }
    if let b'e' | b'E' = byte(at) {
        at = digits(at + 1 + usize::from(matches!(byte(at + 1), b'+' | b'-')))?;
    }
    Some(at)
}
