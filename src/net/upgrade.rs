//! The HTTP upgrade to a websocket. It is our own because `Connection: keep-alive, Upgrade` is as good as
//! `Upgrade`, and because each refusal has to be told apart.

use std::io;

use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::error::{Asked, Error};
use super::exchange::{Exchange, Next};
use super::http::{Head, Response, request};
use crate::config::{Endpoint, Secret};

/// Asks a hub for a websocket. What follows its answer are the first bytes of that.
#[derive(Debug)]
pub(crate) struct Upgrade {
    what: Asked,
    key: String,
    request: Option<Vec<u8>>,
    head: Head,
}

impl Upgrade {
    pub(crate) fn new(hub: &Endpoint, headers: &[(String, Secret)], what: Asked) -> Self {
        Self::with_key(hub, headers, what, generate_key())
    }

    fn with_key(hub: &Endpoint, headers: &[(String, Secret)], what: Asked, key: String) -> Self {
        let own = format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        );
        let request = Some(request("GET", hub, &own, headers));
        Self { what, key, request, head: Head::default() }
    }

    fn invalid(&self, problem: String) -> Error {
        Error::Answer { what: self.what.clone(), problem }
    }

    /// Checks that a head accepts the upgrade.
    fn check(&self, response: &Response) -> Result<(), Error> {
        if response.status != 101 {
            return Err(response.refusal(self.what.clone()));
        }
        let but = |what: &str| Err(self.invalid(format!("it accepts but {what}")));
        if !response.lists("upgrade", "websocket") || !response.lists("connection", "upgrade") {
            return but("does not name the websocket upgrade");
        }
        if response.header("sec-websocket-accept") != Some(derive_accept_key(self.key.as_bytes()).as_str()) {
            return but("its Sec-WebSocket-Accept is wrong: something in between answered for the hub");
        }
        let offered =
            ["sec-websocket-protocol", "sec-websocket-extensions"].map(|name| response.header(name));
        if offered != [None, None] {
            return but("chose a protocol or an extension that was not offered");
        }
        Ok(())
    }
}

impl Exchange for Upgrade {
    type Outcome = ();

    fn next(&mut self, received: &mut Vec<u8>, ended: bool) -> Result<Next<()>, Error> {
        if let Some(request) = self.request.take() {
            return Ok(Next::Send(request));
        }
        match self.head.take(received).map_err(|problem| self.invalid(problem))? {
            Some(response) => self.check(&response).map(Next::Done),
            None if ended => Err(self.invalid("the connection ended before the answer did".to_owned())),
            None => Ok(Next::Read),
        }
    }

    fn broken(&self, source: io::Error) -> Error {
        Error::Broken { what: self.what.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::AskedKind;
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    /// What follows the head of an answer that accepts; `None` while it is not whole.
    fn answer(text: &str) -> Result<Option<String>, Error> {
        let what =
            Asked { kind: AskedKind::Upgrade { negotiated: false }, elsewhere: None, secrets: Vec::new() };
        let hub = Endpoint::read("ws://h/x").unwrap();
        let mut upgrade = Upgrade::with_key(&hub, &[], what, KEY.to_owned());
        let mut received = Vec::new();
        let Next::Send(request) = upgrade.next(&mut received, false)? else { panic!("it asks first") };
        assert!(request.starts_with(b"GET /x HTTP/1.1\r\nHost: h\r\n") && request.ends_with(b"\r\n\r\n"));
        received.extend_from_slice(text.as_bytes());
        let next = upgrade.next(&mut received, false)?;
        Ok(matches!(next, Next::Done(())).then(|| String::from_utf8(received).unwrap()))
    }

    #[test]
    fn accepts_every_legal_spelling_and_keeps_what_follows() {
        for upgrade in [
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
            "connection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\n",
        ] {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{ACCEPT}\r\n");
            assert_eq!(answer(&format!("{head}\u{1}frames")).unwrap().as_deref(), Some("\u{1}frames"));
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
            (format!("HTTP/1.1 101 x\r\n{}", "X-A: a\r\n".repeat(8_192)), "more than 32768 bytes"),
        ] {
            let error = answer(&head).unwrap_err().to_string();
            assert!(error.contains(part), "{head:.200?}: {error}");
        }
    }
}
