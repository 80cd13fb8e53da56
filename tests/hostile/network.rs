//! The way to the peer: URLs, names and addresses, and peers that are up and down.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use crate::case::{KEY, Peer, options};
use crate::wire::Wire;
use support::client::{Process, Session, ffi, last_error};
use support::not_run;

/// Returns the upgrade's target and host.
fn asked(url: &str, listener: &TcpListener) -> (String, String) {
    let _session = Session::connect(&options(url, &json!({"headers": {"X-Token": "t"}})));
    let mut wire = Wire::new(listener.accept().expect("a connection").0);
    wire.read_head().expect("an upgrade");
    assert_eq!(wire.header("connection"), Some("Upgrade"));
    assert_eq!(wire.header("upgrade"), Some("websocket"));
    assert_eq!(wire.header("sec-websocket-version"), Some("13"));
    assert_eq!((wire.header("sec-websocket-protocol"), wire.header("x-token")), (None, Some("t")));
    assert!(wire.header("user-agent").is_some_and(|agent| agent.starts_with("sonoran/")));
    assert!(!wire.head.contains(KEY), "{}", wire.head);
    let target = wire.head.split(' ').nth(1).expect("a request line").to_owned();
    (target, wire.header("host").expect("a host").to_owned())
}

#[test]
fn urls_lead_where_they_say() {
    let _process = Process::shared();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    let host = format!("127.0.0.1:{port}");
    for (url, target, host) in [
        (format!("ws://{host}/apiWsHub"), "/apiWsHub", &host),
        (format!("http://{host}/apiWsHub/"), "/apiWsHub/", &host),
        (format!("HTTP://{host}"), "/", &host),
        (format!("ws://{host}/a?b=%20c&d=e/f"), "/a?b=%20c&d=e/f", &host),
        (format!("ws://{host}?b=c"), "/?b=c", &host),
        (format!("ws://{host}/%C3%A9#part"), "/%C3%A9", &host),
        (format!("ws://LOCALHOST:{port}/x"), "/x", &format!("localhost:{port}")),
    ] {
        assert_eq!(asked(&url, &listener), (target.to_owned(), host.to_owned()), "{url}");
    }
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0));
    match listener {
        Ok(listener) => {
            let host = format!("[::1]:{}", listener.local_addr().expect("it has one").port());
            assert_eq!(asked(&format!("ws://{host}/x"), &listener), ("/x".to_owned(), host));
        }
        Err(error) => not_run(&format!("a URL with an IPv6 address: {error}")),
    }
}

#[test]
fn urls_that_lead_nowhere_are_refused() {
    let _process = Process::shared();
    for url in [
        "h",
        "/apiWsHub",
        "ftp://h/a",
        "ws://",
        "ws:///a",
        "ws://user:secret@h/a",
        "ws://h:99999/",
        "ws://h:0/",
        "ws://h:/\n",
        "ws://h/a b",
        "ws://h\r\nX: y/",
        "wss://a_b..c/",
        "file:///etc/passwd",
    ] {
        let failed = Session::try_connect(&options(url, &json!({})).to_string()).expect_err(url);
        assert_eq!(failed.0, ffi::SONORAN_E_OPTION, "{url}: {}", failed.1);
        assert!(failed.1.contains("\"url\"") && !last_error().contains("secret"), "{url}: {}", failed.1);
    }
}

#[test]
fn a_name_without_an_address_is_told() {
    let _process = Process::shared();
    // absolute: no search list applies
    let url = "ws://no-such-host.invalid.:1/hub";
    let session = Session::connect(&options(url, &json!({"connectTimeoutMs": 5_000})));
    let retry = session.expect("SESSION_RETRY");
    // a machine without a resolver that answers
    if retry.code() == "timeout" {
        not_run("a host name that does not exist: the resolver of this machine does not answer");
        return;
    }
    assert_eq!(retry.code(), "dns", "{retry}");
    assert!(retry.message().contains("no-such-host.invalid"), "{retry}");
}

#[test]
fn nobody_listens() {
    let _process = Process::shared();
    // bound, so that nobody else gets it, but not listening
    let taken = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    taken.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    let port = taken.local_addr().ok().and_then(|address| address.as_socket()).expect("it has one").port();
    let session = Session::connect(&options(&format!("ws://127.0.0.1:{port}/hub"), &json!({})));
    for attempt in 1..=20 {
        let retry = session.expect("SESSION_RETRY");
        assert_eq!((retry.code(), retry.get("attempt")), ("connect".to_owned(), json!(attempt)));
        assert!(retry.message().contains(&format!("127.0.0.1:{port}")), "{retry}");
    }
}

/// An address that neither accepts nor refuses connections: its queue is full.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_does_not_answer_times_out() {
    let _process = Process::shared();
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    full.listen(0).expect("it listens");
    let address = full.local_addr().ok().and_then(|address| address.as_socket()).expect("it has one");
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue of a listener has an end");
    }
    let session =
        Session::connect(&options(&format!("ws://{address}/hub"), &json!({"connectTimeoutMs": 300})));
    for _ in 0..2 {
        let retry = session.expect("SESSION_RETRY");
        assert_eq!(retry.code(), "timeout");
        assert!(retry.message().contains("within 300 ms, while connecting by TCP"), "{retry}");
    }
    // nor does it keep a session from leaving
    let patient = json!({"connectTimeoutMs": 300_000});
    let leaves = Session::connect(&options(&format!("ws://{address}/leaves"), &patient));
    support::wait_until("it tries", || leaves.figure("attempts") == 1);
    assert_eq!(leaves.disconnect(), Ok(0));
    leaves.expect("SESSION_CLOSED");
}

#[test]
fn a_hub_that_breaks_every_link_is_asked_less_and_less() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({"retryMinMs": 10, "retryMaxMs": 400})));
    // accepted handshakes and even credentials do not restart the series: the link must hold for stableMs
    for attempt in 1..=8_u32 {
        let mut wire = peer.accept();
        let kind = if attempt % 2 == 0 {
            wire.ready().expect("it logs in");
            session.expect("SESSION_READY");
            "SESSION_LOST"
        } else {
            wire.until_authenticate().expect("it shows its credentials");
            "SESSION_RETRY"
        };
        drop(wire);
        let event = session.expect(kind);
        let most = (10 << (attempt - 1)).min(400);
        assert!(event.get("retryInMs").as_u64().is_some_and(|delay| delay <= most), "{event}");
        if kind == "SESSION_RETRY" {
            assert_eq!(event.get("attempt"), attempt, "{event}");
        }
    }
    assert_eq!((session.figure("attempts"), session.figure("ready")), (8, 4));
}

#[test]
fn a_link_that_held_starts_the_series_anew() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({"stableMs": 0})));
    let link = || {
        let mut wire = peer.accept();
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
        drop(wire);
        let lost = session.expect("SESSION_LOST");
        assert!(lost.get("retryInMs").as_u64().is_some_and(|delay| delay <= 10), "{lost}");
    };
    for attempt in 1..=3 {
        drop(peer.accept());
        assert_eq!(session.expect("SESSION_RETRY").get("attempt"), attempt);
    }
    link();
    link();
    // the end of the good link is the first failure
    drop(peer.accept());
    assert_eq!(session.expect("SESSION_RETRY").get("attempt"), 2);
    link();
}
