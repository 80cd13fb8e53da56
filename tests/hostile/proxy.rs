//! The way through a proxy: what it is asked, and what the host hears of each failure.
//!
//! One connection is a proxy's first and, behind its answer, the hub's. No test needs the hub's name to exist.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{KEY, Peer, options};
use crate::tls::{TRUSTED, trusting};
use crate::wire::{Outcome, Wire};
use support::client::{Event, Process, Session};
use support::not_run;
use support::relay::Relay;

const PASSWORD: &str = "the-proxy-password";

/// What an HTTP proxy says when it has a way.
const HTTP_OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// What a SOCKS proxy says when it has a way.
const SOCKS_OPEN: [u8; 10] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// The name of a hub that only the proxy knows.
const HUB: &str = "hub.invalid:5000";

fn url(peer: &Peer, scheme: &str) -> String {
    let path = peer.url().rsplit_once('/').map(|(_, path)| path.to_owned()).expect("a path");
    format!("{scheme}://{HUB}/{path}")
}

fn with_proxy(peer: &Peer, user: &str, scheme: &str, more: &Value) -> Value {
    let mut options = options(&url(peer, "ws"), more);
    options["proxy"] = json!(format!("{scheme}://{user}{}", peer.address()));
    options
}

/// The proxy takes CONNECT and leads to the hub. Returns what it was asked.
fn open_http(wire: &mut Wire) -> Outcome<String> {
    wire.read_head()?;
    wire.send(HTTP_OPEN);
    Ok(wire.head.clone())
}

/// The proxy takes SOCKS5 without credentials. Returns what it was asked.
fn open_socks(wire: &mut Wire) -> Outcome<Vec<u8>> {
    let methods = wire.take(3)?;
    wire.send([5, 0]);
    let asked = wire.take(4 + 1 + "hub.invalid".len() + 2)?;
    wire.send(SOCKS_OPEN);
    Ok([methods, asked].concat())
}

/// The session that waits has heard of this, and never the password.
#[track_caller]
fn check(event: &Event, code: &str, part: &str) {
    assert!(event.code() == code && event.message().contains(part), "expected {code} {part}: {event}");
    assert!(event.message().ends_with('.') && !event.0.contains(PASSWORD), "{event}");
}

#[test]
fn an_http_proxy_leads_to_the_hub_by_its_name() {
    let _process = Process::shared();
    for (user, authorization) in
        [("", None), ("me:the-proxy-password@", Some("Basic bWU6dGhlLXByb3h5LXBhc3N3b3Jk"))]
    {
        let peer = Peer::start();
        let session = Session::connect(&with_proxy(&peer, user, "http", &json!({})));
        let mut wire = peer.accept();
        let asked = open_http(&mut wire).expect("it asks");
        assert!(asked.starts_with(&format!("CONNECT {HUB} HTTP/1.1\r\nHost: {HUB}\r\n")), "{asked}");
        assert_eq!(wire.header("proxy-authorization"), authorization);
        assert!(!asked.contains(KEY), "{asked}");
        wire.ready().expect("it logs in");
        // the hub hears of no proxy
        assert_eq!((wire.header("host"), wire.header("proxy-authorization")), (Some(HUB), None));
        session.expect("SESSION_READY");
    }
}

#[test]
fn a_socks_proxy_leads_to_the_hub_by_its_name() {
    let _process = Process::shared();
    let asked = [&[5, 1, 0, 3, 11][..], b"hub.invalid", &5000_u16.to_be_bytes()].concat();
    let peer = Peer::start();
    let session = Session::connect(&with_proxy(&peer, "", "socks5", &json!({})));
    let mut wire = peer.accept();
    assert_eq!(open_socks(&mut wire).expect("it asks"), [&[5, 1, 0][..], &asked].concat());
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");

    let peer = Peer::start();
    let session = Session::connect(&with_proxy(&peer, "me:the-proxy-password@", "socks5h", &json!({})));
    let mut wire = peer.accept();
    assert_eq!(wire.take(4).expect("its methods"), [5, 2, 0, 2]);
    wire.send([5, 2]);
    let credentials = [&[1, 2][..], b"me", &[18], PASSWORD.as_bytes()].concat();
    assert_eq!(wire.take(credentials.len()).expect("its credentials"), credentials);
    wire.send([1, 0]);
    assert_eq!(wire.take(asked.len()).expect("its request"), asked);
    wire.send(SOCKS_OPEN);
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
}

