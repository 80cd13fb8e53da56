//! The way to the hub: URL, DNS, TCP, TLS and the websocket upgrade.

mod error;
mod frames;
mod outflow;
mod tcp;
mod tls;
mod upgrade;
mod url;

use std::io;
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

use crate::config::{Config, Secret};
use crate::error::Error as ApiError;
use frames::SmallFrames;
use outflow::Outflow;
use tcp::Tcp;
use url::Endpoint;

pub(crate) use error::Error;

/// How much may wait to be written: far more than the few records of ours that can be pending.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;

/// The websocket to a hub.
pub(crate) type Socket = WebSocketStream<SmallFrames<Stream>>;

/// How to reach one hub.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    headers: Vec<(String, Secret)>,
    timeout: Duration,
    max_message: usize,
}

impl Dialer {
    /// Checks the options that concern the way to the hub. Reads `caFile`.
    pub(crate) fn new(config: &Config) -> Result<Self, ApiError> {
        let endpoint = Endpoint::parse(&config.url)?;
        let client = tls::client_config(config.ca_file.as_deref(), config.insecure_tls)?;
        let tls = if endpoint.secure { Some((client, server_name(&endpoint.host)?)) } else { None };
        Ok(Self {
            endpoint,
            tls,
            headers: config.headers.clone(),
            timeout: config.connect_timeout,
            max_message: config.max_message,
        })
    }

    /// Host and port, for sentences.
    pub(crate) fn authority(&self) -> &str {
        &self.endpoint.authority
    }

    /// Opens a websocket: DNS, TCP, TLS and upgrade within the one timeout.
    pub(crate) async fn dial(&self) -> Result<Socket, Error> {
        let stage = Mutex::new("resolving and connecting");
        let dialed = tokio::time::timeout(self.timeout, self.steps(&stage)).await;
        dialed.unwrap_or_else(|_| Err(Error::Timeout { after: self.timeout, stage: *stage.lock() }))
    }

    async fn steps(&self, stage: &Mutex<&'static str>) -> Result<Socket, Error> {
        let tcp = tcp::connect(&self.endpoint.host, self.endpoint.port).await?;
        let tcp = Outflow::new(tcp);
        let mut stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some((config, name)) => {
                *stage.lock() = "negotiating TLS";
                let connected = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await;
                let host = || self.endpoint.host.clone();
                Stream::Tls(Box::new(connected.map_err(|source| Error::Tls { host: host(), source })?))
            }
        };
        *stage.lock() = "upgrading to a websocket";
        let rest = upgrade::upgrade(&mut stream, &self.endpoint, &self.headers).await?;
        stream.outflow_mut().watch();
        // a message holds at least one record, and a hub may put several small ones into one
        let most = self.max_message.saturating_add(1024 * 1024);
        let config = WebSocketConfig::default()
            .max_message_size(Some(most))
            .max_frame_size(Some(most))
            .max_write_buffer_size(MAX_WRITE_BUFFER);
        let stream = SmallFrames::new(stream, rest, most);
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, ApiError> {
    ServerName::try_from(host.to_owned()).map_err(|_| ApiError::Option {
        key: "\"url\"".to_owned(),
        problem: "has a host that no certificate can be for".to_owned(),
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
