//! Records: where they begin and end, and what is not JSON.

use serde_json::json;

use crate::case::{Case, breaks, check, lost, push, stays, wrapped};
use crate::wire::{BINARY, Outcome, PING, PONG, Wire, frame, frame_head, push as record, raw_frame};

const ONE: &str = r#"{"type":"EVENT_ONE"}"#;
const TWO: &str = r#"{"type":"EVENT_TWO","text":"é😀"}"#;
const THREE: &str = r#"{"type":"EVENT_THREE"}"#;

/// The peer sends this text message, and the session leaves.
fn breaks_over(name: &str, text: impl Into<String>, part: &str) -> Case {
    let text = text.into();
    breaks(name, [lost("protocol", part)], move |hub| {
        hub.text(&text);
        Ok(())
    })
}

/// The peer pushes this, and it arrives unchanged.
fn arrives(name: &str, event: impl Into<String>) -> Case {
    let event = event.into();
    stays(name, [push(event.clone())], move |hub| {
        hub.push(&event);
        Ok(())
    })
}

fn messages(name: &str, script: impl Fn(&mut Wire) -> Outcome + Send + Sync + 'static) -> Case {
    stays(name, [push(ONE), push(TWO), push(THREE)], script)
}

#[test]
fn borders_of_messages_mean_nothing() {
    let three = || [ONE, TWO, THREE].map(|event| format!("{}\u{1e}", record(event))).concat();
    check(vec![
        messages("three in one", move |hub| {
            hub.text(&three());
            Ok(())
        }),
        messages("a binary message a byte", move |hub| {
            for byte in three().as_bytes() {
                hub.send(frame(BINARY, &[*byte]));
            }
            Ok(())
        }),
        messages("text and binary in turn", move |hub| {
            let text = three();
            let (start, end) = text.split_at(20);
            hub.text(start);
            hub.send(frame(BINARY, end.as_bytes()));
            Ok(())
        }),
        messages("a fragment a byte, characters cut", move |hub| {
            let text = three();
            for (index, byte) in text.bytes().enumerate() {
                let last = if index + 1 == text.len() { 0x80 } else { 0 };
                hub.send(raw_frame(last | u8::from(index == 0), &[byte]));
            }
            Ok(())
        }),
        messages("a segment a byte", move |hub| {
            for byte in frame(1, three().as_bytes()) {
                hub.send([byte]);
            }
            Ok(())
        }),
        messages("a thousand fragments, and pings between them", move |hub| {
            let text = format!("{}{}", " ".repeat(1_000), three());
            let pieces: Vec<_> = text.as_bytes().chunks(text.len().div_ceil(1_000)).collect();
            for (index, piece) in pieces.iter().enumerate() {
                let last = if index + 1 == pieces.len() { 0x80 } else { 0 };
                hub.send(raw_frame(last | u8::from(index == 0), piece));
                hub.send(frame(PING, index.to_string().as_bytes()));
            }
            // a client need only answer the newest ping
            let newest = (pieces.len() - 1).to_string().into_bytes();
            while hub.read_frame()? != (PONG, newest.clone()) {}
            Ok(())
        }),
        messages("empty messages and empty records between", move |hub| {
            for event in [ONE, TWO, THREE] {
                hub.text("");
                hub.send(frame(BINARY, b""));
                hub.text("\u{1e}\u{1e}");
                hub.text(&format!("\u{1e}{}\u{1e}\u{1e}", record(event)));
            }
            Ok(())
        }),
        messages("white space around", move |hub| {
            for event in [ONE, TWO, THREE] {
                hub.text(&format!(" \r\n\t{}\n \u{1e}", record(event)));
            }
            Ok(())
        }),
    ]);
}

