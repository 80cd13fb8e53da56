//! The negotiation of a connection, and hubs that negotiate badly.

use serde_json::{Value, json};

use crate::case::{KEY, Peer, options};
use crate::tls::{TRUSTED, trusting};
use crate::wire::{Outcome, Wire};
use support::client::{Event, Process, Session};

/// The transports that a hub offers.
const OFFER: &str =
    r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]"#;

fn negotiating(url: &str, more: &Value) -> Value {
    let mut more = more.clone();
    more["negotiate"] = json!(true);
    options(url, &more)
}

/// Reads the question. Returns its target.
fn asked(wire: &mut Wire) -> Outcome<String> {
    wire.read_head()?;
    let target = wire.head.strip_prefix("POST ").and_then(|rest| rest.split(' ').next());
    let target = target.ok_or_else(|| format!("no negotiation: {}", wire.head))?.to_owned();
    if wire.header("content-length") != Some("0") || wire.head.contains(KEY) {
        return Err(format!("not as it has to be: {}", wire.head));
    }
    Ok(target)
}

fn answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Takes one connection, and answers its negotiation with this body. Returns what was asked.
fn negotiates(peer: &Peer, body: &str) -> (String, Wire) {
    let mut wire = peer.accept();
    let target = asked(&mut wire).expect("a negotiation");
    wire.send(answer(body));
    (target, wire)
}

fn path(peer: &Peer) -> String {
    format!("/{}", peer.url().rsplit_once('/').expect("a path").1)
}

/// The next connection's upgrade, which is accepted. Returns its target.
fn upgrades(peer: &Peer, session: &Session) -> (String, Wire) {
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    (wire.head.split(' ').nth(1).expect("a request line").to_owned(), wire)
}

#[track_caller]
fn check(event: &Event, code: &str, part: &str) {
    assert!(event.code() == code && event.message().contains(part), "expected {code} {part}: {event}");
    assert!(event.message().ends_with(['.', '?']) && !event.0.contains("the-token"), "{event}");
}

