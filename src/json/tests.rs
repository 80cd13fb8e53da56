use super::*;

fn valid(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().and_then(|_| scanner.end()).is_ok()
}

#[test]
fn accepts_what_serde_json_accepts_and_refuses_the_rest() {
    let texts = [
        "{}",
        "[]",
        "[[]]",
        "{\"a\":{}}",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.10",
        "1e400",
        "-1E-2",
        "\"\"",
        "\"\\u0041\\n\"",
        " { \"a\" : [ 1 , 2 ] } ",
        "[1,2",
        "{\"a\"}",
        "{\"a\":}",
        "{,}",
        "[,]",
        "[1,]",
        "01",
        "1.",
        ".5",
        "-",
        "1e",
        "tru",
        "nul",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"a\nb\"",
        "{}x",
        "",
        " ",
        "\u{feff}{}",
        "[1}",
        "{\"a\":1]",
        "+1",
        "'a'",
        "{\"a\":1 \"b\":2}",
        "\"12345678\u{7f}é漢😀12345678\"",
        "\"1234567\t\"",
        "\"12345678901234567890\\\"x\"",
        "nullx",
        "[1 2]",
        "1 2",
        "{\"\":{\"\":[{},[],{\"\":0}]}}",
        "\"\\ud800\"",
    ];
    for text in texts {
        let expected = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
        assert_eq!(valid(text), expected, "{text}");
    }
}

#[test]
fn every_truncation_and_every_changed_byte_agrees_with_serde_json() {
    let text = r#" {"type":1,"target":"pushEvent","arguments":[{"key":"k\"\\","data":[1,-2.5e+3,{"a":null}],"x":"é\u00e9"}]} "#;
    for (end, _) in text.char_indices() {
        assert!(!valid(&text[..end]) || text[..end].trim().is_empty() == text.trim().is_empty(), "{end}");
    }
    for at in 0..text.len() {
        for byte in [b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b'0', b'e', b' ', 0, 31, b'x'] {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = byte;
            let Ok(changed) = std::str::from_utf8(&bytes) else { continue };
            let expected = serde_json::from_str::<&serde_json::value::RawValue>(changed).is_ok();
            assert_eq!(valid(changed), expected, "{changed:?}");
        }
    }
}

#[test]
fn nesting_has_no_limit() {
    for depth in [1, 63, 64, 65, 127, 128, 129, 200_000] {
        let text = "[{\"a\":".repeat(depth) + "1" + &"}]".repeat(depth);
        assert!(valid(&text), "{depth}");
        assert!(!valid(&text[..text.len() - 1]), "{depth}");
        assert!(!valid(&(text[..text.len() - 2].to_owned() + "]}")), "{depth}");
    }
}

#[test]
fn decodes_escapes() {
    for (raw, meant) in [
        ("plain", "plain"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\u0041é\u00e9", "Aéé"),
        (r"\uD83D\uDE00!", "😀!"),
        (r"\ud800x", "\u{fffd}x"),
        (r"\ud800\u0041", "\u{fffd}A"),
        (r"\ude00\ud83d\ude00", "\u{fffd}😀"),
        (r"\u0000", "\0"),
    ] {
        let quoted = format!("\"{raw}\"");
        assert_eq!(Scanner::new(&quoted).string().unwrap().decode(), meant, "{raw}");
    }
}

#[test]
fn picks_members_of_the_outermost_object_only() {
    let text = r#"[ {"a":{"type":1}, "typ\u0065" : "X" ,"key":"k","type":2} ]"#;
    let mut scanner = Scanner::new(text);
    let mut picked = None;
    scanner
        .elements(|scanner, _| {
            picked = Some(scanner.pick(["type", "key"])?);
            Ok(())
        })
        .unwrap();
    let picked = picked.unwrap();
    assert_eq!(picked.text, text[1..text.len() - 1].trim());
    assert_eq!(picked.members, [Some("\"X\""), Some("\"k\"")]);
    assert!(picked.repeated);
}
