//! HTTP/1.1 as far as a client of hubs needs it, without IO. It is our own because an answer's status, its
//! `Retry-After` and bounds on its size matter.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::error::{Asked, Error};
use crate::config::{Endpoint, Secret};

/// The largest head of an answer that is read.
const MAX_HEAD: usize = 32 * 1024;

/// The largest number of headers in an answer.
const MAX_HEADERS: usize = 128;

/// The largest body that is read.
const MAX_BODY: usize = 128 * 1024;

/// The longest line that announces a part of a body.
const MAX_CHUNK_LINE: usize = 1024;

/// What every answer starts with.
const PROTOCOL: &[u8] = b"HTTP/";

/// Returns a request with these lines of its own, and the session's headers.
pub(crate) fn request(method: &str, to: &Endpoint, own: &str, headers: &[(String, Secret)]) -> Vec<u8> {
    let Endpoint { authority, target, .. } = to;
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{own}");
    // a login page in front of a hub then answers 401 instead of redirecting
    request.push_str("X-Requested-With: XMLHttpRequest\r\n");
    if !headers.iter().any(|(name, _)| is_user_agent(name)) {
        let _ = write!(request, "User-Agent: {}\r\n", user_agent());
    }
    for (name, value) in headers {
        let _ = write!(request, "{name}: {}\r\n", value.reveal());
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// Whether this header says which program asks.
pub(crate) fn is_user_agent(name: &str) -> bool {
    name.eq_ignore_ascii_case("user-agent")
}

/// The name of this program.
pub(crate) fn user_agent() -> String {
    format!("sonoran/{}", env!("CARGO_PKG_VERSION"))
}

/// Looks for the end of an answer's head, at each byte once, however few come at a time.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// How many bytes are known not to hold it.
    searched: usize,
}

impl Head {
    /// Takes a head that is complete out of what was received.
    pub(crate) fn take(&mut self, received: &mut Vec<u8>) -> Result<Option<Response>, String> {
        let Some(length) = self.length(received)? else { return Ok(None) };
        let rest = received.split_off(length);
        let head = std::mem::replace(received, rest);
        self.searched = 0;
        Response::parse(&head).map(Some)
    }

    fn length(&mut self, received: &[u8]) -> Result<Option<usize>, String> {
        let start = received.get(..PROTOCOL.len()).unwrap_or(received);
        if !PROTOCOL.starts_with(start) {
            return Err(not_http(&"it does not start with HTTP/"));
        }
        let fresh = received.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr_iter(b'\n', fresh).find_map(|at| {
            let line = self.searched + at + 1;
            match received.get(line..)? {
                [b'\n', ..] => Some(line + 1),
                [b'\r', b'\n', ..] => Some(line + 2),
                _ => None,
            }
        });
        if end.is_some() {
            return Ok(end);
        }
        if received.len() > MAX_HEAD {
            return Err(format!("its head has more than {MAX_HEAD} bytes"));
        }
        self.searched = received.len().saturating_sub(2);
        Ok(None)
    }
}

fn not_http(problem: &dyn std::fmt::Display) -> String {
    format!("it is not HTTP ({problem})")
}

/// An answer's status and headers.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

impl Response {
    fn parse(head: &[u8]) -> Result<Self, String> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(head) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(not_http(&"its head has no end")),
            Err(error) => return Err(not_http(&error)),
        }
        let text = |header: &httparse::Header<'_>| {
            let value = std::str::from_utf8(header.value).ok()?;
            Some((header.name.to_owned(), value.trim().to_owned()))
        };
        let headers = response.headers.iter().filter_map(text).collect();
        Ok(Self { status: response.code.unwrap_or_default(), headers })
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Returns a header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Whether a header's list has this word.
    pub(crate) fn lists(&self, name: &str, word: &str) -> bool {
        self.values(name).any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
    }

    /// Returns the error that its status is.
    pub(crate) fn refusal(&self, what: Asked) -> Error {
        let location = self.header("location").map(|text| text.chars().take(200).collect::<String>());
        Error::Status {
            status: self.status,
            location: location.map(|location| what.hide(&location)),
            retry_after: self.header("retry-after").and_then(retry_after),
            what,
        }
    }
}

/// Reads a `Retry-After`: seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    let date = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    text.parse().ok().map(Duration::from_secs).or_else(date)
}

/// The body of an answer, as far as it has arrived.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    Length(usize),
    Chunked,
    /// The end of the connection.
    End,
}

impl Body {
    /// The body that follows this head.
    pub(crate) fn of(response: &Response) -> Result<Self, String> {
        let framing = if response.lists("transfer-encoding", "chunked") {
            Framing::Chunked
        } else if let Some(length) = response.header("content-length") {
            Framing::Length(length.parse().map_err(|_| "its Content-Length is no number".to_owned())?)
        } else {
            Framing::End
        };
        let body = Self { bytes: Vec::new(), framing };
        match body.framing {
            Framing::Length(length) => body.check(length).map(|()| body),
            _ => Ok(body),
        }
    }

