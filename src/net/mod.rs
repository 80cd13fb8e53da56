//! The way to the hub: DNS, TCP, a proxy, TLS, the negotiation and the websocket upgrade.

mod error;
mod exchange;
mod frames;
mod http;
mod inflow;
mod negotiation;
mod outflow;
mod proxy;
mod race;
mod resolve;
mod stream;
mod tcp;
mod tls;
mod transport;
mod upgrade;

use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::config::{Config, Endpoint, Secret};
use crate::error::Error as ApiError;
use error::{AskedKind, Stage};
use frames::SmallFrames;
use negotiation::{Negotiate, Way};
use stream::Stream;
use transport::{Attempt, Transport};
use upgrade::Upgrade;

pub(crate) use error::Error;

/// Bounds what waits to be written. The few records that can be pending need far less.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;

/// The websocket to a hub.
pub(crate) type Socket = WebSocketStream<SmallFrames<Stream>>;

/// How to reach one hub.
#[derive(Debug)]
pub(crate) struct Dialer {
    hub: Endpoint,
    headers: Vec<(String, Secret)>,
    negotiates: bool,
    transport: Transport,
    timeout: Duration,
    max_message: usize,
    /// The addresses that the last attempt spoke to.
    last: Mutex<Vec<SocketAddr>>,
}

impl Dialer {
    /// Checks the options that concern the way to the hub. Reads `caFile`.
    pub(crate) fn new(config: &Config) -> Result<Self, ApiError> {
        let hub = config.hub.clone();
        let tls = tls::client_config(config.ca_file.as_deref(), config.insecure_tls)?;
        if hub.secure {
            check_server_name(&hub.host)?;
        }
        Ok(Self {
            hub,
            headers: config.headers.clone(),
            negotiates: config.negotiate,
            transport: Transport { tls, proxy: config.proxy.clone(), timeout: config.connect_timeout },
            timeout: config.connect_timeout,
            max_message: config.max_message,
            last: Mutex::default(),
        })
    }

    /// Host and port, for sentences.
    pub(crate) fn authority(&self) -> &str {
        &self.hub.authority
    }

    /// Opens a websocket: everything within the one timeout.
    pub(crate) async fn dial(&self) -> Result<Socket, Error> {
        // an address that failed, or whose link ended: another may serve better
        let attempt = Attempt::new(std::mem::take(&mut *self.last.lock()));
        let dialed = tokio::time::timeout(self.timeout, self.steps(&attempt)).await;
        let dialed = dialed.unwrap_or_else(|_| {
            let (to, stage) = attempt.progress();
            let proxy = self.transport.proxy.as_ref().map(ToString::to_string);
            Err(Error::Timeout { to, proxy, after: self.timeout, stage })
        });
        *self.last.lock() = attempt.spoken();
        dialed
    }

    async fn steps(&self, attempt: &Attempt) -> Result<Socket, Error> {
        let way = self.way(attempt).await?;
        let upgrade = || {
            let kind = AskedKind::Upgrade { negotiated: way.is_negotiated() };
            Upgrade::new(&way.hub, &way.headers(), way.asked(kind))
        };
        let opened = self.transport.exchange(attempt, &way.hub, Stage::Upgrading, upgrade).await;
        let (mut stream, (), rest) = opened?;
        stream.outflow_mut().watch();
        // a message holds at least one record, and the hub may put several small ones into it
        let most = self.max_message.saturating_add(1024 * 1024);
        let config = WebSocketConfig::default()
            .read_buffer_size(frames::AT_ONCE)
            .max_message_size(Some(most))
            .max_frame_size(Some(most))
            .max_write_buffer_size(MAX_WRITE_BUFFER);
        let stream = SmallFrames::new(stream, rest, most);
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
    }

    /// Finds this attempt's way.
    async fn way(&self, attempt: &Attempt) -> Result<Way, Error> {
        let mut way = Way::new(&self.hub, &self.headers);
        if !self.negotiates {
            return Ok(way);
        }
        loop {
            let ask = || Negotiate::new(&way);
            let asked = self.transport.exchange(attempt, &way.hub, Stage::Negotiating, ask).await;
            let (_, answer, _) = asked?;
            if way.follow(&answer).map_err(Error::Negotiation)? {
                return Ok(way);
            }
        }
    }
}

fn check_server_name(host: &str) -> Result<(), ApiError> {
    let name = ServerName::try_from(host).map_err(|_| ApiError::Option {
        key: "\"url\"".to_owned(),
        problem: "has a host that cannot be in a certificate".to_owned(),
    });
    name.map(drop)
}
