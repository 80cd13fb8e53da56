//! What strings with escapes mean.

use super::plain::{BLOCK, plain_length};

/// The room for what a string means, before more is needed.
const FIRST_ROOM: usize = 2048;

/// Decodes a string up to its closing quote or the end of `text`. Returns what it means, and how long it was. An
/// unpaired surrogate becomes U+FFFD. The error says what is wrong, and where.
pub(crate) fn decode(text: &[u8]) -> Result<(String, usize), (usize, &'static str)> {
    // `text` may go on far beyond the string
    let mut meant = vec![0; text.len().min(FIRST_ROOM) + BLOCK];
    let (mut at, mut length) = (0, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let plain = plain_length(rest);
        // plain text is copied by the block, and what an escape means has room in one
        if meant.len() < length + plain + BLOCK {
            meant.resize(2 * meant.len() + plain, 0);
        }
        let room = meant.get_mut(length..).unwrap_or_default();
        match (room.first_chunk_mut(), rest.first_chunk::<BLOCK>()) {
            (Some(room), Some(block)) if plain <= BLOCK => *room = *block,
            _ => room.iter_mut().zip(rest.iter().take(plain)).for_each(|(to, from)| *to = *from),
        }
        (at, length) = (at + plain, length + plain);
        match text.get(at) {
            None | Some(b'"') => break,
            Some(b'\\') => at += 1,
            Some(_) => return Err((at, "a raw control character in a string")),
        }
        let rest = text.get(at..).unwrap_or_default();
        let mut push = |bytes: &[u8]| {
            if let Some(room) = meant.get_mut(length..length + bytes.len()) {
                room.copy_from_slice(bytes);
                length += bytes.len();
            }
        };
        at += match rest {
            [b'u', digits @ ..] => {
                let (character, digits) = unicode(digits).map_err(|what| (at + 1, what))?;
                push(character.encode_utf8(&mut [0; 4]).as_bytes());
                1 + digits
            }
            [escape, ..] => {
                push(&[simple(*escape).ok_or((at, UNKNOWN))?]);
                1
            }
            [] => return Err((at, UNKNOWN)),
        };
    }
    meant.truncate(length);
    // plain text is UTF-8 as before, and what escapes mean is
    let meant =
        String::from_utf8(meant).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into());
    Ok((meant, at))
}

/// Checks what follows a backslash. Returns its length. The error says what is wrong, and where.
pub(crate) fn escape_length(text: &[u8]) -> Result<usize, (usize, &'static str)> {
    match text {
        [b'u', digits @ ..] => hexadecimal(digits).map(|_| 5).ok_or((1, NO_DIGITS)),
        [escape, ..] if simple(*escape).is_some() => Ok(1),
        _ => Err((0, UNKNOWN)),
    }
}

const UNKNOWN: &str = "an unknown escape in a string";
const NO_DIGITS: &str = "expected four hexadecimal digits";

/// What an escape of one letter means.
#[inline]
fn simple(escape: u8) -> Option<u8> {
    Some(match escape {
        b'"' | b'\\' | b'/' => escape,
        b'b' => 0x8,
        b'f' => 0xc,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// What `\u` and these digits mean, and how long they are: those of a pair of surrogates include the second `\u`.
fn unicode(digits: &[u8]) -> Result<(char, usize), &'static str> {
    let first = hexadecimal(digits).ok_or(NO_DIGITS)?;
    let second = digits.get(4..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(hexadecimal);
    match char::decode_utf16([first].into_iter().chain(second)).next() {
        Some(Ok(character)) if character.len_utf16() == 2 => Ok((character, 10)),
        Some(Ok(character)) => Ok((character, 4)),
        _ => Ok((char::REPLACEMENT_CHARACTER, 4)),
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u16> {
    let digits = digits.first_chunk::<4>()?;
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
    digits.iter().try_fold(0, |number, hex| Some(number << 4 | digit(hex)?))
}
