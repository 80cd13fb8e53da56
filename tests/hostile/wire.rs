//! The hub's end of a connection, byte by byte. It can send what no websocket library would.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use support::PATIENCE;

/// A problem at the hub's end.
pub(crate) type Outcome<T = ()> = Result<T, String>;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Gone,
}

/// The hub's end of a connection.
pub(crate) struct Wire {
    stream: Stream,
    unread: Vec<u8>,
    /// The client's upgrade request.
    pub(crate) head: String,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // a test that hangs says so
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: Stream::Plain(stream), unread: Vec::new(), head: String::new() }
    }

    /// Uses TLS from here on.
    pub(crate) fn start_tls(&mut self, config: &Arc<ServerConfig>) {
        let connection = ServerConnection::new(Arc::clone(config)).expect("a server's settings");
        if let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::Gone) {
            self.stream = Stream::Tls(Box::new(StreamOwned::new(connection, tcp)));
        }
    }

    fn tcp(&self) -> Option<&TcpStream> {
        match &self.stream {
            Stream::Plain(stream) => Some(stream),
            Stream::Tls(stream) => Some(&stream.sock),
            Stream::Gone => None,
        }
    }

    /// Reads the upgrade and accepts it.
    pub(crate) fn upgrade(&mut self) -> Outcome {
        self.read_head()?;
        let accepted = self.accepted();
        self.send(accepted);
        Ok(())
    }

    /// Reads the upgrade.
    pub(crate) fn read_head(&mut self) -> Outcome {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more()?;
        };
        self.head =
            String::from_utf8(self.unread.drain(..end).collect()).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Returns a header of the upgrade request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the answer that accepts the upgrade request.
    pub(crate) fn accepted(&self) -> String {
        let accept = self.accept_key();
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
    }

    pub(crate) fn accept_key(&self) -> String {
        derive_accept_key(self.header("sec-websocket-key").unwrap_or_default().as_bytes())
    }

    /// Continues until the client has sent its credentials. Returns the id of that call.
    pub(crate) fn until_authenticate(&mut self) -> Outcome<String> {
        self.upgrade()?;
        self.expect_record(&json!({"protocol": "json", "version": 1}))?;
        self.record("{}");
        self.expect_record(&json!({"type": 6}))?;
        self.read_authenticate()
    }

    /// Reads the credentials. Returns the id of the call.
    pub(crate) fn read_authenticate(&mut self) -> Outcome<String> {
        let call = self.read_record()?;
        if call["target"] != "authenticate" || call["type"] != 1 {
            return Err(format!("not the credentials: {call}"));
        }
        call["invocationId"].as_str().map(str::to_owned).ok_or_else(|| format!("without an id: {call}"))
    }

    /// Continues until the client is authenticated.
    pub(crate) fn ready(&mut self) -> Outcome {
        let id = self.until_authenticate()?;
        self.accept_credentials(&id);
        Ok(())
    }

    pub(crate) fn accept_credentials(&mut self, id: &str) {
        self.complete(id, r#"{"success":true,"error":null,"count":1}"#);
    }

    /// Answers a call with a result.
    pub(crate) fn complete(&mut self, id: &str, result: &str) {
        self.record(&format!(r#"{{"type":3,"invocationId":"{id}","result":{result}}}"#));
    }

    /// Sends bytes as they are. Returns whether the client, which may have left, took them.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes.as_ref()),
            Stream::Tls(stream) => stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()),
            Stream::Gone => return false,
        };
        sent.is_ok()
    }

    /// Sends one text message.
    pub(crate) fn text(&mut self, text: &str) -> bool {
        self.send(frame(TEXT, text.as_bytes()))
    }

    /// Sends one record as one message.
    pub(crate) fn record(&mut self, record: &str) -> bool {
        self.text(&format!("{record}\u{1e}"))
    }

    /// Pushes an event.
    pub(crate) fn push(&mut self, event: &str) -> bool {
        self.record(&push(event))
    }

    /// Returns the client's next frame: opcode and payload.
    pub(crate) fn read_frame(&mut self) -> Outcome<(u8, Vec<u8>)> {
        let head = self.take(2)?;
        if head[0] & 0xf0 != 0x80 || head[1] & 0x80 == 0 {
            return Err(format!("the client sent a frame that is unmasked or a fragment: {head:02x?}"));
        }
        let length = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.take(2)?.try_into().expect("two"))),
            127 => u64::from_be_bytes(self.take(8)?.try_into().expect("eight")),
            short => u64::from(short),
        };
        let mask = self.take(4)?;
        let mut payload = self.take(usize::try_from(length).map_err(|error| error.to_string())?)?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok((head[0] & 0x0f, payload))
    }

    /// Returns the client's next record. It sends each as one text message.
    pub(crate) fn read_record(&mut self) -> Outcome<Value> {
        let (opcode, payload) = self.read_frame()?;
        let shown = String::from_utf8_lossy(&payload).into_owned();
        match payload.split_last() {
            Some((0x1e, record)) if opcode == TEXT => {
                serde_json::from_slice(record).map_err(|error| format!("{shown}: {error}"))
            }
            _ => Err(format!("the client sent no record but {opcode}: {shown}")),
        }
    }

    pub(crate) fn expect_record(&mut self, expected: &Value) -> Outcome {
        let record = self.read_record()?;
        if record == *expected {
            Ok(())
        } else {
            Err(format!("expected {expected}, the client sent {record}"))
        }
    }

    /// Expects nothing from the client for a while.
    pub(crate) fn expect_silence(&mut self, time: Duration) -> Outcome {
        self.set_read_timeout(time);
        let read = self.read_frame();
        self.set_read_timeout(PATIENCE);
        match read {
            Err(error) if error.contains("nothing from the client") => Ok(()),
            other => Err(format!("expected silence, the client sent {other:?}")),
        }
    }

    /// Expects that the client has left.
    pub(crate) fn expect_gone(&mut self) -> Outcome {
        self.set_read_timeout(Duration::from_millis(1));
        match self.read_more() {
            Err(error) if error.starts_with("the client left") => Ok(()),
            other => Err(format!("the client is there: {other:?}")),
        }
    }

    /// Reads until the client is gone, and answers its goodbye.
    pub(crate) fn until_gone(&mut self) {
        while let Ok((opcode, _)) = self.read_frame() {
            if opcode == CLOSE {
                self.send(frame(CLOSE, &1000_u16.to_be_bytes()));
            }
        }
        // it may be in the middle of something other than a frame
        while self.read_more().is_ok() {
            self.unread.clear();
        }
    }

    /// Ends the connection like a process that ends: no more bytes from here.
    pub(crate) fn hang_up(&self) {
        let _ = self.tcp().map(|tcp| tcp.shutdown(Shutdown::Write));
    }

    /// Ends the connection like a host that has forgotten it: with a reset.
    pub(crate) fn reset(&mut self) {
        if let Some(tcp) = self.tcp() {
            socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).expect("a socket");
        }
        self.stream = Stream::Gone;
    }

    /// The connection as the system knows it.
    #[cfg(target_os = "linux")]
    pub(crate) fn descriptor(&self) -> std::os::fd::RawFd {
        std::os::fd::AsRawFd::as_raw_fd(self.tcp().expect("a socket"))
    }

    /// A second end of the connection, for a thread that only sends.
    pub(crate) fn split(&self) -> Self {
        Self::new(self.tcp().and_then(|tcp| tcp.try_clone().ok()).expect("a socket"))
    }

    /// Ends the connection in both directions.
    pub(crate) fn cut(&self) {
        let _ = self.tcp().map(|tcp| tcp.shutdown(Shutdown::Both));
    }

    fn set_read_timeout(&self, timeout: Duration) {
        let tcp = self.tcp().expect("the connection has not ended");
        tcp.set_read_timeout(Some(timeout)).expect("a socket");
    }

    /// Returns the next bytes from the client.
    pub(crate) fn take(&mut self, count: usize) -> Outcome<Vec<u8>> {
        while self.unread.len() < count {
            self.read_more()?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn read_more(&mut self) -> Outcome {
        let mut buffer = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut buffer),
            Stream::Tls(stream) => stream.read(&mut buffer),
            Stream::Gone => Ok(0),
        };
        match read {
            Ok(0) => Err("the client left".to_owned()),
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Err("nothing from the client".to_owned())
            }
            Err(error) => Err(format!("the client left: {error}")),
        }
    }
}

/// A whole frame, as a server sends it.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    raw_frame(0x80 | opcode, payload)
}

/// A frame with this first byte: FIN, reserved bits and opcode.
pub(crate) fn raw_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_head(first, u64::try_from(payload.len()).expect("it fits"));
    frame.extend_from_slice(payload);
    frame
}

/// The start of a frame that announces a payload of this length.
pub(crate) fn frame_head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => head.push(short),
        (_, Ok(medium)) => {
            head.push(126);
            head.extend(medium.to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend(length.to_be_bytes());
        }
    }
    head
}

/// The record that pushes an event.
pub(crate) fn push(event: &str) -> String {
    format!(r#"{{"type":1,"target":"pushEvent","arguments":[{event}]}}"#)
}
