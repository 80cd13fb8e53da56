//! The local hub, for these tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use sonoran_hub::{Delivered, Options, Shape};
use support::PATIENCE;
use support::client::{Process, Session};

pub(crate) use support::hub::{COMMUNITY, KEY, lasting_port, options};

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
        // unique: the port may have been another hub's, whose session would be taken over
        let url = format!("{}?hub={}", hub.url(), STARTED.fetch_add(1, Ordering::Relaxed));
        Self { hub, url }
    }

    /// Starts a hub on a port from [`lasting_port`].
    pub(crate) fn start_on(process: &Process, port: u16) -> Self {
        let hub = Self::start_with(process, Options { listen: local(port), ..Options::default() });
        Self { url: url(port), ..hub }
    }

    /// Stops at once, like a killed process.
    pub(crate) fn stop(self) {
        self.hub.stop();
    }

    /// Returns a session's options for this hub. `more` adds to them.
    pub(crate) fn options(&self, server: u32, more: &Value) -> Value {
        options(&self.url, server, more)
    }

    /// Returns a ready session.
    #[track_caller]
    pub(crate) fn ready(&self, server: u32, more: &Value) -> Session {
        let session = Session::connect(&self.options(server, more));
        session.expect("SESSION_READY");
        session
    }

    /// Pushes to a server's sessions. There must be one.
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

    /// Pushes this many events, numbered in `data.seq`.
    pub(crate) fn burst(&self, server: u32, count: u64) {
        let report = self.wait(self.hub.burst(sonoran_hub::Burst::new(COMMUNITY, server, count)));
        assert_eq!((report.websocket, report.other), (count, 0));
    }

    /// Waits until a condition holds at the hub.
    #[track_caller]
    pub(crate) fn when(&self, what: &str, is_so: impl FnMut(&sonoran_hub::Hub) -> bool) {
        assert!(self.wait(self.until(PATIENCE, is_so)), "{what}: {:?}", self.calls());
    }

    /// Returns the names of the called documented methods.
    pub(crate) fn called(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.method).collect()
    }

    /// Returns the authenticated connections.
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

/// Returns the URL of a hub on a port from [`lasting_port`].
pub(crate) fn url(port: u16) -> String {
    format!("ws://{}/apiWsHub", local(port))
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns a numbered event.
pub(crate) fn event(number: usize) -> String {
    format!(r#"{{"key":"{KEY}","type":"EVENT_UNIT_STATUS","data":{{"number":{number}}}}}"#)
}