#[test]
fn sizes_have_a_limit() {
    let small = json!({"maxMessageBytes": 1024});
    let event = |size: usize| {
        let around = record(r#"{"type":"A","d":""}"#).len();
        format!(r#"{{"type":"A","d":"{}"}}"#, "x".repeat(size - around))
    };
    let too_large = || lost("protocol", "more than 1024 bytes");
    check(vec![
        arrives("the largest record", event(1024)).with(small.clone()),
        breaks("a byte more", [too_large()], move |hub| {
            hub.push(&event(1025));
            Ok(())
        })
        .with(small.clone()),
        breaks("a byte more, over several messages", [too_large()], move |hub| {
            for piece in record(&event(1025)).as_bytes().chunks(100) {
                hub.send(frame(BINARY, piece));
            }
            Ok(())
        })
        .with(small.clone()),
        breaks("no end", [too_large()], |hub| {
            while hub.text(&"x".repeat(100)) {}
            Ok(())
        })
        .with(small.clone()),
        breaks("fragments without end", [lost("protocol", "more than 1024 bytes")], |hub| {
            hub.send(raw_frame(0x01, b"x"));
            while hub.send(raw_frame(0x00, &[b'x'; 1000])) {}
            Ok(())
        })
        .with(small.clone()),
        // refused by its announced size: not one byte of it comes
        breaks("a frame of 64 MiB", [too_large()], |hub| {
            hub.send(frame_head(0x81, 64 << 20));
            Ok(())
        })
        .with(small.clone()),
        breaks("a frame of 2^63 bytes", [too_large()], |hub| {
            hub.send(frame_head(0x81, 1 << 63));
            Ok(())
        })
        .with(small.clone()),
        breaks("a frame of 2^64-1 bytes", [too_large()], |hub| {
            hub.send(frame_head(0x82, u64::MAX));
            Ok(())
        })
        .with(small.clone()),
        stays(
            "many small records in a message larger than one may be",
            (0..100).map(|_| push(ONE)).collect::<Vec<_>>(),
            |hub| {
                hub.text(&format!("{}\u{1e}", record(ONE)).repeat(100));
                Ok(())
            },
        )
        .with(small),
    ]);
}

#[test]
fn what_is_no_utf8() {
    check(vec![
        breaks("a text message", [lost("protocol", "utf-8")], |hub| {
            hub.send(frame(1, b"{\"type\":6,\"a\":\"\xff\"}\x1e"));
            Ok(())
        }),
        breaks("a text message that ends in a character", [lost("protocol", "utf-8")], |hub| {
            hub.send(frame(1, b"{\"type\":6,\"a\":\"\xc3"));
            hub.send(frame(1, b"\xa9\"}\x1e"));
            Ok(())
        }),
        breaks("a record in a binary message", [lost("protocol", "not UTF-8")], |hub| {
            hub.send(frame(BINARY, b"{\"type\":6,\"a\":\"\xff\"}\x1e"));
            Ok(())
        }),
        breaks("a surrogate half", [lost("protocol", "not UTF-8")], |hub| {
            hub.send(frame(BINARY, b"{\"type\":6,\"a\":\"\xed\xa0\x80\"}\x1e"));
            Ok(())
        }),
        breaks("UTF-16", [lost("protocol", "not JSON")], |hub| {
            hub.send(frame(BINARY, b"{\0}\0\x1e\0"));
            Ok(())
        }),
    ]);
}

#[test]
fn what_is_no_json() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(99_999));
    check(vec![
        breaks_over("a byte order mark", "\u{feff}{\"type\":6}\u{1e}", "not JSON"),
        breaks_over("cut off", "{\"type\":1,\u{1e}", "not JSON"),
        breaks_over("cut off in a string", "{\"type\":\"\u{1e}", "not JSON"),
        breaks_over("something behind", "{\"type\":6}x\u{1e}", "not JSON"),
        breaks_over("two in one", "{\"type\":6}{\"type\":6}\u{1e}", "not JSON"),
        breaks_over("no object", "[1]\u{1e}", "not JSON"),
        breaks_over("no value", "junk\u{1e}", "not JSON"),
        breaks_over("single quotes", "{'type':6}\u{1e}", "not JSON"),
        breaks_over("a comma too many", "{\"type\":6,}\u{1e}", "not JSON"),
        breaks_over("a comment", "{\"type\":6/**/}\u{1e}", "not JSON"),
        breaks_over("NaN", "{\"type\":6,\"a\":NaN}\u{1e}", "not JSON"),
        breaks_over("a number that is none", "{\"type\":6,\"a\":01}\u{1e}", "not JSON"),
        breaks_over("an escape that is none", "{\"type\":6,\"a\":\"\\x\"}\u{1e}", "not JSON"),
        breaks_over("half an escape", "{\"type\":6,\"a\":\"\\u12\"}\u{1e}", "not JSON"),
        breaks_over("a raw NUL", "{\"type\":6,\"a\":\"\u{0}\"}\u{1e}", "not JSON"),
        breaks_over("a raw NUL between", "{\"type\":6}\u{0}\u{1e}", "not JSON"),
        breaks_over("a raw line feed in a string", "{\"type\":6,\"a\":\"\n\"}\u{1e}", "not JSON"),
        breaks_over("deep, and never closed", format!("{{\"type\":6,\"a\":{nested}}}\u{1e}"), "not JSON"),
    ]);
}

#[test]
fn payloads_that_other_parsers_change_or_refuse() {
    let nested = |depth: usize| format!(r#"{{"type":"A","d":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let objects = format!(r#"{{"type":"A","d":{}1{}}}"#, "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let digits =
        format!(r#"{{"type":"A","n":[{},-0,-0.0,1e400,1E-400,18446744073709551617]}}"#, "9".repeat(400));
    check(vec![
        arrives("nested 64", nested(64)),
        arrives("nested 127", nested(127)),
        arrives("nested 128", nested(128)),
        arrives("nested 100000", nested(100_000)),
        arrives("nested objects", objects),
        arrives("numbers", digits),
        arrives("an escaped NUL", r#"{"type":"A","d":"a\u0000b"}"#),
        arrives("a lone surrogate", r#"{"type":"A","d":"\ud800","\udfff":"\udc00\ud800"}"#),
        arrives("an escaped record end", r#"{"type":"A","d":"\u001e"}"#),
        arrives("keys that stand twice", r#"{"type":"A","type":"B","key":1,"key":2}"#),
        arrives("white space", "{ \"type\" :\r\n\t\"A\" }"),
        arrives("an empty key", r#"{"":{"":""},"type":"A"}"#),
        stays("a string that holds the object", [push(r#"{"type":"A","d":"é\u0000\ud800"}"#)], |hub| {
            hub.push(r#""{\"type\":\"A\",\"d\":\"\u00e9\\u0000\\ud800\"}""#);
            Ok(())
        }),
        // what cannot stand in JSON, and what is no character, ends that
        stays(
            "a string that holds a NUL",
            [wrapped("not-an-object", r#"["{\"type\":\"A\u0000\"}"]"#)],
            |hub| {
                hub.push(r#""{\"type\":\"A\u0000\"}""#);
                Ok(())
            },
        ),
        stays("a string that holds half a character", [push("{\"type\":\"A\u{fffd}\"}")], |hub| {
            hub.push(r#""{\"type\":\"A\ud800\"}""#);
            Ok(())
        }),
    ]);
}
