//! Records: JSON texts, each ended by the byte 0x1e. Message boundaries mean nothing.

use super::error::Error;

/// Ends every record. JSON can contain it only as an escape.
const END: u8 = 0x1e;

/// A piece of input. Text is known to be UTF-8, binary data is not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chunk<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Chunk<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The chunk as text.
    pub(crate) fn text(self) -> Result<&'a str, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => std::str::from_utf8(bytes)
                .map_err(|error| Error::Protocol(format!("a record is not UTF-8: {error}"))),
        }
    }

    /// Splits at the first 0x1e, if there is one.
    fn split(self) -> Option<(Self, Self)> {
        let end = memchr::memchr(END, self.bytes())?;
        match self {
            Self::Text(text) => Some((Self::Text(text.get(..end)?), Self::Text(text.get(end + 1..)?))),
            Self::Binary(bytes) => {
                Some((Self::Binary(bytes.get(..end)?), Self::Binary(bytes.get(end + 1..)?)))
            }
        }
    }
}

/// Finds records in a stream of chunks.
#[derive(Debug)]
pub(crate) struct Records {
    /// The start of a record whose end has not arrived.
    begun: Vec<u8>,
    most: usize,
}

impl Records {
    /// Accepts records of at most this size.
    pub(crate) fn new(most: usize) -> Self {
        Self { begun: Vec::new(), most }
    }

    /// Changes the size limit.
    pub(crate) fn allow(&mut self, most: usize) {
        self.most = most;
    }

    /// Completes, in `whole`, the record that an earlier chunk began.
    pub(crate) fn complete<'b>(
        &mut self,
        input: &mut Chunk<'_>,
        whole: &'b mut Vec<u8>,
    ) -> Result<Option<Chunk<'b>>, Error> {
        if self.begun.is_empty() {
            return Ok(None);
        }
        let split = input.split();
        let (piece, rest) = split.unwrap_or((*input, Chunk::Text("")));
        self.check(piece)?;
        self.begun.extend_from_slice(piece.bytes());
        *input = rest;
        if split.is_none() {
            return Ok(None);
        }
        *whole = std::mem::take(&mut self.begun);
        Ok(Some(Chunk::Binary(whole)))
    }

    /// Cuts the next record off `input`, if it is whole and its text is what `read` finds a record's length in.
    pub(crate) fn read_whole<'a, T>(
        &self,
        input: &mut Chunk<'a>,
        read: impl FnOnce(&'a str) -> Option<(T, usize)>,
    ) -> Option<T> {
        let Chunk::Text(text) = *input else { return None };
        self.begun.is_empty().then_some(())?;
        let (found, length) = read(text)?;
        let rest = text.get(length..)?.strip_prefix(char::from(END))?;
        (length <= self.most).then_some(())?;
        *input = Chunk::Text(rest);
        Some(found)
    }

    /// Cuts the next record off `input`. Returns `None` once the rest waits for the next chunk.
    pub(crate) fn next<'a>(&mut self, input: &mut Chunk<'a>) -> Result<Option<Chunk<'a>>, Error> {
        let Some((record, rest)) = input.split() else {
            self.check(*input)?;
            self.begun.extend_from_slice(input.bytes());
            *input = Chunk::Text("");
            return Ok(None);
        };
        self.check(record)?;
        *input = rest;
        Ok(Some(record))
    }

    /// Checks the size of the current record with this piece.
    fn check(&self, piece: Chunk<'_>) -> Result<(), Error> {
        let fits = self.begun.len() + piece.bytes().len() <= self.most;
        if fits { Ok(()) } else { Err(Error::TooLarge(self.most)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &mut Records, chunk: Chunk<'_>) -> Result<Vec<String>, Error> {
        let (mut rest, mut whole, mut found) = (chunk, Vec::new(), Vec::new());
        if let Some(record) = records.complete(&mut rest, &mut whole)? {
            found.push(record.text()?.to_owned());
        }
        while let Some(record) = records.next(&mut rest)? {
            found.push(record.text()?.to_owned());
        }
        Ok(found)
    }

    #[test]
    fn records_are_found_over_any_borders_of_text_and_binary_chunks() {
        let stream = "{\"é\":1}\u{1e}\u{1e}{\"b\":\"漢😀\"}\u{1e}{}\u{1e}".as_bytes();
        for size in 1..=stream.len() {
            let mut records = Records::new(100);
            let mut found = Vec::new();
            for (index, chunk) in stream.chunks(size).enumerate() {
                let chunk = match std::str::from_utf8(chunk) {
                    Ok(text) if index % 2 == 0 => Chunk::Text(text),
                    _ => Chunk::Binary(chunk),
                };
                found.extend(read(&mut records, chunk).unwrap());
            }
            assert_eq!(found, ["{\"é\":1}", "", "{\"b\":\"漢😀\"}", "{}"], "{size}");
        }
    }

    #[test]
    fn a_record_has_a_largest_size_however_it_comes() {
        let mut records = Records::new(4);
        assert_eq!(read(&mut records, Chunk::Text("1234\u{1e}12")).unwrap(), ["1234"]);
        assert_eq!(read(&mut records, Chunk::Text("34\u{1e}")).unwrap(), ["1234"]);
        assert!(matches!(read(&mut Records::new(4), Chunk::Text("12345\u{1e}")), Err(Error::TooLarge(4))));
        let mut endless = Records::new(4);
        assert!(read(&mut endless, Chunk::Binary(b"1234")).is_ok());
        assert!(matches!(read(&mut endless, Chunk::Binary(b"5")), Err(Error::TooLarge(4))));
    }

    #[test]
    fn bytes_that_are_not_utf8_break_the_protocol() {
        let result = read(&mut Records::new(100), Chunk::Binary(b"\"\xff\"\x1e"));
        assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
    }
}
