//! Records: each is one JSON text that ends with the byte 0x1e, wherever messages begin and end.

use super::Error;

/// Ends every record; inside JSON it can only stand escaped.
const END: u8 = 0x1e;

/// A piece of what the hub sent: text is known to be UTF-8, bytes are not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Part<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The part as text.
    pub(crate) fn text(self) -> Result<&'a str, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => std::str::from_utf8(bytes)
                .map_err(|error| Error::Protocol(format!("a record is not UTF-8: {error}"))),
        }
    }

    /// What is before and what is behind the first 0x1e, if there is one.
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

/// Finds the records in a stream of parts.
#[derive(Debug)]
pub(crate) struct Records {
    /// The beginning of a record whose end has not come yet.
    begun: Vec<u8>,
    most: usize,
}

impl Records {
    /// Records of at most this size.
    pub(crate) fn new(most: usize) -> Self {
        Self { begun: Vec::new(), most }
    }

    /// Changes the size that records may have.
    pub(crate) fn allow(&mut self, most: usize) {
        self.most = most;
    }

    /// Cuts the next record off `rest`; `None` when the rest was put by for the next part.
    ///
    /// The record stays where it is, wherever it can: only one that was begun in an earlier part is put
    /// together in `whole`.
    pub(crate) fn next<'b, 'a: 'b>(
        &mut self,
        rest: &mut Part<'a>,
        whole: &'b mut Vec<u8>,
    ) -> Result<Option<Part<'b>>, Error> {
        let split = rest.split();
        let (piece, tail) = split.unwrap_or((*rest, Part::Text("")));
        if self.begun.len() + piece.bytes().len() > self.most {
            return Err(Error::TooLarge(self.most));
        }
        *rest = tail;
        if split.is_some() && self.begun.is_empty() {
            return Ok(Some(piece));
        }
        self.begun.extend_from_slice(piece.bytes());
        if split.is_none() {
            return Ok(None);
        }
        *whole = std::mem::take(&mut self.begun);
        Ok(Some(Part::Binary(whole)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &mut Records, part: Part<'_>) -> Result<Vec<String>, Error> {
        let (mut rest, mut found) = (part, Vec::new());
        loop {
            let mut whole = Vec::new();
            let Some(record) = records.next(&mut rest, &mut whole)? else { return Ok(found) };
            found.push(record.text()?.to_owned());
        }
    }

    #[test]
    fn records_are_found_over_any_borders_of_text_and_binary_parts() {
        let stream = "{\"é\":1}\u{1e}\u{1e}{\"b\":\"漢😀\"}\u{1e}{}\u{1e}".as_bytes();
        for size in 1..=stream.len() {
            let mut records = Records::new(100);
            let mut found = Vec::new();
            for (index, chunk) in stream.chunks(size).enumerate() {
                let part = match std::str::from_utf8(chunk) {
                    Ok(text) if index % 2 == 0 => Part::Text(text),
                    _ => Part::Binary(chunk),
                };
                found.extend(read(&mut records, part).unwrap());
            }
            assert_eq!(found, ["{\"é\":1}", "", "{\"b\":\"漢😀\"}", "{}"], "{size}");
        }
    }

    #[test]
    fn a_record_has_a_largest_size_however_it_comes() {
        let mut records = Records::new(4);
        assert_eq!(read(&mut records, Part::Text("1234\u{1e}12")).unwrap(), ["1234"]);
        assert_eq!(read(&mut records, Part::Text("34\u{1e}")).unwrap(), ["1234"]);
        assert!(matches!(read(&mut Records::new(4), Part::Text("12345\u{1e}")), Err(Error::TooLarge(4))));
        let mut endless = Records::new(4);
        assert!(read(&mut endless, Part::Binary(b"1234")).is_ok());
        assert!(matches!(read(&mut endless, Part::Binary(b"5")), Err(Error::TooLarge(4))));
    }

    #[test]
    fn bytes_that_are_not_utf8_break_the_protocol() {
        let result = read(&mut Records::new(100), Part::Binary(b"\"\xff\"\x1e"));
        assert!(matches!(result, Err(Error::Protocol(_))), "{result:?}");
    }
}
