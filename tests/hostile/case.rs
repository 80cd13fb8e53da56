//! A case: what the peer does on the session's first connection, and what the host hears of it. A good hub
//! serves later connections.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustls::ServerConfig;
use serde_json::{Value, json};

use crate::wire::{Outcome, Wire};
use support::PATIENCE;
use support::client::{Event, Process, Session};

pub(crate) const KEY: &str = "the-api-key";

/// The event that the good hub pushes, as does a peer that the session stays with.
const AFTER: &str = r#"{"key":"k","type":"EVENT_AFTER"}"#;

/// The peer's behaviour on a connection.
type Script = Box<dyn Fn(&mut Wire) -> Outcome + Send + Sync>;

/// An event that the host must see.
pub(crate) enum Told {
    /// A push with this text.
    Push(String),
    /// One of the library's own: type, code and a part of the message.
    Own(&'static str, String, String),
    /// A wrapped push: the reason and the arguments.
    Wrapped(&'static str, String),
}

pub(crate) fn push(text: impl Into<String>) -> Told {
    Told::Push(text.into())
}

pub(crate) fn wrapped(code: &'static str, arguments: impl Into<String>) -> Told {
    Told::Wrapped(code, arguments.into())
}

pub(crate) fn ready() -> Told {
    Told::Own("SESSION_READY", String::new(), String::new())
}

pub(crate) fn lost(code: &str, part: impl Into<String>) -> Told {
    Told::Own("SESSION_LOST", code.to_owned(), part.into())
}

pub(crate) fn retry(code: &str, part: impl Into<String>) -> Told {
    Told::Own("SESSION_RETRY", code.to_owned(), part.into())
}

pub(crate) fn rejected(part: impl Into<String>) -> Told {
    Told::Own("SESSION_REJECTED", "rejected".to_owned(), part.into())
}

impl Told {
    fn check(&self, event: &Event) {
        match self {
            Self::Push(text) => assert!(event.0 == *text, "expected {text:.500}\narrived  {event}"),
            Self::Own(kind, code, part) => {
                let (is_code, is_part) =
                    (code.is_empty() || event.code() == *code, event.message().contains(part));
                assert!(
                    event.kind() == *kind && is_code && is_part,
                    "expected {kind} {code} {part}: {event}"
                );
                assert!(event.message().ends_with(['.', '?', '!']), "no sentence: {event}");
                assert!(!event.0.contains(KEY), "the key: {event}");
            }
            Self::Wrapped(code, arguments) => {
                let is_wrapped = event.0.ends_with(&format!(r#","arguments":{arguments}}}"#));
                assert!(
                    event.kind() == "SESSION_PUSH" && event.code() == *code && is_wrapped,
                    "expected {code} {arguments:.500}: {event}"
                );
            }
        }
    }
}

fn is_log(event: &Event) -> bool {
    event.kind() == "SESSION_LOG"
}

/// Returns the next event that is no line of the log.
fn told(session: &Session) -> Event {
    let mut next = session.next();
    while is_log(&next) {
        assert!(!next.0.contains(KEY), "the key: {next}");
        next = session.next();
    }
    next
}

pub(crate) struct Case {
    name: String,
    script: Script,
    told: Vec<Told>,
    /// Whether the peer accepts the credentials before its script starts.
    live: bool,
    /// Whether the session stays on that connection.
    stays: bool,
    options: Value,
    scheme: &'static str,
    tls: Option<Arc<ServerConfig>>,
    figures: Vec<(&'static str, u64)>,
}

/// The peer breaks the link from the start.
pub(crate) fn opening(
    name: impl Into<String>,
    told: impl Into<Vec<Told>>,
    script: impl Fn(&mut Wire) -> Outcome + Send + Sync + 'static,
) -> Case {
    Case {
        name: name.into(),
        script: Box::new(script),
        told: told.into(),
        live: false,
        stays: false,
        options: json!({}),
        scheme: "ws",
        tls: None,
        figures: Vec::new(),
    }
}

/// The peer breaks a ready link.
pub(crate) fn breaks(
    name: impl Into<String>,
    told: impl Into<Vec<Told>>,
    script: impl Fn(&mut Wire) -> Outcome + Send + Sync + 'static,
) -> Case {
    Case { live: true, ..opening(name, told, script) }
}

/// The session tolerates it and stays.
pub(crate) fn stays(
    name: impl Into<String>,
    told: impl Into<Vec<Told>>,
    script: impl Fn(&mut Wire) -> Outcome + Send + Sync + 'static,
) -> Case {
    Case { live: true, stays: true, ..opening(name, told, script) }
}

impl Case {
    /// Adds options.
    pub(crate) fn with(mut self, options: Value) -> Self {
        self.options = options;
        self
    }

    /// The session stays, although the script starts before it is ready.
    pub(crate) fn and_stays(mut self) -> Self {
        self.stays = true;
        self
    }

    /// The session and the good hub use TLS.
    pub(crate) fn secure(mut self, good: &Arc<ServerConfig>) -> Self {
        self.scheme = "wss";
        self.tls = Some(Arc::clone(good));
        self
    }

    /// Checks one of the session's figures at the end.
    pub(crate) fn counts(mut self, figure: &'static str, count: u64) -> Self {
        self.figures.push((figure, count));
        self
    }

    fn run(&self) {
        let peer = Peer::start();
        thread::scope(|scope| {
            let at_peer = scope.spawn(|| peer.serve(self));
            let at_host = catch_unwind(AssertUnwindSafe(|| self.host(&peer)));
            peer.stop();
            let script = at_peer.join().expect("the peer returns what went wrong");
            // the peer's problem is what caused the host's
            if let Err(error) = script {
                panic!("at the peer: {error}");
            }
            if let Err(panic) = at_host {
                std::panic::resume_unwind(panic);
            }
        });
    }

    fn host(&self, peer: &Peer) {
        let url = peer.url_for(self.scheme);
        // it says all that it can, and no line of it may hold the key
        let mut options = options(&url, &self.options);
        options["log"] = json!("debug");
        let session = Session::connect(&options);
        if self.live {
            ready().check(&told(&session));
        }
        for expected in &self.told {
            expected.check(&told(&session));
        }
        if !self.stays {
            let mut again = told(&session);
            while ["SESSION_RETRY", "SESSION_REJECTED"].contains(&again.kind().as_str()) {
                again = told(&session);
            }
            ready().check(&again);
            assert_eq!(again.get("resumed"), false);
        }
        push(AFTER).check(&told(&session));
        let rest = session.drain();
        assert!(rest.iter().all(is_log), "nothing else: {rest:?}");
        let last_error = session.stats().expect("it is open")["lastError"].to_string();
        assert!(!last_error.contains(KEY), "{last_error}");
        if self.stays {
            assert_eq!((session.figure("attempts"), session.figure("ready")), (1, 1));
        }
        for (figure, count) in &self.figures {
            assert_eq!(session.figure(figure), *count, "{figure}");
        }
    }
}

/// Returns the options of a session that reconnects soon.
pub(crate) fn options(url: &str, more: &Value) -> Value {
    let mut options = json!({
        "communityId": "c", "apiKey": KEY, "serverId": 1, "url": url, "authRetryMinMs": 1000,
        "authRetryMaxMs": 1000, "retryMinMs": 10, "retryMaxMs": 50,
    });
    for (key, value) in more.as_object().expect("an object") {
        options[key] = value.clone();
    }
    options
}

/// Runs all cases in parallel: most of them wait most of the time.
#[track_caller]
pub(crate) fn check(cases: Vec<Case>) {
    let _process = Process::shared();
    let failed: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| (&case.name, scope.spawn(|| case.run()))).collect();
        running.into_iter().filter_map(|(name, case)| case.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{} of {} cases failed, see above: {failed:#?}", failed.len(), cases.len());
}

/// A listening peer.
pub(crate) struct Peer {
    listener: TcpListener,
    address: SocketAddr,
    /// Unique: the port may have been another peer's, whose session would be taken over.
    path: String,
    stopped: AtomicBool,
}

impl Peer {
    pub(crate) fn start() -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("it has one");
        // a test that hangs reports it
        socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).expect("a socket");
        let path = format!("/hub{}", STARTED.fetch_add(1, Ordering::Relaxed));
        Self { listener, address, path, stopped: AtomicBool::new(false) }
    }

    /// Lets the system buffer little unread input.
    pub(crate) fn start_with_small_window() -> Self {
        let peer = Self::start();
        socket2::SockRef::from(&peer.listener).set_recv_buffer_size(4 * 1024).expect("a socket");
        peer
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        self.url_for("ws")
    }

    /// Uses TLS by name, because certificates are for names.
    pub(crate) fn url_for(&self, scheme: &str) -> String {
        let host = if scheme == "wss" { "localhost" } else { "127.0.0.1" };
        format!("{scheme}://{host}:{}{}", self.address.port(), self.path)
    }

    pub(crate) fn accept(&self) -> Wire {
        Wire::new(self.listener.accept().expect("a connection").0)
    }

    /// Serves connections as the good hub until stopped.
    pub(crate) fn serve_well(&self, tls: Option<&Arc<ServerConfig>>) {
        loop {
            let mut wire = self.accept();
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            if let Some(config) = tls {
                wire.start_tls(config);
            }
            // a client that leaves early comes back
            if wire.ready().is_ok() {
                wire.push(AFTER);
                wire.until_gone();
            }
        }
    }

    /// Ends [`serve_well`](Self::serve_well) once the session is gone.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // it waits for a connection: this one
        let _ = TcpStream::connect(self.address);
    }

    fn serve(&self, case: &Case) -> Outcome {
        let mut wire = self.accept();
        let script = if case.live { wire.ready() } else { Ok(()) }.and_then(|()| (case.script)(&mut wire));
        if script.is_ok() && case.stays {
            wire.push(AFTER);
        }
        if script.is_ok() {
            wire.until_gone();
        }
        drop(wire);
        self.serve_well(case.tls.as_ref());
        script
    }
}
