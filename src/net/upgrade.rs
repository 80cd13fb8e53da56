//! The HTTP upgrade to a websocket. It is our own because the answer's status, its `Retry-After` and a
//! bound on its size matter, and because `Connection: keep-alive, Upgrade` is as good as `Upgrade`.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::error::Error;
use crate::config::{Endpoint, Secret};

/// The largest head of an answer that is read.
const MAX_HEAD: usize = 32 * 1024;

/// What every answer starts with.
const PROTOCOL: &[u8] = b"HTTP/";

/// The largest number of headers in an answer.
const MAX_HEADERS: usize = 128;

/// Upgrades the stream. Returns what followed the head: the first bytes of the websocket.
pub(crate) async fn upgrade(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    hub: &Endpoint,
    headers: &[(String, Secret)],
) -> Result<Vec<u8>, Error> {
    let key = generate_key();
    stream.write_all(request(hub, headers, &key).as_bytes()).await.map_err(Error::Broken)?;
    stream.flush().await.map_err(Error::Broken)?;
    let mut head = Head { bytes: Vec::with_capacity(1024), searched: 0 };
    loop {
        if stream.read_buf(&mut head.bytes).await.map_err(Error::Broken)? == 0 {
            return Err(Error::Upgrade("the connection ended before the answer did".to_owned()));
        }
        if let Some(length) = head.length()? {
            let rest = head.bytes.split_off(length);
            return check(&head.bytes, &key).map(|()| rest);
        }
    }
}

/// The head of an answer, as far as it has arrived.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    /// How many bytes are known not to hold its end.
    searched: usize,
}

impl Head {
    /// Its length once it is complete. Looks at each byte once, however few come at a time.
    fn length(&mut self) -> Result<Option<usize>, Error> {
        let start = self.bytes.get(..PROTOCOL.len()).unwrap_or(&self.bytes);
        if !PROTOCOL.starts_with(start) {
            return Err(not_http(&"it does not start with HTTP/"));
        }
        let fresh = self.bytes.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr_iter(b'\n', fresh).find_map(|at| {
            let line = self.searched + at + 1;
            match self.bytes.get(line..)? {
                [b'\n', ..] => Some(line + 1),
                [b'\r', b'\n', ..] => Some(line + 2),
                _ => None,
            }
        });
        if end.is_some() {
            return Ok(end);
        }
        if self.bytes.len() > MAX_HEAD {
            return Err(Error::Upgrade(format!("its head has more than {MAX_HEAD} bytes")));
        }
        self.searched = self.bytes.len().saturating_sub(2);
        Ok(None)
    }
}

fn request(hub: &Endpoint, headers: &[(String, Secret)], key: &str) -> String {
    let Endpoint { authority, target, .. } = hub;
    let version = env!("CARGO_PKG_VERSION");
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    );
    // a login page in front of a hub then answers 401 instead of redirecting
    request.push_str("X-Requested-With: XMLHttpRequest\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        let _ = write!(request, "User-Agent: sonoran/{version}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(request, "{name}: {}\r\n", value.reveal());
    }
    request.push_str("\r\n");
    request
}

fn not_http(problem: &dyn std::fmt::Display) -> Error {
    Error::Upgrade(format!("it is not HTTP ({problem})"))
}

/// Checks that a complete head accepts the upgrade.
fn check(head: &[u8], key: &str) -> Result<(), Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(not_http(&"its head has no end")),
        Err(error) => return Err(not_http(&error)),
    }
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
    };
    match response.code {
        Some(101) => {}
        status => {
            return Err(Error::Status {
                status: status.unwrap_or_default(),
                location: header("location").map(|text| text.chars().take(200).collect()),
                retry_after: header("retry-after").and_then(retry_after),
            });
        }
    }
    let lists = |name: &str, token: &str| {
        let mut values = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        values.any(|header| {
            let value = std::str::from_utf8(header.value).unwrap_or_default();
            value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token))
        })
    };
    let missing = |what: &str| Err(Error::Upgrade(format!("it accepts but {what}")));
    if !lists("upgrade", "websocket") || !lists("connection", "upgrade") {
        return missing("does not name the websocket upgrade");
    }
    if header("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return missing("its Sec-WebSocket-Accept is wrong: something in between answered for the hub");
    }
    if header("sec-websocket-protocol").is_some() || header("sec-websocket-extensions").is_some() {
        return missing("chose a protocol or an extension that was not offered");
    }
    Ok(())
}

