//! What a peer may do with the handshake.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::case::{Case, Peer, check, opening, options, push, ready, retry};
use crate::wire::{BINARY, CLOSE, Wire, frame, push as push_record, raw_frame};
use support::client::{Process, Session};

const EVENT: &str = r#"{"type":"EVENT_EARLY"}"#;

/// The peer answers the handshake with this text message.
fn answers(name: &str, text: &'static str, code: &str, part: &str) -> Case {
    opening(name, [retry(code, part)], move |hub| {
        hub.upgrade()?;
        hub.read_record()?;
        hub.text(text);
        Ok(())
    })
}

/// The peer accepts the handshake in its own way. The session continues.
fn accepted(name: &str, answer: impl Fn(&mut Wire) + Send + Sync + 'static) -> Case {
    opening(name, [ready()], move |hub| {
        hub.upgrade()?;
        hub.expect_record(&json!({"protocol": "json", "version": 1}))?;
        answer(hub);
        hub.expect_record(&json!({"type": 6}))?;
        let id = hub.read_authenticate()?;
        hub.accept_credentials(&id);
        Ok(())
    })
    .and_stays()
}

#[test]
fn answers_that_are_accepted() {
    check(vec![
        accepted("an empty object", |hub| _ = hub.record("{}")),
        accepted("unknown members", |hub| _ = hub.record(r#"{"minorVersion":1,"x":2,"error":null}"#)),
        accepted("white space", |hub| _ = hub.record(" \r\n{ }\n")),
        accepted("two messages", |hub| {
            hub.text("{");
            hub.text("}\u{1e}");
        }),
        accepted("a fragment a byte", |hub| {
            for (index, byte) in b"{ }\x1e".iter().enumerate() {
                let first = [0x01, 0x00, 0x00, 0x80][index];
                hub.send(raw_frame(first, &[*byte]));
            }
        }),
        accepted("a segment a byte", |hub| {
            for byte in frame(1, b"{}\x1e") {
                hub.send([byte]);
            }
        }),
        accepted("a binary message", |hub| _ = hub.send(frame(BINARY, b"{}\x1e"))),
        accepted("nothing is sent before the answer", |hub| {
            hub.expect_silence(Duration::from_millis(100)).expect("no credentials yet");
            hub.record("{}");
        }),
        opening("one ping, and no second one", [ready()], |hub| {
            hub.ready()?;
            hub.expect_silence(Duration::from_millis(100))
        })
        .and_stays(),
        opening("an event in the same message", [push(EVENT), ready()], |hub| {
            hub.upgrade()?;
            hub.read_record()?;
            hub.text(&format!("{{}}\u{1e}{}\u{1e}", push_record(EVENT)));
            hub.expect_record(&json!({"type": 6}))?;
            let id = hub.read_authenticate()?;
            hub.accept_credentials(&id);
            Ok(())
        })
        .and_stays(),
        opening("glued to the upgrade, with an event", [push(EVENT), ready()], |hub| {
            hub.read_head()?;
            let text = format!("{{}}\u{1e}{}\u{1e}", push_record(EVENT));
            let glued = [hub.accepted().into_bytes(), frame(1, text.as_bytes())].concat();
            hub.send(glued);
            hub.read_record()?;
            hub.expect_record(&json!({"type": 6}))?;
            let id = hub.read_authenticate()?;
            hub.accept_credentials(&id);
            Ok(())
        })
        .and_stays(),
    ]);
}

#[test]
fn answers_that_are_not() {
    let canceled = "{\"error\":\"Handshake was canceled.\"}\u{1e}";
    let version = "{\"error\":\"The server does not support version 1 of the 'json' protocol.\"}\u{1e}";
    check(vec![
        answers("canceled", canceled, "handshake", "The hub refused the handshake: Handshake was canceled."),
        answers("another version", version, "handshake", "does not support version 1"),
        answers("an error that is no text", "{\"error\":[1]}\u{1e}", "handshake", "[1]"),
        answers("a ping", "{\"type\":6}\u{1e}", "protocol", "answer to the handshake"),
        answers("a Close record", "{\"type\":7}\u{1e}", "protocol", "answer to the handshake"),
        answers("an array", "[]\u{1e}", "protocol", "no JSON object"),
        answers("null", "null\u{1e}", "protocol", "no JSON object"),
        answers("a string", "\"x\"\u{1e}", "protocol", "no JSON object"),
        answers("no JSON", "hello\u{1e}", "protocol", "no JSON object"),
        answers("cut off", "{\"a\":\u{1e}", "protocol", "no JSON object"),
        answers("more behind it", "{}x\u{1e}", "protocol", "no JSON object"),
        answers(
            "an event instead",
            "{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[1]}\u{1e}",
            "protocol",
            "handshake",
        ),
        opening("a Close record right behind it", [retry("closed", "closed the session")], |hub| {
            hub.upgrade()?;
            hub.read_record()?;
            hub.text("{}\u{1e}{\"type\":7}\u{1e}");
            Ok(())
        }),
        opening("a Close record with words", [retry("closed", "Connection closed with an error.")], |hub| {
            hub.upgrade()?;
            hub.read_record()?;
            hub.text("{}\u{1e}");
            hub.record(r#"{"type":7,"error":"Connection closed with an error."}"#);
            Ok(())
        }),
        opening(
            "too long a beginning",
            [retry("protocol", "answer to the handshake has more than 65536 bytes")],
            |hub| {
                hub.upgrade()?;
                hub.text(&"x".repeat(64 * 1024 + 1));
                Ok(())
            },
        ),
        opening("endless", [retry("protocol", "answer to the handshake has more than 65536 bytes")], |hub| {
            hub.upgrade()?;
            while hub.send(frame(1, &[b' '; 1024])) {}
            Ok(())
        }),
    ]);
}

#[test]
fn connections_that_end_instead() {
    let closed = |code: u16, reason: &'static str| {
        let part = if reason.is_empty() { code.to_string() } else { format!("{code} ({reason})") };
        opening(format!("close {code}"), [retry("closed", part)], move |hub| {
            hub.upgrade()?;
            hub.send(frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat()));
            Ok(())
        })
    };
    check(vec![
        closed(1000, ""),
        closed(1008, "no such tenant"),
        closed(1011, "oh"),
        opening("the end", [retry("lost", "without a goodbye")], |hub| {
            hub.upgrade()?;
            hub.read_record()?;
            hub.hang_up();
            Ok(())
        }),
        opening("the end before the upgrade", [retry("http", "ended before the answer")], |hub| {
            hub.read_head()?;
            hub.hang_up();
            Ok(())
        }),
        opening("half an answer, then the end", [retry("lost", "without a goodbye")], |hub| {
            hub.upgrade()?;
            hub.read_record()?;
            hub.text("{");
            hub.hang_up();
            Ok(())
        }),
    ]);
}

#[test]
fn an_answer_has_its_time() {
    let patient = json!({"handshakeTimeoutMs": 300});
    let late = || retry("handshake", "did not answer the handshake within 300 ms");
    check(vec![
        opening("silence", [late()], |hub| hub.upgrade()).with(patient.clone()),
        opening("a byte now and then", [late()], |hub| {
            hub.upgrade()?;
            while hub.text(" ") {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        })
        .with(patient.clone()),
        opening("only websocket pings", [late()], |hub| {
            hub.upgrade()?;
            while hub.send(frame(9, b"")) {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        })
        .with(patient.clone()),
        opening("only empty records", [late()], |hub| {
            hub.upgrade()?;
            while hub.text("\u{1e}") {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        })
        .with(patient),
    ]);
}

#[test]
fn a_hub_that_refuses_every_handshake_is_asked_less_and_less() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({"retryMaxMs": 400})));
    for attempt in 1..=8_u32 {
        let mut wire = peer.accept();
        wire.upgrade().expect("an upgrade");
        wire.record(r#"{"error":"The server does not support version 1 of the 'json' protocol."}"#);
        let retry = session.expect("SESSION_RETRY");
        assert_eq!((retry.code(), retry.get("attempt")), ("handshake".to_owned(), json!(attempt)));
        assert!(retry.message().contains("does not support version 1"), "{retry}");
        let most = (10 << (attempt - 1)).min(400);
        assert!(retry.get("retryInMs").as_u64().is_some_and(|delay| delay <= most), "{retry}");
    }
}

#[test]
fn a_hub_that_says_goodbye_after_every_handshake_is_asked_slowly() {
    let _process = Process::shared();
    let peer = Peer::start();
    let slow = json!({"authRetryMinMs": 1_000, "authRetryMaxMs": 2_000});
    let session = Session::connect(&options(&peer.url(), &slow));
    for attempt in 1..=2 {
        let mut wire = peer.accept();
        wire.until_authenticate().expect("credentials");
        wire.record(r#"{"type":7,"error":"Connection closed with an error."}"#);
        let retry = session.expect("SESSION_RETRY");
        assert_eq!((retry.code(), retry.get("allowReconnect")), ("closed".to_owned(), json!(false)));
        assert!(retry.message().contains("Connection closed with an error."), "{retry}");
        let delay = retry.get("retryInMs").as_u64().expect("a number");
        // once may be chance
        assert!(if attempt == 1 { delay <= 10 } else { (1_000..=2_000).contains(&delay) }, "{retry}");
    }
    // and for ever: the third attempt is let in
    peer.accept().ready().expect("it logs in");
    session.expect("SESSION_READY");
}
