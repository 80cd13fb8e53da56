//! The way to the hub: DNS, TCP, TLS and the websocket upgrade.

mod error;
mod frames;
mod outflow;
mod race;
mod resolve;
mod tcp;
mod tls;
mod upgrade;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::config::{Config, Endpoint, Secret};
use crate::error::Error as ApiError;
use error::Stage;
use frames::SmallFrames;
use outflow::Outflow;
use race::{HeadStart, race};
use tcp::Tcp;

pub(crate) use error::Error;

/// Bounds what waits to be written. The few records that can be pending need far less.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;

/// The largest number of addresses that one attempt tries.
const MAX_ADDRESSES: usize = 16;

/// How long an address may take to accept before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long an address that has accepted may take for TLS and the upgrade before the next one is tried
/// beside it.
const OPEN_HEAD_START: Duration = Duration::from_secs(3);

/// The websocket to a hub.
pub(crate) type Socket = WebSocketStream<SmallFrames<Stream>>;

/// How to reach one hub.
#[derive(Debug)]
pub(crate) struct Dialer {
    hub: Endpoint,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    headers: Vec<(String, Secret)>,
    timeout: Duration,
    max_message: usize,
    /// The address that the last attempt spoke to.
    last: Mutex<Option<SocketAddr>>,
}

impl Dialer {
    /// Checks the options that concern the way to the hub. Reads `caFile`.
    pub(crate) fn new(config: &Config) -> Result<Self, ApiError> {
        let hub = config.hub.clone();
        let client = tls::client_config(config.ca_file.as_deref(), config.insecure_tls)?;
        let tls = if hub.secure { Some((client, server_name(&hub.host)?)) } else { None };
        Ok(Self {
            hub,
            tls,
            headers: config.headers.clone(),
            timeout: config.connect_timeout,
            max_message: config.max_message,
            last: Mutex::new(None),
        })
    }

    /// Host and port, for sentences.
    pub(crate) fn authority(&self) -> &str {
        &self.hub.authority
    }

    /// Opens a websocket: DNS, TCP, TLS and upgrade within the one timeout.
    pub(crate) async fn dial(&self) -> Result<Socket, Error> {
        let stage = Mutex::new(Stage::Resolving);
        let dialed = tokio::time::timeout(self.timeout, self.steps(&stage)).await;
        dialed.unwrap_or_else(|_| {
            Err(Error::Timeout { after: self.timeout, to: self.hub.authority.clone(), stage: *stage.lock() })
        })
    }

    async fn steps(&self, stage: &Mutex<Stage>) -> Result<Socket, Error> {
        let name = self.hub.lookup_name();
        let unknown = |source| Error::Resolve { host: name.clone(), source };
        let mut addresses = interleave(resolve::SYSTEM.resolve(&name, self.hub.port).await.map_err(unknown)?);
        if let Some(last) = *self.last.lock() {
            // that attempt failed, or its link ended: another address may serve better
            addresses.sort_by_key(|address| *address == last);
        }
        addresses.truncate(MAX_ADDRESSES);
        let head_start = HeadStart { connect: HEAD_START, open: OPEN_HEAD_START.min(self.timeout / 4) };
        let opened = race(addresses, head_start, |at| self.connect(at, stage), |tcp| self.open(tcp, stage));
        let no_address = || unknown(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        opened.await.map_err(|failure| failure.unwrap_or_else(no_address))
    }

    async fn connect(&self, address: SocketAddr, stage: &Mutex<Stage>) -> Result<Tcp, Error> {
        enter(stage, Stage::Connecting);
        Tcp::connect(address).await.map_err(|source| {
            let named = self.hub.host.parse::<IpAddr>().is_err();
            let at = if named { format!(" ({})", address.ip()) } else { String::new() };
            Error::Connect { to: format!("{}{at}", self.hub.host_and_port()), source }
        })
    }

    /// TLS and the upgrade over a connection.
    async fn open(&self, tcp: Tcp, stage: &Mutex<Stage>) -> Result<Socket, Error> {
        *self.last.lock() = Some(tcp.address);
        let tcp = Outflow::new(tcp);
        let mut stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some((config, name)) => {
                enter(stage, Stage::Securing);
                let secured = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await;
                let host = || self.hub.host.clone();
                Stream::Tls(Box::new(secured.map_err(|source| Error::Tls { host: host(), source })?))
            }
        };
        enter(stage, Stage::Upgrading);
        let rest = upgrade::upgrade(&mut stream, &self.hub, &self.headers).await?;
        stream.outflow_mut().watch();
        // a message holds at least one record, and the hub may put several small ones into it
        let most = self.max_message.saturating_add(1024 * 1024);
        let config = WebSocketConfig::default()
            .max_message_size(Some(most))
            .max_frame_size(Some(most))
            .max_write_buffer_size(MAX_WRITE_BUFFER);
        let stream = SmallFrames::new(stream, rest, most);
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
    }
}

/// Notes how far the attempt got with any of its addresses.
fn enter(stage: &Mutex<Stage>, entered: Stage) {
    let mut stage = stage.lock();
    *stage = entered.max(*stage);
}

/// Keeps the resolver's order but alternates the address families, so that a dead family does not hold
/// up the other.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let (ours, theirs): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut ours, mut theirs) = (ours.into_iter(), theirs.into_iter());
    let mut sorted = Vec::new();
    loop {
        let before = sorted.len();
        sorted.extend(ours.next());
        sorted.extend(theirs.next());
        if sorted.len() == before {
            return sorted;
        }
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, ApiError> {
    ServerName::try_from(host.to_owned()).map_err(|_| ApiError::Option {
        key: "\"url\"".to_owned(),
        problem: "has a host that cannot be in a certificate".to_owned(),
    })
}

/// A byte stream to the hub.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Outflow<Tcp>),
    Tls(Box<TlsStream<Outflow<Tcp>>>),
}

impl Stream {
    /// Its writing side.
    pub(crate) fn outflow(&self) -> &Outflow<Tcp> {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn outflow_mut(&mut self) -> &mut Outflow<Tcp> {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_mut().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_resolver_leads() {
        let parse =
            |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(interleave(given), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
    }
}