/// Reads a `Retry-After`: seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    let date = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    text.parse().ok().map(Duration::from_secs).or_else(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn answer(text: &str) -> Result<Option<usize>, Error> {
        let mut head = Head { bytes: text.as_bytes().to_vec(), searched: 0 };
        let length = head.length()?;
        if let Some(length) = length {
            check(&head.bytes[..length], KEY)?;
        }
        Ok(length)
    }

    #[test]
    fn accepts_every_legal_spelling_and_keeps_what_follows() {
        for upgrade in [
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
            "connection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n",
        ] {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{ACCEPT}\r\n");
            assert_eq!(answer(&format!("{head}\u{1}frames")).unwrap(), Some(head.len()));
            for end in 0..head.len() {
                assert_eq!(answer(&head[..end]).unwrap(), None, "{end}");
            }
        }
    }

    #[test]
    fn what_is_no_upgrade_is_told() {
        let up = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
        for (head, part) in [
            ("SSH-2.0-OpenSSH\r\n".to_owned(), "not HTTP"),
            ("\u{15}\u{3}\u{1}".to_owned(), "not HTTP"),
            (format!("HTTP/1.1 101 x\r\n{ACCEPT}\r\n"), "does not name"),
            (format!("HTTP/1.1 101 x\r\n{up}\r\n"), "Sec-WebSocket-Accept"),
            (
                format!("HTTP/1.1 101 x\r\n{up}{ACCEPT}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
                "extension",
            ),
            ("HTTP/1.1 101 x\r\n\u{1}: x\r\n\r\n".to_owned(), "not HTTP"),
            ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), "HTTP 200"),
            ("HTTP/1.1 200 OK\n\n".to_owned(), "HTTP 200"),
            ("HTTP/1.1 302 Found\r\nLocation: https://other/hub\r\n\r\n".to_owned(), "https://other/hub"),
            ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), "no hub at this url"),
        ] {
            let error = answer(&head).unwrap_err().to_string();
            assert!(error.contains(part), "{head:?}: {error}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, expected) in [("7", Some(Duration::from_secs(7))), ("soon", None), ("-1", None)] {
            let head = format!("HTTP/1.1 503 x\r\nRetry-After: {value}\r\n\r\n");
            let Err(Error::Status { retry_after, .. }) = answer(&head) else { panic!("{head}") };
            assert_eq!(retry_after, expected, "{value}");
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
            let mut head = Head::default();
            let end = text.bytes().find_map(|byte| {
                head.bytes.push(byte);
                assert!(head.bytes.len() - head.searched <= 3, "{head:?}");
                head.length().unwrap()
            });
            assert_eq!(end, text.find("rest"), "{text:?}");
        }
    }

    #[tokio::test]
    async fn an_endless_head_is_refused() {
        let endpoint = Endpoint::parse("ws://h/x").unwrap();
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        let flood = async move {
            let _ = theirs.write_all(b"HTTP/1.1 101 x\r\n").await;
            while theirs
                .write_all(b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
                .await
                .is_ok()
            {}
        };
        let (result, ()) = tokio::join!(
            async {
                let result = upgrade(&mut ours, &endpoint, &[]).await;
                drop(ours);
                result
            },
            flood
        );
        assert!(result.unwrap_err().to_string().contains("more than"));
    }
}
