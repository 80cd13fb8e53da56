//! How a peer, or something in front of it, may answer the upgrade.

use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::case::{Case, Peer, check, opening, options, ready, retry};
use crate::wire::Wire;
use support::client::{Process, Session};

/// The peer answers the upgrade with these bytes.
fn answers(name: &str, bytes: impl Into<Vec<u8>>, part: &str) -> Case {
    told("http", name, bytes, part)
}

fn told(code: &str, name: &str, bytes: impl Into<Vec<u8>>, part: &str) -> Case {
    let bytes = bytes.into();
    opening(name, [retry(code, part)], move |hub| {
        hub.read_head()?;
        hub.send(&bytes);
        Ok(())
    })
}

fn status(code: &str, status: &str, headers: &str, part: &str) -> Case {
    let body = "<html>the-api-key</html>";
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len());
    told(code, status, head, part)
}

/// The peer accepts with these lines. `ACCEPT` stands for the right key.
fn accepts_with(lines: &'static str) -> impl Fn(&mut Wire) -> crate::wire::Outcome + Send + Sync {
    move |hub| {
        hub.read_head()?;
        let lines = lines.replace("ACCEPT", &hub.accept_key());
        hub.send(format!("HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n"));
        Ok(())
    }
}

#[test]
fn other_statuses() {
    check(vec![
        status("http", "400 Bad Request", "", "HTTP 400"),
        status(
            "http-401",
            "401 Unauthorized",
            "WWW-Authenticate: Bearer\r\n",
            "HTTP 401: the hub, or a proxy",
        ),
        status("http-403", "403 Forbidden", "", "HTTP 403: the hub, or a proxy"),
        status("http-404", "404 Not Found", "", "HTTP 404: there is no hub"),
        status("http", "409 Conflict", "", "HTTP 409"),
        status("http-429", "429 Too Many Requests", "", "HTTP 429: too many requests"),
        status("http-5xx", "500 Internal Server Error", "", "HTTP 500: the hub is not available"),
        status("http-5xx", "502 Bad Gateway", "", "HTTP 502: the hub is not available"),
        status(
            "http-5xx",
            "503 Service Unavailable",
            "Retry-After: soon\r\n",
            "HTTP 503: the hub is not available",
        ),
        status("http-5xx", "504 Gateway Timeout", "Retry-After: -1\r\n", "HTTP 504"),
        status("http", "200 OK", "", "HTTP 200"),
        status("http", "204 No Content", "", "HTTP 204"),
        status("http", "100 Continue", "", "HTTP 100"),
        status(
            "http-redirect",
            "301 Moved Permanently",
            "Location: https://other.example/hub\r\n",
            "https://other.example/hub",
        ),
        status("http-redirect", "302 Found", "Location: /login?key=the-api-key\r\n", "/login?key=(apiKey)"),
        status(
            "http-redirect",
            "307 Temporary Redirect",
            "location: ws://h/\r\n",
            "points to ws://h/: set url",
        ),
        status("http-redirect", "308 Permanent Redirect", "", "HTTP 308"),
        status("http", "999 What", "", "HTTP 999"),
    ]);
}

#[test]
fn acceptances() {
    let good = |name: &'static str, lines| {
        opening(name, [ready()], move |hub| {
            accepts_with(lines)(hub)?;
            hub.expect_record(&json!({"protocol": "json", "version": 1}))?;
            hub.record("{}");
            hub.expect_record(&json!({"type": 6}))?;
            let id = hub.read_authenticate()?;
            hub.accept_credentials(&id);
            Ok(())
        })
        .and_stays()
    };
    let bad =
        |name: &'static str, lines, part: &str| opening(name, [retry("http", part)], accepts_with(lines));
    check(vec![
        good(
            "keep-alive",
            "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n",
        ),
        good("cases", "CONNECTION: upgrade\r\nupgrade: WebSocket\r\nsec-websocket-accept:ACCEPT\r\n"),
        good(
            "two lines, and others",
            "Date: x\r\nConnection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: a=b\r\nSec-WebSocket-Accept: ACCEPT \r\n",
        ),
        bad("without Upgrade", "Connection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n", "does not name"),
        bad("without Connection", "Upgrade: websocket\r\nSec-WebSocket-Accept: ACCEPT\r\n", "does not name"),
        bad(
            "another protocol",
            "Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: ACCEPT\r\n",
            "does not name",
        ),
        bad("without the key", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "Sec-WebSocket-Accept"),
        bad(
            "with another key",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "Sec-WebSocket-Accept",
        ),
        bad(
            "a subprotocol",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: x\r\nSec-WebSocket-Accept: ACCEPT\r\n",
            "not offered",
        ),
        bad(
            "an extension",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Accept: ACCEPT\r\n",
            "not offered",
        ),
    ]);
}