#[test]
fn tls_is_with_the_hub_and_not_with_the_proxy() {
    let _process = Process::shared();
    for scheme in ["http", "socks5"] {
        let peer = Peer::start();
        let mut options = with_proxy(&peer, "", scheme, &trusting(&json!({})));
        options["url"] = json!(peer.url_for("wss"));
        let session = Session::connect(&options);
        let mut wire = peer.accept();
        if scheme == "http" {
            open_http(&mut wire).expect("it asks");
        } else {
            wire.take(3).expect("its methods");
            wire.send([5, 0]);
            wire.take(5 + "localhost".len() + 2).expect("its request");
            wire.send(SOCKS_OPEN);
        }
        wire.start_tls(&TRUSTED.good);
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
    }
}

#[test]
fn each_failure_of_a_proxy_has_its_code_and_the_session_comes_back() {
    let _process = Process::shared();
    let refused = |status: &str| format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes();
    let endless = [b"HTTP/1.1 200 x\r\nX: ".as_slice(), &[b'x'; 100_000]].concat();
    for (scheme, user, answer, code, part) in [
        ("http", "", refused("407"), "proxy-auth", "wants to know who asks"),
        ("http", "u:the-proxy-password@", refused("407"), "proxy-auth", "refused the user and password"),
        (
            "http",
            "",
            refused("403"),
            "proxy-refused",
            "gave no way to hub.invalid:5000: it answered HTTP 403",
        ),
        ("http", "", refused("502"), "proxy-refused", "HTTP 502, it cannot reach the hub"),
        ("http", "", refused("504"), "proxy-refused", "HTTP 504, it cannot reach the hub"),
        ("http", "", refused("404"), "proxy-refused", "it may be no proxy"),
        ("http", "", b"\x05\xff".to_vec(), "proxy", "gave an answer that is not valid: it is not HTTP"),
        ("http", "", b"HTTP/1.1 OK\r\n\r\n".to_vec(), "proxy", "is not HTTP"),
        ("http", "", b"HTTP/1.1 200 OK\r\n\r\nand more".to_vec(), "proxy", "says more than"),
        ("http", "", endless, "proxy", "more than 32768 bytes"),
        ("http", "", Vec::new(), "proxy", "ended before"),
        ("socks5", "", b"HTTP/1.1 400 x\r\n\r\n".to_vec(), "proxy", "it speaks HTTP"),
        ("socks5", "", b"\x04\x5b".to_vec(), "proxy", "does not speak SOCKS5"),
        ("socks5", "", vec![5], "proxy", "ended before"),
        ("socks5", "", vec![5, 0xff], "proxy-auth", "wants to know who asks"),
        ("socks5", "u:the-proxy-password@", vec![5, 2, 1, 1], "proxy-auth", "refused the user"),
        ("socks5", "", vec![5, 0, 5, 2, 0, 1, 0, 0], "proxy-refused", "its rules do not allow it"),
        ("socks5", "", vec![5, 0, 5, 5, 0, 1, 0, 0], "proxy-refused", "the hub refused the connection"),
    ] {
        let peer = Peer::start();
        let session = Session::connect(&with_proxy(&peer, user, scheme, &json!({})));
        let mut wire = peer.accept();
        wire.send(&answer);
        wire.hang_up();
        let retry = session.expect("SESSION_RETRY");
        check(&retry, code, part);
        let named = format!("The proxy {scheme}://{} ", peer.address());
        assert!(retry.message().starts_with(&named), "{retry}");
        drop(wire);
        let mut wire = peer.accept();
        match (scheme, user) {
            ("http", _) => drop(open_http(&mut wire).expect("it asks")),
            (_, "") => drop(open_socks(&mut wire).expect("it asks")),
            _ => {
                wire.send([5, 0]);
                wire.take(4 + 4 + 1 + "hub.invalid".len() + 2).expect("it asks");
                wire.send(SOCKS_OPEN);
            }
        }
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
    }
}

#[test]
fn a_proxy_that_resets_the_connection_is_told() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&with_proxy(&peer, "", "http", &json!({})));
    let mut wire = peer.accept();
    wire.read_head().expect("it asks");
    wire.reset();
    check(&session.expect("SESSION_RETRY"), "proxy", "broke the connection when it was asked for a way");
}

