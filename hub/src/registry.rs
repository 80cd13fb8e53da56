//! What the hub remembers: sessions, calls, requests, and how to treat credentials.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::{
    options::{Options, Sessions},
    peer::Peer,
};

/// Remember only this many calls and requests, so that a hub can run for weeks.
const REMEMBERED: usize = 100_000;

/// A client that has authenticated.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The connection's id.
    pub connection_id: String,
    /// The community it authenticated for.
    pub community: String,
    /// The server it authenticated for. Without one it gets no pushes.
    #[serde(rename = "serverId", serialize_with = "server_text")]
    pub server: Option<u32>,
    /// When it authenticated.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
}

/// A call of a documented hub method.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The method's name.
    pub method: String,
    /// The caller's connection.
    pub connection_id: String,
    /// The server id in the call, or the session's; the text `null` if the client sent `null`.
    pub server_id: Option<String>,
    /// Milliseconds since the hub started.
    pub at_ms: f64,
    /// The argument of `unitLocation`, as received.
    pub argument: Option<Box<RawValue>>,
}

/// An HTTP request to the hub's own path.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Authorization` header, or nothing.
    pub authorization: String,
    /// The `User-Agent` header, or nothing.
    pub user_agent: String,
    /// Milliseconds since the hub started.
    pub at_ms: f64,
}

/// How the hub treats authentication.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Refuse everyone with this text.
    pub reject: Option<String>,
    /// Take this long to answer.
    pub delay: Duration,
}

/// Community and server: the address of a push.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair(pub(crate) String, pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Registry {
    started: Instant,
    sessions: Sessions,
    inner: Mutex<Inner>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    /// In the order of authentication.
    sessions: Vec<(Session, Arc<Peer>)>,
    routes: HashMap<Pair, Vec<Arc<Peer>>>,
    calls: VecDeque<Call>,
    requests: VecDeque<Request>,
    auth: Auth,
}

impl Registry {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            started: Instant::now(),
            sessions: options.sessions,
            inner: Mutex::default(),
            changes: watch::Sender::default(),
        }
    }

    pub(crate) fn join(&self, session: Session, peer: &Arc<Peer>) {
        let mut inner = self.inner.lock();
        inner.remove(peer);
        if let Some(server) = session.server {
            let pair = Pair(session.community.clone(), server);
            inner.routes.entry(pair).or_default().push(Arc::clone(peer));
        }
        inner.sessions.push((session, Arc::clone(peer)));
        drop(inner);
        self.changes.send_replace(());
    }

    pub(crate) fn leave(&self, peer: &Arc<Peer>) {
        self.inner.lock().remove(peer);
        self.changes.send_replace(());
    }

    /// Returns the peers that get a push for this pair.
    pub(crate) fn route(&self, pair: &Pair) -> Vec<Arc<Peer>> {
        let inner = self.inner.lock();
        let peers = inner.routes.get(pair).map(Vec::as_slice).unwrap_or_default();
        match self.sessions {
            Sessions::Many => peers.to_vec(),
            Sessions::Last => peers.last().into_iter().cloned().collect(),
        }
    }

    pub(crate) fn session_of(&self, peer: &Arc<Peer>) -> Option<Session> {
        let inner = self.inner.lock();
        inner.sessions.iter().find(|(_, other)| Arc::ptr_eq(other, peer)).map(|(session, _)| session.clone())
    }

    pub(crate) fn sessions(&self) -> Vec<(Session, Arc<Peer>)> {
        self.inner.lock().sessions.clone()
    }

    /// Disconnects the sessions of a server, or all sessions.
    pub(crate) fn abort(&self, server: Option<u32>) -> usize {
        let mut hit = self.sessions();
        hit.retain(|(session, _)| server.is_none() || session.server == server);
        for (_, peer) in &hit {
            self.leave(peer);
            peer.abort();
        }
        hit.len()
    }

    pub(crate) fn record_call(
        &self,
        method: &str,
        peer: &Peer,
        server_id: Option<String>,
        argument: Option<&RawValue>,
    ) {
        let call = Call {
            method: method.to_owned(),
            connection_id: peer.id().to_owned(),
            server_id,
            at_ms: self.now_ms(),
            argument: argument.map(ToOwned::to_owned),
        };
        remember(&mut self.inner.lock().calls, call);
        self.changes.send_replace(());
    }

    pub(crate) fn record_request(&self, request: Request) {
        remember(&mut self.inner.lock().requests, request);
        self.changes.send_replace(());
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inner.lock().calls.iter().cloned().collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.inner.lock().requests.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.calls.clear();
        inner.requests.clear();
    }

    pub(crate) fn auth(&self) -> Auth {
        self.inner.lock().auth.clone()
    }

    pub(crate) fn set_auth(&self, auth: Auth) {
        self.inner.lock().auth = auth;
    }

    /// Signals every session that comes or goes, every call and every request.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }
}

impl Inner {
    fn remove(&mut self, peer: &Arc<Peer>) {
        self.sessions.retain(|(_, other)| !Arc::ptr_eq(other, peer));
        self.routes.retain(|_, peers| {
            peers.retain(|other| !Arc::ptr_eq(other, peer));
            !peers.is_empty()
        });
    }
}

fn remember<T>(items: &mut VecDeque<T>, item: T) {
    if items.len() == REMEMBERED {
        items.pop_front();
    }
    items.push_back(item);
}

fn server_text<S: Serializer>(server: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match server {
        Some(server) => serializer.collect_str(server),
        None => serializer.serialize_str("null"),
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_micros(*time))
}
