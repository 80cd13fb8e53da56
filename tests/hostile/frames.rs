//! Websocket frames that violate their protocol, and ways of closing.

use crate::case::{Case, breaks, check, lost, push, stays};
use crate::wire::{BINARY, CLOSE, PING, PONG, Wire, frame, frame_head, raw_frame};

const EVENT: &str = r#"{"type":"EVENT_BEFORE"}"#;

/// The peer sends these bytes, and the session leaves. Earlier pushes are delivered.
fn breaks_over(name: &str, bytes: Vec<u8>) -> Case {
    breaks(name, [push(EVENT), lost("protocol", "")], move |hub| {
        hub.push(EVENT);
        hub.send(&bytes);
        Ok(())
    })
}

fn closes(name: impl Into<String>, payload: Vec<u8>, code: &str, part: &str) -> Case {
    breaks(name, [push(EVENT), lost(code, part)], move |hub| {
        hub.push(EVENT);
        hub.send(frame(CLOSE, &payload));
        Ok(())
    })
}

#[test]
fn frames_that_are_none() {
    let ping = b"{\"type\":6}\x1e";
    let masked = [&[0x81, 0x80 | 11, 1, 2, 3, 4][..], &[0; 11]].concat();
    let mut cases = vec![
        breaks_over("masked", masked),
        breaks_over("a continuation of nothing", raw_frame(0x80, ping)),
        breaks_over(
            "a first fragment in the middle",
            [raw_frame(0x01, b"{"), raw_frame(0x81, ping)].concat(),
        ),
        breaks_over("a ping of 126 bytes", raw_frame(0x80 | PING, &[b'x'; 126])),
        breaks_over("a ping in fragments", raw_frame(PING, b"x")),
        breaks_over("a close in fragments", raw_frame(CLOSE, &1000_u16.to_be_bytes())),
    ];
    for bit in [0x40, 0x20, 0x10] {
        cases.push(breaks_over(&format!("reserved bit {bit:x}"), raw_frame(0x81 | bit, ping)));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(breaks_over(&format!("opcode {opcode}"), raw_frame(0x80 | opcode, ping)));
    }
    check(cases);
}

#[test]
fn frames_that_are_unusual() {
    let pings = |hub: &mut Wire| {
        hub.send(frame(PING, b""));
        hub.send(frame(PONG, b"nobody asked"));
        hub.send(frame(PING, &[b'x'; 125]));
    };
    check(vec![
        stays("pings and pongs", [push(EVENT)], move |hub| {
            pings(hub);
            hub.push(EVENT);
            while hub.read_frame()? != (PONG, vec![b'x'; 125]) {}
            Ok(())
        }),
        stays("a length that is longer than it need be", [push(EVENT)], |hub| {
            let record = format!("{}\u{1e}", crate::wire::push(EVENT));
            let length = u64::try_from(record.len()).expect("small");
            hub.send([&[0x81, 127][..], &length.to_be_bytes(), record.as_bytes()].concat());
            Ok(())
        }),
        stays("empty fragments", [push(EVENT)], |hub| {
            let record = format!("{}\u{1e}", crate::wire::push(EVENT));
            for first in [0x01, 0x00, 0x00] {
                hub.send(raw_frame(first, b""));
            }
            hub.send(raw_frame(0x00, record.as_bytes()));
            hub.send(raw_frame(0x80, b""));
            Ok(())
        }),
    ]);
}

#[test]
fn ways_to_close() {
    let with = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    let mut cases = vec![
        closes("close without a code", Vec::new(), "closed", "1005"),
        closes("close with a reason", with(1008, b"go away"), "closed", "1008 (go away)"),
        closes("close with the longest reason", with(1011, &[b'x'; 123]), "closed", &"x".repeat(123)),
        closes("close with the key", with(4001, crate::case::KEY.as_bytes()), "closed", "4001 ((apiKey))"),
        closes("close with one byte", vec![3], "protocol", ""),
        closes("close with a reason that is no text", with(1000, b"\xff\xfe"), "protocol", ""),
    ];
    for code in [1000, 1001, 1002, 1003, 1007, 1009, 1011, 1012, 1013, 3000, 4001, 4999] {
        cases.push(closes(format!("close {code}"), with(code, b""), "closed", &code.to_string()));
    }
    // codes that no frame may carry; whichever of the two codes the host sees, the link has ended
    for code in [0, 999, 1004, 1005, 1006, 1015, 2000, 5000] {
        cases.push(closes(format!("close {code}"), with(code, b""), "", ""));
    }
    check(cases);
}

#[test]
fn ends_without_a_close() {
    check(vec![
        breaks("the end", [push(EVENT), lost("lost", "without a goodbye")], |hub| {
            hub.push(EVENT);
            hub.hang_up();
            Ok(())
        }),
        breaks("the end in the middle of a frame", [push(EVENT), lost("lost", "without a goodbye")], |hub| {
            hub.push(EVENT);
            hub.send(frame_head(0x81, 100));
            hub.send(b"{");
            hub.hang_up();
            Ok(())
        }),
        breaks(
            "the end in the middle of a record",
            [push(EVENT), lost("lost", "without a goodbye")],
            |hub| {
                hub.push(EVENT);
                // if it survived into the next connection, the first record there would not be JSON
                hub.send(frame(BINARY, b"{\"type\":1,\"target\":\"push"));
                hub.hang_up();
                Ok(())
            },
        ),
        breaks("a record of which only the end is missing", [push(EVENT), lost("lost", "")], |hub| {
            hub.push(EVENT);
            hub.text(&crate::wire::push(r#"{"type":"EVENT_NEVER_ENDED"}"#));
            hub.hang_up();
            Ok(())
        }),
    ]);
}