#[test]
fn each_version_has_its_id_and_each_attempt_a_new_one() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({"headers": {"X-Token": "t"}})));
    let path = path(&peer);
    for (version, body, id) in [
        (0, r#""connectionId":"first""#, "first"),
        (
            1,
            r#""negotiateVersion":1,"connectionId":"public","connectionToken":"second+/=""#,
            "second%2B%2F%3D",
        ),
        (1, r#""negotiateVersion":1,"connectionId":"public","connectionToken":"third""#, "third"),
    ] {
        let (target, wire) = negotiates(&peer, &format!("{{{body},{OFFER}}}"));
        assert_eq!(target, format!("{path}/negotiate?negotiateVersion=1"), "{version}");
        assert_eq!(wire.header("x-token"), Some("t"));
        let (target, wire) = upgrades(&peer, &session);
        assert_eq!(target, format!("{path}?id={id}"), "{version}");
        assert_eq!(wire.header("x-token"), Some("t"));
        drop(wire);
        session.expect("SESSION_LOST");
    }
}

#[test]
fn answers_come_in_every_form_that_http_has() {
    let _process = Process::shared();
    let body = format!(r#"{{"connectionId":"c",{OFFER}}}"#);
    let (start, end) = body.split_at(20);
    let chunked = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len()
    );
    for head in [chunked, format!("HTTP/1.0 200 OK\r\n\r\n{body}"), answer(&format!("\n {body}\n"))] {
        let peer = Peer::start();
        let session = Session::connect(&negotiating(&peer.url(), &json!({})));
        let mut wire = peer.accept();
        asked(&mut wire).expect("a negotiation");
        for byte in head.as_bytes() {
            wire.send([*byte]);
        }
        wire.hang_up();
        let (target, _wire) = upgrades(&peer, &session);
        assert!(target.ends_with("?id=c"), "{target}");
    }
}

#[test]
fn a_redirect_is_followed_with_its_token_and_forgotten_by_the_next_attempt() {
    let _process = Process::shared();
    let (peer, service) = (Peer::start(), Peer::start());
    let headers = json!({"headers": {"Authorization": "Basic own", "X-Own": "mine"}});
    let session = Session::connect(&negotiating(&peer.url(), &headers));
    for round in 0..2 {
        let to = format!("http://{}/client/?hub=a", service.address());
        let (target, wire) =
            negotiates(&peer, &format!(r#"{{"url":"{to}","accessToken":"the-token-{round}"}}"#));
        assert_eq!(target, format!("{}/negotiate?negotiateVersion=1", path(&peer)), "the original url");
        assert_eq!((wire.header("authorization"), wire.header("x-own")), (Some("Basic own"), Some("mine")));
        let token = format!("Bearer the-token-{round}");
        let (target, wire) = negotiates(&service, &format!(r#"{{"connectionId":"c{round}",{OFFER}}}"#));
        assert_eq!(target, "/client/negotiate?hub=a&negotiateVersion=1");
        assert_eq!((wire.header("authorization"), wire.header("x-own")), (Some(token.as_str()), None));
        let (target, wire) = upgrades(&service, &session);
        assert_eq!(target, format!("/client/?hub=a&id=c{round}"));
        assert_eq!((wire.header("authorization"), wire.header("x-own")), (Some(token.as_str()), None));
        drop(wire);
        session.expect("SESSION_LOST");
    }
}

#[test]
fn redirects_end_somewhere() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({})));
    let itself = format!(r#"{{"url":"http://{}/loop","accessToken":"the-token"}}"#, peer.address());
    for hop in 0..=10 {
        let (target, _) = negotiates(&peer, &itself);
        assert_eq!(target.starts_with("/loop/"), hop > 0, "{target}");
    }
    check(&session.expect("SESSION_RETRY"), "negotiate-redirect", "more than 10 times in a row");
    for (url, part) in [
        ("/client", "has an unknown scheme"),
        ("ftp://h/", "has an unknown scheme"),
        ("http://u:the-token@h/", "contains a user"),
        ("http://h:0/", "port 0"),
        ("http://", "not a valid URL"),
    ] {
        let (target, _) = negotiates(&peer, &format!(r#"{{"url":"{url}"}}"#));
        assert!(target.starts_with(&path(&peer)), "the original url: {target}");
        check(&session.expect("SESSION_RETRY"), "negotiate-redirect", part);
    }
}

#[test]
fn a_redirect_never_leaves_tls() {
    let _process = Process::shared();
    let (peer, plain) = (Peer::start(), Peer::start());
    let session = Session::connect(&negotiating(&peer.url_for("wss"), &trusting(&json!({}))));
    let mut wire = peer.accept();
    wire.start_tls(&TRUSTED.good);
    asked(&mut wire).expect("a negotiation");
    wire.send(answer(&format!(r#"{{"url":"http://{}/","accessToken":"the-token"}}"#, plain.address())));
    let retry = session.expect("SESSION_RETRY");
    check(
        &retry,
        "negotiate-redirect",
        &format!("to {}, which is not secure: it was not followed", plain.address()),
    );
    // from one secure hub to another it goes on
    drop(wire);
    let mut wire = peer.accept();
    wire.start_tls(&TRUSTED.good);
    asked(&mut wire).expect("a negotiation");
    wire.send(answer(&format!(r#"{{"url":"{}"}}"#, plain.url_for("wss"))));
    let mut wire = plain.accept();
    wire.start_tls(&TRUSTED.good);
    asked(&mut wire).expect("a negotiation");
}

#[test]
fn each_negotiation_that_fails_has_its_code_and_the_session_comes_back() {
    let _process = Process::shared();
    let id = r#""connectionId":"c""#;
    let status = |line: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
    for (reply, code, part) in [
        (answer(r#"{"error":"no such hub, the-api-key"}"#), "negotiate-refused", "no such hub, (apiKey)."),
        (answer(r#"{"ProtocolVersion":"1.5"}"#), "negotiate-classic", "classic ASP.NET SignalR"),
        (
            answer(&format!(
                r#"{{{id},"availableTransports":[{{"transport":"LongPolling","transferFormats":["Text"]}}]}}"#
            )),
            "negotiate-transport",
            "no websockets that carry text, only LongPolling",
        ),
        (
            answer(&format!(
                r#"{{{id},"availableTransports":[{{"transport":"WebSockets","transferFormats":["Binary"]}}]}}"#
            )),
            "negotiate-transport",
            "no websockets that carry text",
        ),
        (answer(&format!("{{{id}}}")), "negotiate", "it has no availableTransports"),
        (answer(&format!("{{{OFFER}}}")), "negotiate", "it has no connectionId"),
        (
            answer(&format!(r#"{{{id},"negotiateVersion":1,{OFFER}}}"#)),
            "negotiate",
            "it has no connectionToken",
        ),
        (answer("<html>the-api-key</html>"), "negotiate", "it is not JSON"),
        (answer(""), "negotiate", "it is not JSON"),
        (status("204 No Content"), "http", "answered the negotiation with HTTP 204"),
        (
            status("200 OK").replace("Content-Length: 0", "Content-Length: 1073741824"),
            "http",
            "body has more than",
        ),
        (
            format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20)),
            "http",
            "body has more than 131072 bytes",
        ),
        (
            status("200 OK").replace("Content-Length: 0", "Transfer-Encoding: chunked"),
            "http",
            "ended before the answer did",
        ),
        (status("101 Switching Protocols"), "http", "HTTP 101"),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "http", "answer to the negotiation is not valid: it is not HTTP"),
        (String::new(), "http", "ended before the answer did"),
        (status("404 Not Found"), "http-404", "it does not negotiate: set negotiate to false"),
        (status("405 x"), "http", "it does not negotiate"),
        (status("401 x"), "http-401", "the negotiation with HTTP 401"),
        (status("500 x"), "http-5xx", "the negotiation with HTTP 500: the hub is not available"),
        (status("302 x\r\nLocation: https://h/login"), "http-redirect", "https://h/login"),
    ] {
        let peer = Peer::start();
        let session = Session::connect(&negotiating(&peer.url(), &json!({})));
        let mut wire = peer.accept();
        asked(&mut wire).expect("a negotiation");
        wire.send(&reply);
        wire.hang_up();
        check(&session.expect("SESSION_RETRY"), code, part);
        negotiates(&peer, &format!("{{{id},{OFFER}}}"));
        upgrades(&peer, &session);
    }
}

#[test]
fn an_answer_without_end_costs_little() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({})));
    let mut wire = peer.accept();
    asked(&mut wire).expect("a negotiation");
    wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let piece = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let mut sent = 0;
    while wire.send(&piece) {
        sent += piece.len();
        assert!(sent < 64 << 20, "it reads without end");
    }
    check(&session.expect("SESSION_RETRY"), "http", "body has more than 131072 bytes");
}

#[test]
fn a_negotiation_has_the_time_of_the_attempt_and_the_hub_may_ask_for_a_wait() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({"connectTimeoutMs": 500})));
    let mut wire = peer.accept();
    asked(&mut wire).expect("a negotiation");
    check(&session.expect("SESSION_RETRY"), "timeout", "within 500 ms, while negotiating the connection");
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({})));
    let mut wire = peer.accept();
    asked(&mut wire).expect("a negotiation");
    wire.send("HTTP/1.1 429 x\r\nRetry-After: 30\r\n\r\n");
    let retry = session.expect("SESSION_RETRY");
    assert!(retry.get("retryInMs").as_u64().is_some_and(|wait| wait >= 30_000), "{retry}");
}

#[test]
fn an_id_that_the_next_machine_does_not_know_is_told() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&negotiating(&peer.url(), &json!({})));
    negotiates(&peer, &format!(r#"{{"connectionId":"the-token",{OFFER}}}"#));
    let mut wire = peer.accept();
    wire.read_head().expect("an upgrade");
    wire.send("HTTP/1.1 404 x\r\n\r\n");
    check(&session.expect("SESSION_RETRY"), "http-404", "does not know the id that was negotiated");
    // a redirect that quotes it does not give it away
    negotiates(&peer, &format!(r#"{{"connectionId":"the-token",{OFFER}}}"#));
    drop(wire);
    let mut wire = peer.accept();
    wire.read_head().expect("an upgrade");
    wire.send("HTTP/1.1 302 x\r\nLocation: /login?back=the-token\r\n\r\n");
    check(&session.expect("SESSION_RETRY"), "http-redirect", "/login?back=(token)");
}

#[test]
fn a_proxy_leads_to_the_negotiation_too() {
    let _process = Process::shared();
    let peer = Peer::start();
    let more = json!({"proxy": format!("http://{}", peer.address())});
    let session = Session::connect(&negotiating("ws://hub.invalid/through", &more));
    for step in ["POST /through/negotiate?negotiateVersion=1 ", "GET /through?id=c "] {
        let mut wire = peer.accept();
        wire.read_head().expect("it asks");
        assert!(wire.head.starts_with("CONNECT hub.invalid:80 "), "{}", wire.head);
        wire.send("HTTP/1.1 200 x\r\n\r\n");
        if step.starts_with("POST") {
            asked(&mut wire).expect("a negotiation");
            wire.send(answer(&format!(r#"{{"connectionId":"c",{OFFER}}}"#)));
        } else {
            wire.ready().expect("it logs in");
        }
        assert!(wire.head.starts_with(step), "{}", wire.head);
    }
    session.expect("SESSION_READY");
}
