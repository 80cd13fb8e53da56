//! The local hub as these tests need it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use sonoran_hub::{Delivered, Options, Shape};

use support::client::{Process, Session};
use support::PATIENCE;

pub(crate) const COMMUNITY: &str = "demo";
pub(crate) const KEY: &str = "demo-key";

/// A running hub.
#[derive(Debug)]
pub(crate) struct Hub {
    hub: sonoran_hub::Hub,
    url: String,
}

impl Hub {
    pub(crate) fn start(process: &Process) -> Self {
        Self::start_with(process, Options::default())
    }

    pub(crate) fn start_with(_: &Process, options: Options) -> Self {
        static STARTED: AtomicU16 = AtomicU16::new(0);
        let hub = sonoran_hub::Hub::start(options).expect("the hub starts");
        // one of its own: its port may have been another hub's, whose session would be taken over
        let url = format!("{}?hub={}", hub.url(), STARTED.fetch_add(1, Ordering::Relaxed));
        Self { hub, url }
    }

    /// Starts a hub on a port that [`lasting_port`] gave.
    pub(crate) fn start_on(process: &Process, port: u16) -> Self {
        let hub = Self::start_with(process, Options { listen: local(port), ..Options::default() });
        Self { url: url(port), ..hub }
    }

    /// Stops at once, as a killed process does.
    pub(crate) fn stop(self) {
        self.hub.stop();
    }

    /// The options of a session with this hub; `more` are further ones.
    pub(crate) fn options(&self, server: u32, more: &Value) -> Value {
        options(&self.url, server, more)
    }

    /// A session that is ready.
    #[track_caller]
    pub(crate) fn ready(&self, server: u32, more: &Value) -> Session {
        let session = Session::connect(&self.options(server, more));
        session.expect("SESSION_READY");
        session
    }

    /// Pushes to the sessions of a server, of which there must be one.
    #[track_caller]
    pub(crate) fn push(&self, server: u32, body: &str) {
        self.push_as(server, body, Shape::Verbatim);
    }

    #[track_caller]
    pub(crate) fn push_as(&self, server: u32, body: &str, shape: Shape) {
        assert_eq!(
            self.wait(self.hub.push(COMMUNITY, server, body, shape)),
            Delivered::WebSocket,
            "{body:.200}"
        );
    }

    /// Pushes so many events with their number as `data.seq`.
    pub(crate) fn burst(&self, server: u32, count: u64) {
        let report = self.wait(self.hub.burst(sonoran_hub::Burst::new(COMMUNITY, server, count)));
        assert_eq!((report.websocket, report.other), (count, 0));
    }

    /// Waits until something is so at the hub.
    #[track_caller]
    pub(crate) fn when(&self, what: &str, is_so: impl FnMut(&sonoran_hub::Hub) -> bool) {
        assert!(self.wait(self.until(PATIENCE, is_so)), "{what}: {:?}", self.calls());
    }

    /// The names of the documented methods that were called.
    pub(crate) fn called(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.method).collect()
    }

    /// The connections that are authenticated.
    pub(crate) fn connections(&self) -> Vec<String> {
        self.sessions().into_iter().map(|session| session.connection_id).collect()
    }
}

impl Deref for Hub {
    type Target = sonoran_hub::Hub;

    fn deref(&self) -> &sonoran_hub::Hub {
        &self.hub
    }
}

/// The options of a session with the hub at this URL.
pub(crate) fn options(url: &str, server: u32, more: &Value) -> Value {
    let mut options = json!({
        "communityId": COMMUNITY, "apiKey": KEY, "serverId": server, "url": url, "retryMinMs": 10, "retryMaxMs": 100,
    });
    for (key, value) in more.as_object().expect("an object") {
        options[key] = value.clone();
    }
    options
}

/// The URL of a hub on a port that [`lasting_port`] gave.
pub(crate) fn url(port: u16) -> String {
    format!("ws://{}/apiWsHub", local(port))
}

/// A port for a hub that comes later or again: none that the system gives to whoever asks for any.
pub(crate) fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 10_000).expect("it is small");
    loop {
        let port = 20_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(local(port)).is_ok() {
            return port;
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// An event with a number.
pub(crate) fn event(number: usize) -> String {
    format!(r#"{{"key":"{KEY}","type":"EVENT_UNIT_STATUS","data":{{"number":{number}}}}}"#)
}
