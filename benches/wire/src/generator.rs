//! A hub for one client, and faster than the local one: it authenticates whoever comes, and sends what is ready.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io::Write as _, thread};

use anyhow::{Context, Result};
use tokio_tungstenite::tungstenite::accept;

use crate::clock;
use crate::load::{Block, message};

/// Gives up on a client that neither reads nor leaves.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is sent once the client is authenticated.
#[derive(Debug)]
pub(crate) enum Work {
    /// This many events, as fast as the client takes them.
    Flood(Block, usize),
    /// Single events this far apart.
    Steady(Block, usize, Duration),
}

/// What a generator did.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// How much of the time that sending took it was computing.
    pub(crate) busy: f64,
    /// When each steady event went out.
    pub(crate) times: Vec<u64>,
}

/// A generator that waits for its client, and then for it to leave.
#[derive(Debug)]
pub(crate) struct Generator {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<Result<Sent>>,
}

impl Generator {
    pub(crate) fn start(work: Work) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let thread = thread::spawn(move || {
            let (stream, _) = listener.accept()?;
            let mut stream = greet(stream).context("the client did not authenticate")?;
            let sent = work.send(&mut stream).context("the client does not read")?;
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
            Ok(sent)
        });
        Ok(Self { address, thread })
    }

    pub(crate) fn end(self) -> Result<Sent> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the generator panicked"))?
    }
}

/// The upgrade, the handshake and the answer to the credentials.
fn greet(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut socket = accept(stream)?;
    loop {
        let said = socket.read()?.into_text()?;
        let stream = socket.get_mut();
        if said.contains("\"protocol\"") {
            stream.write_all(&message("{}\u{1e}"))?;
        }
        let id = said.split_once("\"invocationId\":\"").and_then(|(_, rest)| rest.split('"').next());
        if let Some(id) = id {
            let result = format!(
                "{{\"type\":3,\"invocationId\":\"{id}\",\"result\":{{\"success\":true,\"error\":null,\"count\":1}}}}\u{1e}"
            );
            stream.write_all(&message(&result))?;
            // what is read from here on is only the sign that the client has left
            return Ok(stream.try_clone()?);
        }
    }
}

impl Work {
    fn send(&self, stream: &mut TcpStream) -> Result<Sent> {
        let mut sent = Sent::default();
        match self {
            Self::Flood(block, events) => {
                let (start, computed) = (clock::now(), clock::thread());
                block.send(*events, |bytes| stream.write_all(bytes))?;
                sent.busy = (clock::thread() - computed) as f64 / (clock::now() - start).max(1) as f64;
            }
            Self::Steady(block, events, apart) => {
                let apart = u64::try_from(apart.as_nanos())?;
                let start = clock::now();
                for number in 1..=*events as u64 {
                    let due = start + number * apart;
                    thread::sleep(Duration::from_nanos(due.saturating_sub(clock::now())));
                    sent.times.push(clock::now());
                    block.send(1, |bytes| stream.write_all(bytes))?;
                }
            }
        }
        Ok(sent)
    }
}