#[test]
fn what_is_no_http() {
    let one_header = format!("HTTP/1.1 101 x\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 101 x\r\n{}\r\n", "X-A: b\r\n".repeat(10_000));
    check(vec![
        answers("another protocol", "SSH-2.0-OpenSSH_9.9\r\n", "not HTTP"),
        answers("a TLS alert", b"\x15\x03\x03\x00\x02\x02\x46".as_slice(), "not HTTP"),
        answers("NULs", [0; 1000], "not HTTP"),
        answers("HTTP/2", "PRI * HTTP/2.0\r\n\r\n", "not HTTP"),
        answers("a bad header", "HTTP/1.1 101 x\r\n\u{1}: x\r\n\r\n", "not HTTP"),
        answers("ten thousand headers", many, "upgrade is not valid"),
        answers("a header of a megabyte", one_header, "upgrade is not valid"),
        opening("no end", [retry("http", "upgrade is not valid")], |hub| {
            hub.read_head()?;
            hub.send("HTTP/1.1 200 OK\r\nX: ");
            while hub.send([b'x'; 1000]) {}
            Ok(())
        }),
    ]);
}

#[test]
fn an_answer_has_its_time() {
    let patient = json!({"connectTimeoutMs": 500});
    let late = || retry("timeout", " within 500 ms, while upgrading to a websocket");
    check(vec![
        opening("silence", [late()], |hub| hub.read_head()).with(patient.clone()),
        opening("a byte now and then", [late()], |hub| {
            hub.read_head()?;
            hub.send("HTTP/1.1 101 x\r\nX: ");
            while hub.send("x") {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        })
        .with(patient),
    ]);
}

/// Returns how long the session waits after this answer, in milliseconds.
fn delay_after(status: &str, headers: &str, more: &serde_json::Value) -> u64 {
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), more));
    let mut wire = peer.accept();
    wire.read_head().expect("an upgrade");
    wire.send(format!("HTTP/1.1 {status} x\r\n{headers}\r\n"));
    session.expect("SESSION_RETRY").get("retryInMs").as_u64().expect("a number")
}

#[test]
fn a_wait_that_the_hub_asks_for_is_kept() {
    let _process = Process::shared();
    let date = httpdate_in(Duration::from_secs(3_600));
    for status in ["429", "503", "500"] {
        // the wait plus the usual delay, so that not all come at once
        assert!(
            (30_000..=30_050).contains(&delay_after(status, "Retry-After: 30\r\n", &json!({}))),
            "{status}"
        );
        let until_date = delay_after(status, &format!("Retry-After: {date}\r\n"), &json!({}));
        assert!((3_000_000..=3_600_050).contains(&until_date), "{status}: {until_date}");
        for other in ["soon", "-5", "1.5", "", "Thu, 01 Jan 1970 00:00:00 GMT", "99999999999999999999999"] {
            let delay = delay_after(status, &format!("Retry-After: {other}\r\n"), &json!({}));
            assert!(delay <= 50, "{other}: {delay}");
        }
        // nobody is sent away forever
        let year = delay_after(status, "Retry-After: 31536000\r\n", &json!({}));
        assert!((3_600_000..=3_600_050).contains(&year), "{year}");
    }
    for refused in ["401", "403"] {
        let slow = json!({"authRetryMinMs": 20_000, "authRetryMaxMs": 30_000});
        assert!((20_000..=30_000).contains(&delay_after(refused, "", &slow)), "{refused}");
    }
}

fn httpdate_in(time: Duration) -> String {
    httpdate::fmt_http_date(SystemTime::now() + time)
}