#[test]
fn a_proxy_has_the_time_of_the_attempt() {
    let _process = Process::shared();
    let more = json!({"connectTimeoutMs": 500});
    for (scheme, drip) in [("http", "H"), ("http", ""), ("socks5", "")] {
        let peer = Peer::start();
        let session = Session::connect(&with_proxy(&peer, "u:the-proxy-password@", scheme, &more));
        let mut wire = peer.accept();
        wire.send(drip);
        let retry = session.expect("SESSION_RETRY");
        let proxy = format!("to {HUB} through the proxy {scheme}://{} within 500 ms", peer.address());
        check(&retry, "timeout", &proxy);
        check(&retry, "timeout", "while asking the proxy for a way");
    }
    // a byte now and then buys no time
    let peer = Peer::start();
    let session = Session::connect(&with_proxy(&peer, "", "http", &more));
    let mut wire = peer.accept();
    wire.send("HTTP/1.1 200 x\r\nX: ");
    while wire.send("x") {
        thread::sleep(Duration::from_millis(20));
    }
    check(&session.expect("SESSION_RETRY"), "timeout", "while asking the proxy for a way");
}

#[test]
fn a_proxy_that_is_not_there_is_told_apart_from_the_hub() {
    let _process = Process::shared();
    // bound, so that nobody else gets it, but not listening
    let taken = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    taken.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    let address = taken.local_addr().ok().and_then(|address| address.as_socket()).expect("it has one");
    let proxy = json!({"proxy": format!("http://u:the-proxy-password@{address}"), "connectTimeoutMs": 5_000});
    let session = Session::connect(&options("ws://hub.invalid/nobody", &proxy));
    check(&session.expect("SESSION_RETRY"), "proxy-connect", &format!("proxy http://{address} takes no"));
    let unknown =
        json!({"proxy": "socks5://u:the-proxy-password@no-such-proxy.invalid", "connectTimeoutMs": 5_000});
    let session = Session::connect(&options("ws://hub.invalid/unknown", &unknown));
    let retry = session.expect("SESSION_RETRY");
    if retry.code() == "timeout" {
        not_run("a proxy whose name does not exist: the resolver of this machine does not answer");
    } else {
        check(
            &retry,
            "proxy-dns",
            "proxy socks5://no-such-proxy.invalid:1080 has a host name that could not",
        );
    }
}

#[test]
fn a_proxys_refusal_is_repeated_slowly_and_holds_up_no_session_with_better_credentials() {
    let _process = Process::shared();
    let peer = Peer::start();
    let slow = json!({"authRetryMinMs": 20_000, "authRetryMaxMs": 30_000});
    let session = Session::connect(&with_proxy(&peer, "me:wrong-password@", "http", &slow));
    let mut wire = peer.accept();
    wire.read_head().expect("it asks");
    wire.send("HTTP/1.1 407 x\r\n\r\n");
    let retry = session.expect("SESSION_RETRY");
    check(&retry, "proxy-auth", "refused");
    let delay = retry.get("retryInMs").as_u64().expect("a number");
    assert!((20_000..=30_000).contains(&delay), "{retry}");
    let session = Session::connect(&with_proxy(&peer, "me:the-proxy-password@", "http", &slow));
    drop(wire);
    let mut wire = peer.accept();
    open_http(&mut wire).expect("it asks at once");
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
}

#[test]
fn the_password_is_in_no_text_whoever_says_it() {
    let _process = Process::shared();
    let peer = Peer::start();
    let debug = json!({"log": "debug"});
    let session = Session::connect(&with_proxy(&peer, "me:the-proxy-password@", "http", &debug));
    let mut wire = peer.accept();
    open_http(&mut wire).expect("it asks");
    wire.read_head().expect("an upgrade");
    wire.send("HTTP/1.1 302 x\r\nLocation: http://me:the-proxy-password@h/\r\n\r\n");
    let events = session.until("SESSION_RETRY");
    assert!(events.iter().any(|event| event.0.contains("(proxy password)")), "{events:?}");
    let stats = session.stats().expect("it is open").to_string();
    assert!(
        !stats.contains(PASSWORD) && events.iter().all(|event| !event.0.contains(PASSWORD)),
        "{events:?}"
    );
}

#[test]
fn the_environment_names_no_proxy() {
    let (peer, proxy) = (Peer::start(), Peer::start());
    let url = format!("http://{}", proxy.address());
    let environment =
        ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ws_proxy"];
    let environment = environment.map(|name| (name, url.as_str()));
    let mut relay = Relay::start_with(&[options(&peer.url(), &json!({})).to_string()], &environment);
    let mut wire = peer.accept();
    wire.ready().expect("it comes without a way round");
    relay.expect(0, "SESSION_READY");
    wire.cut();
}
