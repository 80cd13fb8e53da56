//! Hubs to connect to: the local one and ASP.NET Core's.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Deref,
    path::PathBuf,
    process::{self, Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use sonoran_hub::Methods;

use crate::{control::Control, program::signal, root};

/// The community that both hubs know.
pub const COMMUNITY: &str = "demo";

/// Its API key.
pub const KEY: &str = "demo-key";

/// Which hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// This repository's hub, in this process.
    Local,
    /// The hub in `../shared/aspnet-hub`, a separate process.
    AspNet,
}

impl Kind {
    /// Returns why this hub is missing, if it is.
    pub fn missing(self) -> Option<String> {
        let there =
            self == Self::Local || (start_script().exists() && root().join("../shared/dotnet").exists());
        (!there).then(|| "the ASP.NET Core hub is not in ../shared/aspnet-hub".to_owned())
    }
}

fn start_script() -> PathBuf {
    root().join("../shared/aspnet-hub/start.sh")
}

/// A hub's settings.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// 0 means any free port.
    pub port: u16,
    pub methods: Methods,
    /// Seconds.
    pub keep_alive: u64,
    /// Seconds.
    pub client_timeout: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { port: 0, methods: Methods::Both, keep_alive: 15, client_timeout: 30 }
    }
}

/// A running hub with its remote control. Dropping it kills it.
#[derive(Debug)]
pub struct Hub {
    address: String,
    control: Control,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Local { _hub: sonoran_hub::Hub },
    AspNet { process: Child, _stdin: Option<ChildStdin> },
}

impl Hub {
    pub fn start(kind: Kind, setup: Setup) -> Self {
        Self::start_posting(kind, setup, None)
    }

    /// Starts a hub that posts pushes by HTTP if no session takes them.
    pub fn start_with_fallback(kind: Kind, fallback: &str) -> Self {
        Self::start_posting(kind, Setup::default(), Some(fallback))
    }

    fn start_posting(kind: Kind, setup: Setup, fallback: Option<&str>) -> Self {
        let (running, address) = match kind {
            Kind::Local => local(setup, fallback),
            Kind::AspNet => aspnet(setup, fallback),
        };
        Self { control: Control::new(&address), address, running }
    }

    /// Returns a session's options for this hub and server. `more` adds to them.
    pub fn options(&self, server: u32, more: Value) -> String {
        options(&self.url(), server, &more).to_string()
    }

    /// Sends a signal to its process, which must be one of its own.
    pub fn signal(&self, name: &str) {
        match &self.running {
            Running::Local { .. } => panic!("the local hub is in this process"),
            Running::AspNet { process, .. } => signal(process.id(), name),
        }
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("{}/apiWsHub", self.address)
    }
}

impl Deref for Hub {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::AspNet { process, .. } = self {
            // it may have ended
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn local(setup: Setup, fallback: Option<&str>) -> (Running, String) {
    let hub = sonoran_hub::Hub::start(sonoran_hub::Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, setup.port)),
        methods: setup.methods,
        keep_alive: Duration::from_secs(setup.keep_alive),
        client_timeout: Duration::from_secs(setup.client_timeout),
        fallback: fallback.map(str::to_owned),
        ..sonoran_hub::Options::default()
    });
    let hub = hub.expect("the local hub starts");
    let address = hub.http().to_owned();
    (Running::Local { _hub: hub }, address)
}

fn aspnet(setup: Setup, fallback: Option<&str>) -> (Running, String) {
    let methods = format!("{:?}", setup.methods).to_lowercase();
    let mut process = Command::new(start_script())
        .args([
            "--urls",
            &format!("http://127.0.0.1:{}", setup.port),
            "--stopOnEof",
            "true",
            "--methods",
            &methods,
        ])
        .args([
            "--keepAlive",
            &setup.keep_alive.to_string(),
            "--clientTimeout",
            &setup.client_timeout.to_string(),
        ])
        .args(fallback.map(|url| ["--fallback", url]).iter().flatten())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the ASP.NET Core hub starts");
    let mut output = BufReader::new(process.stdout.take().expect("piped"));
    let address = loop {
        let mut line = String::new();
        assert_ne!(
            output.read_line(&mut line).expect("text"),
            0,
            "the ASP.NET Core hub ended before it listened"
        );
        if let Some(address) = line.trim_end().strip_prefix("listening ") {
            break address.to_owned();
        }
    };
    let stdin = process.stdin.take();
    (Running::AspNet { process, _stdin: stdin }, address)
}

/// Returns a session's options for the hub at this URL. `more` adds to them.
pub fn options(url: &str, server: u32, more: &Value) -> Value {
    let mut options = json!({
        "communityId": COMMUNITY, "apiKey": KEY, "serverId": server, "url": url, "retryMinMs": 10, "retryMaxMs": 100,
    });
    for (key, value) in more.as_object().expect("an object") {
        options[key] = value.clone();
    }
    options
}

/// Returns a port that a hub can release and bind again: one that the system does not assign by itself.
pub fn lasting_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(process::id() % 10_000).expect("it is small");
    loop {
        let port = 20_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
