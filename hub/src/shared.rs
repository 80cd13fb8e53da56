//! What all parts of a hub share.

use std::fmt;

use tokio::runtime::Handle;

use crate::{
    options::Options,
    peer::Answer,
    protocol,
    registry::{Pair, Registry},
    tickets::Tickets,
};

/// What all parts of a hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) registry: Registry,
    pub(crate) tickets: Tickets,
    /// The hub's own runtime.
    pub(crate) handle: Handle,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        let registry = Registry::new(&options);
        Self { options, registry, tickets: Tickets::default(), handle: Handle::current() }
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

    /// Prints a line for the user, if asked to.
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
