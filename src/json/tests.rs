use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::*;
use crate::sys::Avx2;

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
        let expected = serde_json::from_str::<&RawValue>(text).is_ok();
        assert_eq!(valid(text), expected, "{text}");
    }
}

#[test]
fn every_truncation_and_every_changed_byte_agrees_with_serde_json() {
    let text = r#" {"type":1,"target":"pushEvent","arguments":[{"key":"k\"\\","data":[1,-2.5e+3,{"a":null}],"x":"é\u00e9"}]} "#;
    for (end, _) in text.char_indices() {
        assert!(!valid(&text[..end]) || text[..end].trim().is_empty() == text.trim().is_empty(), "{end}");
    }
    (0..text.len()).for_each(|at| assert_changes_agree(text, at));
}

/// Puts other bytes in this place, and reads the text as serde_json does.
fn assert_changes_agree(text: &str, at: usize) {
    for byte in b"\"\\{}[],:0e.-tx \x00\x07\x1f" {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = *byte;
        let Ok(changed) = std::str::from_utf8(&bytes) else { continue };
        let expected = serde_json::from_str::<&RawValue>(changed).is_ok();
        assert_eq!(valid(changed), expected, "{changed:?}");
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
fn decodes_strings_of_any_length() {
    for length in [0, 1, 15, 16, 17, 2_000, 2_048, 2_064, 2_065, 100_000] {
        for piece in ["x", "\\n", "\\u00e9x", "\\ud83d\\ude00", "é\\\""] {
            let text = format!("\"{}\"", piece.repeat(length));
            let expected: String = serde_json::from_str(&text).unwrap();
            let mut scanner = Scanner::new(&text);
            assert!(scanner.pick(["", ""]).unwrap().content.unwrap() == expected, "{piece} {length}");
            assert_eq!(scanner.end(), Ok(()));
        }
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

/// Reads texts like those that the hub sends, most of them spoilt, as serde_json and the plain twin do.
fn compare_with_serde_json(seed: u64, texts: usize) {
    let mut random = Random { state: seed, spaces: false };
    let (mut refused, mut compact) = (0, 0);
    for number in 0..texts {
        let mut text = String::new();
        // a hub writes no spaces
        random.spaces = number % 4 == 0;
        random.value(&mut text, 4);
        random.spoil(&mut text);
        assert_plain_length(&text);
        let expected = serde_json::from_str::<&RawValue>(&text);
        assert_eq!(valid(&text), expected.is_ok(), "{text:?}");
        compact += usize::from(assert_twins(&text));
        let Ok(expected) = expected else {
            refused += 1;
            continue;
        };
        assert_same_parts(expected.get());
    }
    assert!((texts / 10..texts).contains(&refused), "{refused} of {texts} were refused");
    assert!(Avx2::detect().is_none() || compact > texts / 10, "{compact} of {texts} were read by the block");
}

/// Reads a text by the block and byte by byte. Returns whether it can be read by the block.
fn assert_twins(text: &str) -> bool {
    let by_byte = Scanner::new(text).value_and_depth();
    let text = text.trim_start();
    let mut keys = Vec::new();
    let found = compact::read::<true>(text.as_bytes(), |key| keys.push(key));
    let Some(found) = found else { return false };
    assert_eq!(by_byte.unwrap().0, &text[..found.length]);
    assert!(found.has_escapes || !text[..found.length].contains('\\'), "{text:?}");
    if text.starts_with('{') {
        let mut expected = Vec::new();
        let each = |scanner: &mut Scanner<'_>, at, _: Text<'_>| {
            expected.push(at);
            scanner.value_and_depth().map(drop)
        };
        Scanner::new(text).members(each).unwrap();
        assert_eq!(keys, expected, "{text:?}");
    }
    true
}

#[test]
fn what_crosses_the_border_of_a_block_is_read_as_within_it() {
    let parts = [
        r#""k\\\"\u00e9y":"v\\","#,
        r#""a":{"b":[1,-2.5e+3,{"c":null}],"d":{}},"#,
        r#""e":[true,false,0,-0,10,0.5,[[]],""],"#,
        r#""漢😀":"é","#,
    ];
    for padding in 0..64 {
        let text = format!(r#"{{"{}":1,{}"end":[]}}"#, "x".repeat(padding), parts.concat());
        assert!(valid(&text), "{text}");
        assert_eq!(assert_twins(&text), Avx2::detect().is_some(), "{text}");
        let near_borders = (padding + 4..text.len()).filter(|at| (at + 2) % 64 < 4);
        near_borders.for_each(|at| assert_changes_agree(&text, at));
    }
}

#[test]
fn only_so_much_nesting_is_read_by_the_block() {
    for depth in [1, 61, 62, 63, 64, 65, 200] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert!(valid(&text), "{depth}");
        assert_eq!(assert_twins(&text), depth < 63 && Avx2::detect().is_some(), "{depth}");
        assert!(!valid(&text[1..]) && !valid(&text[..text.len() - 1]), "{depth}");
    }
}

fn assert_plain_length(text: &str) {
    for (at, _) in text.match_indices('"') {
        let rest = text.as_bytes().get(at + 1..).unwrap();
        assert_eq!(plain::plain_length(rest), plain::plain_length_by_byte(rest), "{text:?} from {at}");
    }
}

/// Compares the members or elements of a value, or what it means.
fn assert_same_parts(text: &str) {
    let mut scanner = Scanner::new(text);
    let same = |ours: &str, theirs: &RawValue| ours == theirs.get();
    match text.as_bytes()[0] {
        b'{' => {
            let mut ours = Vec::new();
            let each = |scanner: &mut Scanner<'_>, _, key: Text<'_>| {
                ours.push((key.decode().into_owned(), scanner.value()?.to_owned()));
                Ok(())
            };
            scanner.members(each).unwrap();
            // unpaired surrogates are names to us alone
            let Ok(theirs) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else { return };
            let picked = Scanner::new(text).pick(["type", "é"]).unwrap();
            for (name, found) in ["type", "é"].into_iter().zip(picked.members) {
                let first = ours.iter().find(|(key, _)| key == name);
                assert_eq!(found, first.map(|(_, value)| value.as_str()), "{text}");
            }
            let ours: BTreeMap<_, _> = ours.into_iter().collect();
            assert!(ours.keys().eq(theirs.keys()), "{text}");
            assert!(ours.values().zip(theirs.values()).all(|(ours, theirs)| same(ours, theirs)), "{text}");
        }
        b'[' => {
            let theirs: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            let each = |scanner: &mut Scanner<'_>, index: usize| {
                assert!(same(scanner.value()?, theirs[index]), "{text}");
                Ok(())
            };
            scanner.elements(each).unwrap();
        }
        b'"' => {
            let content = scanner.pick(["", ""]).unwrap().content.unwrap();
            assert_eq!(Scanner::new(text).string().unwrap().decode(), content, "{text}");
            match serde_json::from_str::<String>(text) {
                Ok(theirs) => assert_eq!(content, theirs, "{text}"),
                Err(_) => assert!(content.contains('\u{fffd}'), "{text}"),
            }
        }
        _ => assert_eq!(scanner.value().unwrap(), text),
    }
}

/// Makes texts of a seed.
struct Random {
    state: u64,
    spaces: bool,
}

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((self.state >> 33) % most as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn value(&mut self, out: &mut String, depth: usize) {
        const SPACE: [&str; 12] = ["", "", "", "", "", "", "", "", " ", "\n", "\t ", "\r\n"];
        const ATOMS: [&str; 12] =
            ["0", "-1", "12.50", "1e5", "-0.1E-7", "1234567890123", "true", "false", "null", "{}", "[]", "1"];
        let space = if self.spaces { SPACE } else { [""; 12] };
        out.push_str(self.one(&space));
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0..=1 => out.push_str(self.one(&ATOMS)),
            2..=4 => self.string(out),
            5 => self.list(out, depth, ['[', ']']),
            _ => self.list(out, depth, ['{', '}']),
        }
        out.push_str(self.one(&space));
    }

    fn list(&mut self, out: &mut String, depth: usize, [open, close]: [char; 2]) {
        out.push(open);
        for index in 0..self.below(5) {
            if index > 0 {
                out.push(',');
            }
            if open == '{' {
                match self.below(4) {
                    0 => out.push_str(self.one(&["\"type\"", "\"é\"", "\"t\\u0079pe\""])),
                    _ => self.string(out),
                }
                out.push(':');
            }
            self.value(out, depth - 1);
        }
        out.push(close);
    }

    fn string(&mut self, out: &mut String) {
        const PIECES: [&str; 16] = [
            "a",
            "key",
            "Vinewood Blvd",
            "é",
            "漢",
            "😀",
            "\\\"",
            "\\\\",
            "\\n",
            "\\/",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud800",
            "\\u0000",
            "\u{7f}",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123",
        ];
        out.push('"');
        for _ in 0..self.below(7) {
            out.push_str(self.one(&PIECES));
        }
        out.push('"');
    }

    /// Changes up to two characters.
    fn spoil(&mut self, text: &mut String) {
        for _ in 0..self.below(3) {
            let at = self.below(text.len() + 1);
            let Some(at) = (0..=at).rev().find(|at| text.is_char_boundary(*at)) else { return };
            if self.below(3) > 0 && at < text.len() {
                text.remove(at);
            }
            if self.below(3) > 0 {
                text.insert_str(
                    at,
                    self.one(&["\"", "\\", "{", "}", "[", "]", ",", ":", "0", "e", "\0", "\u{1f}", " ", "u"]),
                );
            }
        }
    }
}

#[test]
fn spoilt_texts_are_read_as_serde_json_reads_them() {
    compare_with_serde_json(1, 20_000);
}

/// `cargo test --release --lib a_hundred_million -- --ignored`
#[test]
#[ignore = "takes minutes; the test above is its short form"]
fn a_hundred_million_spoilt_texts_are_read_as_serde_json_reads_them() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || compare_with_serde_json(thread as u64 + 2, 100_000_000 / threads));
        }
    });
}
