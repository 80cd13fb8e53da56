//! State that all parts of a hub share.

use std::{fmt, sync::Arc, time::Duration};

use axum::extract::State;
use tokio::{runtime::Handle, sync::watch};

use crate::{
    faults::Faults,
    journal::Journal,
    options::Options,
    peer::Answer,
    protocol,
    registry::{Pair, Registry},
    tickets::{self, Tickets},
    units::Units,
};

/// The hub, as an HTTP handler gets it.
pub(crate) type Hub = State<Arc<Shared>>;

/// State that all parts of a hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) registry: Registry,
    pub(crate) tickets: Tickets,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) units: Units,
    /// The time between two events of the stream, if it is on.
    pub(crate) stream: watch::Sender<Option<Duration>>,
    /// Tells replays to end.
    pub(crate) replays: watch::Sender<()>,
    /// The token that the page and the remote control require, if any.
    pub(crate) token: Option<String>,
    /// Values that a request's `Host` may have.
    pub(crate) hosts: Vec<String>,
    /// The hub's own runtime.
    pub(crate) handle: Handle,
}

impl Shared {
    pub(crate) fn new(options: Options, urls: &[String]) -> Self {
        let addresses = [Some(options.listen), options.plain];
        let is_open = addresses.iter().flatten().any(|address| !address.ip().is_loopback());
        let made = || is_open.then(tickets::random_id);
        Self {
            registry: Registry::new(&options),
            tickets: Tickets::default(),
            faults: Faults::new(options.fallback.clone()),
            journal: Journal::new(),
            units: Units::default(),
            stream: watch::Sender::new(options.stream),
            replays: watch::Sender::default(),
            token: options.token.clone().or_else(made),
            hosts: urls.iter().filter_map(|url| Some(url.split_once("://")?.1.to_owned())).collect(),
            handle: Handle::current(),
            options,
        }
    }

    pub(crate) fn community_or_default(&self, community: Option<String>) -> String {
        let default = || self.options.communities.first().map(|first| first.id.clone());
        community.or_else(default).unwrap_or_default()
    }

    pub(crate) async fn call_client(&self, pair: &Pair, target: &str, arguments: &str) -> bool {
        self.send_to(pair, &protocol::invocation(None, target, arguments)).await
    }

    pub(crate) async fn ask_client(&self, pair: &Pair, target: &str, arguments: &str) -> Answer {
        let Some(peer) = self.registry.route(pair).into_iter().next() else {
            return Err("no session for that server".into());
        };
        peer.ask(target, arguments).await.unwrap_or_else(|| Err("the client left".into()))
    }

    /// Prints a line if `--verbose` is set.
    pub(crate) fn note(&self, text: fmt::Arguments<'_>) {
        if self.options.verbose {
            eprintln!("{:10.3} {text}", self.registry.now_ms() / 1000.0);
        }
    }

    /// Sends whole records to the sessions of a server. Returns whether there was one.
    pub(crate) async fn send_to(&self, pair: &Pair, records: &str) -> bool {
        let mut sent = false;
        for peer in self.registry.route(pair) {
            sent |= peer.send(records).await;
        }
        sent
    }
}