    /// Takes what was received. Returns the body once it is complete.
    pub(crate) fn take(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Option<Vec<u8>>, String> {
        let complete = match self.framing {
            Framing::Chunked => self.take_chunks(received)?,
            Framing::Length(length) => {
                self.bytes.append(received);
                self.bytes.len() >= length
            }
            Framing::End => {
                self.bytes.append(received);
                ended
            }
        };
        self.check(received.len())?;
        if !complete && ended {
            return Err("the connection ended before the answer did".to_owned());
        }
        if let Framing::Length(length) = self.framing {
            self.bytes.truncate(length);
        }
        Ok(complete.then(|| std::mem::take(&mut self.bytes)))
    }

    /// Takes whole chunks. Returns whether the last one came; what may follow it says nothing.
    fn take_chunks(&mut self, received: &mut Vec<u8>) -> Result<bool, String> {
        loop {
            let (start, size) = match httparse::parse_chunk_size(received) {
                Ok(httparse::Status::Complete(found)) => found,
                Ok(httparse::Status::Partial) if received.len() > MAX_CHUNK_LINE => {
                    return Err("a line in its body has no end".to_owned());
                }
                Ok(httparse::Status::Partial) => return Ok(false),
                Err(_) => return Err("a part of its body has no valid size".to_owned()),
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            self.check(size)?;
            if size == 0 {
                return Ok(true);
            }
            let Some(chunk) = received.get(start..start + size) else { return Ok(false) };
            let end = start + size + 2;
            match received.get(start + size..end) {
                None => return Ok(false),
                Some(b"\r\n") => {}
                Some(_) => return Err("a part of its body is longer than it says".to_owned()),
            }
            self.bytes.extend_from_slice(chunk);
            received.drain(..end);
        }
    }

    /// Whether there is room for so much more.
    fn check(&self, more: usize) -> Result<(), String> {
        if self.bytes.len().saturating_add(more) > MAX_BODY + MAX_CHUNK_LINE {
            return Err(format!("its body has more than {MAX_BODY} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, expected) in [("7", Some(Duration::from_secs(7))), ("soon", None), ("-1", None)] {
            assert_eq!(retry_after(value), expected, "{value}");
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
        assert!(retry_after(&date).is_some_and(|wait| wait > Duration::from_secs(3500)));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:00:00 GMT"), None);
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_looked_at_once() {
        for text in [
            "HTTP/1.1 200 OK\r\nA: b\r\n\r\nrest",
            "HTTP/1.1 200 OK\nA: b\n\nrest",
            "HTTP/1.1 200 OK\r\n\r\nrest",
        ] {
            let (mut head, mut received) = (Head::default(), Vec::new());
            let end = text.bytes().find_map(|byte| {
                received.push(byte);
                assert!(received.len() - head.searched <= 3, "{head:?}");
                head.length(&received).unwrap()
            });
            assert_eq!(end, text.find("rest"), "{text:?}");
        }
    }

    /// Feeds an answer in pieces of this size. Returns its body.
    fn body(answer: &[u8], piece: usize) -> Result<Option<String>, String> {
        let (mut head, mut body, mut received) = (Head::default(), None, Vec::new());
        let mut pieces = answer.chunks(piece).peekable();
        while let Some(piece) = pieces.next() {
            received.extend_from_slice(piece);
            if body.is_none() {
                body = head.take(&mut received)?.map(|response| Body::of(&response)).transpose()?;
            }
            let ended = pieces.peek().is_none();
            if let Some(body) = &mut body
                && let Some(bytes) = body.take(&mut received, ended)?
            {
                return Ok(Some(String::from_utf8(bytes).unwrap()));
            }
        }
        Ok(None)
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 9\r\n\r\n05\r\nhello\r\n0\r\nA: b\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nhello",
        ] {
            for piece in [1, 2, 7, 1000] {
                assert_eq!(body(answer.as_bytes(), piece).unwrap().as_deref(), Some("hello"), "{answer}");
            }
        }
    }

    #[test]
    fn a_body_that_is_not_whole_or_too_large_is_refused() {
        let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(2 * MAX_BODY));
        let chunk = format!("FFFF\r\n{}\r\n", "x".repeat(0xffff));
        let many =
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (answer, part) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell".to_owned(), "ended before"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nx".to_owned(), "more than 131072"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx".to_owned(), "no number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx".to_owned(), "no number"),
            (format!("{chunked}3\r\nhel"), "ended before"),
            (format!("{chunked}3\r\nhello\r\n"), "longer than it says"),
            (format!("{chunked}FFFFFFFFFFFFFFFF\r\nx"), "more than 131072"),
            (format!("{chunked}FFFFFFFFFFFFFFFFF\r\nx"), "no valid size"),
            (format!("{chunked}x"), "no valid size"),
            (format!("{chunked}1;{}", "x".repeat(2000)), "no end"),
            (endless, "more than 131072"),
            (many, "more than 131072"),
        ] {
            for piece in [100, 100_000] {
                let problem = body(answer.as_bytes(), piece).unwrap_err();
                assert!(problem.contains(part), "{answer:.80}: {problem}");
            }
        }
    }
}
