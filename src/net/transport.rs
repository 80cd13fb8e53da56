//! Connections to a host: DNS, TCP, a proxy, TLS, and the first exchange over them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::error::{Error, ProxyProblem, Stage};
use super::exchange::{Exchange, hold};
use super::outflow::Outflow;
use super::proxy::Tunnel;
use super::race::{HeadStart, race};
use super::resolve;
use super::stream::Stream;
use super::tcp::Tcp;
use crate::config::{Endpoint, Proxy};

/// The largest number of addresses that one attempt tries.
const MAX_ADDRESSES: usize = 16;

/// How long an address may take to accept before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long an address that has accepted may take for TLS and the exchange before the next one is tried
/// beside it.
const OPEN_HEAD_START: Duration = Duration::from_secs(3);

/// How to reach hosts.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) proxy: Option<Proxy>,
    /// The time for one attempt.
    pub(crate) timeout: Duration,
}

/// One attempt to reach the hub: how far it got, and where it was.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Host and port that it is on its way to.
    to: Mutex<String>,
    stage: Mutex<Stage>,
    /// The addresses that the last attempt spoke to.
    before: Vec<SocketAddr>,
    /// The addresses that this one speaks to, with whom it meets there.
    spoken: Mutex<Vec<(String, SocketAddr)>>,
}

impl Attempt {
    pub(crate) fn new(before: Vec<SocketAddr>) -> Self {
        Self { to: Mutex::default(), stage: Mutex::new(Stage::Resolving), before, spoken: Mutex::default() }
    }

    /// Host and port that it is on its way to, and how far it got.
    pub(crate) fn progress(&self) -> (String, Stage) {
        (self.to.lock().clone(), *self.stage.lock())
    }

    /// The addresses that it spoke to.
    pub(crate) fn spoken(self) -> Vec<SocketAddr> {
        self.spoken.into_inner().into_iter().map(|(_, address)| address).collect()
    }

    /// Begins the way to a host.
    fn set_out(&self, to: &Endpoint) {
        to.authority.clone_into(&mut self.to.lock());
        *self.stage.lock() = Stage::Resolving;
    }

    /// Notes how far it got with any of the host's addresses.
    fn enter(&self, entered: Stage) {
        let mut stage = self.stage.lock();
        *stage = entered.max(*stage);
    }

    /// Notes who is spoken to at an address.
    fn speak(&self, to: &Endpoint, address: SocketAddr) {
        let mut spoken = self.spoken.lock();
        spoken.retain(|(who, _)| *who != to.authority);
        spoken.push((to.authority.clone(), address));
    }

    /// Sorts addresses: a machine that has negotiated with this attempt serves it too, and one that failed
    /// the last attempt may do so again.
    fn sort(&self, to: &Endpoint, addresses: &mut [SocketAddr]) {
        let spoken = self.spoken.lock();
        let ours = spoken.iter().find(|(who, _)| *who == to.authority).map(|(_, address)| *address);
        addresses.sort_by_key(|address| match ours {
            Some(ours) => *address != ours,
            None => self.before.contains(address),
        });
    }
}

impl Transport {
    /// Connects to a host and holds an exchange with it. Returns the stream, the outcome and what followed.
    pub(crate) async fn exchange<E: Exchange>(
        &self,
        attempt: &Attempt,
        to: &Endpoint,
        stage: Stage,
        ask: impl Fn() -> E,
    ) -> Result<(Stream, E::Outcome, Vec<u8>), Error> {
        attempt.set_out(to);
        let (name, port) = self.first_host(to);
        let unknown = |source| self.unresolved(&name, source);
        let mut addresses = interleave(resolve::SYSTEM.resolve(&name, port).await.map_err(unknown)?);
        attempt.sort(to, &mut addresses);
        addresses.truncate(MAX_ADDRESSES);
        let head_start = HeadStart { connect: HEAD_START, open: OPEN_HEAD_START.min(self.timeout / 4) };
        let open = async |tcp: Tcp| {
            let address = tcp.address;
            attempt.speak(to, address);
            let mut stream = self.secure(attempt, to, tcp).await?;
            attempt.enter(stage);
            let (outcome, rest) = hold(&mut stream, ask()).await?;
            // another address may have been spoken to meanwhile
            attempt.speak(to, address);
            Ok((stream, outcome, rest))
        };
        let opened = race(addresses, head_start, |address| self.connect(attempt, to, address), open);
        let no_address = || unknown(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        opened.await.map_err(|failure| failure.unwrap_or_else(no_address))
    }

    /// Name and port to connect to: the proxy's, if there is one.
    fn first_host(&self, to: &Endpoint) -> (String, u16) {
        match &self.proxy {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => (to.lookup_name(), to.port),
        }
    }

    fn unresolved(&self, name: &str, source: io::Error) -> Error {
        match &self.proxy {
            Some(proxy) => Error::Proxy { proxy: proxy.to_string(), problem: ProxyProblem::Resolve(source) },
            None => Error::Resolve { host: name.to_owned(), source },
        }
    }

    async fn connect(&self, attempt: &Attempt, to: &Endpoint, address: SocketAddr) -> Result<Tcp, Error> {
        attempt.enter(Stage::Connecting);
        Tcp::connect(address).await.map_err(|source| match &self.proxy {
            Some(proxy) => {
                let problem = ProxyProblem::Connect { at: address.ip().to_string(), source };
                Error::Proxy { proxy: proxy.to_string(), problem }
            }
            None => {
                let named = to.host.parse::<IpAddr>().is_err();
                let at = if named { format!(" ({})", address.ip()) } else { String::new() };
                Error::Connect { to: format!("{}{at}", to.host_and_port()), source }
            }
        })
    }

    /// The way through the proxy, and TLS, over a connection.
    async fn secure(&self, attempt: &Attempt, to: &Endpoint, tcp: Tcp) -> Result<Stream, Error> {
        let mut tcp = Outflow::new(tcp);
        if let Some(proxy) = &self.proxy {
            attempt.enter(Stage::Tunneling);
            hold(&mut tcp, Tunnel::new(proxy, to)).await?;
        }
        if !to.secure {
            return Ok(Stream::Plain(tcp));
        }
        attempt.enter(Stage::Securing);
        let failed = |source| Error::Tls { host: to.host.clone(), source };
        let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(io::Error::other(error)))?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        Ok(Stream::Tls(Box::new(secured.map_err(failed)?)))
    }
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
