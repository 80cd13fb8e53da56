//! Where the plain text of a string ends: the hot part of every scan, for most of an event is short strings.

use wide::u8x16;

/// How many bytes are looked at at once: an SSE2 or NEON register, which every processor of its kind has.
pub(crate) const BLOCK: usize = 16;

/// The number of bytes before the first quote, backslash or control character.
#[inline(always)]
pub(crate) fn plain_length(text: &[u8]) -> usize {
    // most strings end within the first block
    match text.first_chunk().map(special_bytes) {
        Some(found) if found != 0 => found.trailing_zeros() as usize,
        _ => plain_length_of_long(text),
    }
}

/// The same for text whose first block is plain or is not whole.
#[inline(never)]
fn plain_length_of_long(text: &[u8]) -> usize {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut at = 0;
    while let Some(block) = blocks.get(at) {
        match special_bytes(block) {
            0 => at += 1,
            found => return at * BLOCK + found.trailing_zeros() as usize,
        }
        // four blocks at a time as long as all of them are plain
        if at.is_multiple_of(4) {
            let (fours, _) = blocks.get(at..).unwrap_or_default().as_chunks::<4>();
            let plain =
                |four: &&[[u8; BLOCK]; 4]| four.iter().fold(0, |any, block| any | special_bytes(block)) == 0;
            at += 4 * fours.iter().take_while(plain).count();
        }
    }
    text.len() - rest.len() + plain_length_by_byte(rest)
}

/// A bit for each byte that ends plain text, the lowest for the first.
#[inline(always)]
fn special_bytes(block: &[u8; BLOCK]) -> u32 {
    let bytes = u8x16::new(*block);
    let quote = bytes.cmp_eq(u8x16::splat(b'"'));
    let backslash = bytes.cmp_eq(u8x16::splat(b'\\'));
    let control = bytes.min(u8x16::splat(0x1f)).cmp_eq(bytes);
    (quote | backslash | control).move_mask().cast_unsigned()
}

/// The same, a byte at a time.
#[inline(never)]
pub(crate) fn plain_length_by_byte(text: &[u8]) -> usize {
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    text.iter().position(special).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_say_what_bytes_say() {
        for byte in 0..=u8::MAX {
            for at in 0..70 {
                for length in [at + 1, 70] {
                    let mut text = vec![b'a' | (at as u8 & 0x80); length];
                    text[at] = byte;
                    assert_eq!(
                        plain_length(&text),
                        plain_length_by_byte(&text),
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }
}
