//! Each sentence of the header stands in `promises.md`, with the tests that hold it or the reason why none has to.

use std::collections::BTreeSet;
use std::fs;

use support::root;

use crate::names;

const LIST: &str = "tests/repository/promises.md";

/// What stands in place of a test: the sentence explains, or it is the host's part of the contract.
const NO_TEST: [&str; 3] = ["explains", "host", "hub"];

#[test]
fn every_sentence_of_the_header_is_in_the_list() {
    let header = sentences(&read("include/sonoran.h"));
    let listed: BTreeSet<_> = rows().into_iter().map(|row| row.sentence).collect();
    let missing: Vec<_> = header.difference(&listed).collect();
    assert!(missing.is_empty(), "{LIST} lacks these sentences of the header: {missing:#?}");
    let stale: Vec<_> = listed.difference(&header).collect();
    assert!(stale.is_empty(), "{LIST} has sentences that the header lacks: {stale:#?}");
}

#[test]
fn every_test_in_the_list_exists() {
    let held = rows().into_iter().flat_map(|row| row.held);
    let unknown = names::unknown(held.filter(|held| !NO_TEST.contains(&held.as_str())));
    assert!(unknown.is_empty(), "{LIST} names tests that do not exist: {unknown:#?}");
}

#[test]
fn sentences_are_found_whole() {
    let header = "/**\n * A HEADING\n *\n * A first one. It goes\n * on: here. Of version 1.2.\n *\n *     NAME    a line. more\n *             of it\n *     OTHER   text\n */\n#define X 1    /**< About X. */\nint code; // none\n";
    let found = sentences(header);
    let expected = [
        "A first one.",
        "It goes on: here.",
        "Of version 1.2.",
        "NAME a line. more of it",
        "OTHER text",
        "About X.",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// A row of the list.
struct Row {
    sentence: String,
    held: Vec<String>,
}

/// The rows of the list: `- SENTENCE → TEST, TEST`.
fn rows() -> Vec<Row> {
    let text = read(LIST);
    let rows = text.lines().filter_map(|line| line.strip_prefix("- "));
    let row = |line: &str| {
        let (sentence, held) = line.rsplit_once(" → ").unwrap_or_else(|| panic!("{line}: expected ` → `"));
        let held: Vec<_> = held.split(", ").map(|name| name.trim().to_owned()).collect();
        assert!(!held.iter().any(String::is_empty), "{line}: expected a test");
        Row { sentence: sentence.to_owned(), held }
    };
    rows.map(row).collect()
}

/// The sentences of the comments in a header; each entry of an indented table counts as one.
fn sentences(header: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut paragraph = String::new();
    let mut is_table = false;
    let mut finish = |paragraph: &mut String, is_table: bool| {
        let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        paragraph.clear();
        if is_table {
            found.extend(Some(text).filter(|text| !text.is_empty()));
            return;
        }
        let mut rest = text.as_str();
        while let Some(end) = sentence_end(rest) {
            found.insert(rest[..end].to_owned());
            rest = rest[end..].trim_start();
        }
        // what ends without a full stop is a heading
        found.extend(Some(rest.to_owned()).filter(|rest| rest.ends_with(['.', ':', '?', '!'])));
    };
    for line in comment_lines(header) {
        let indent = line.len() - line.trim_start().len();
        let starts = line.trim().is_empty() || (4..9).contains(&indent) || (indent < 4 && is_table);
        if starts {
            finish(&mut paragraph, is_table);
            is_table = indent >= 4;
        }
        paragraph.push_str(&line);
        paragraph.push(' ');
    }
    finish(&mut paragraph, is_table);
    found
}

/// The lines of all comments, without what makes them one.
fn comment_lines(header: &str) -> Vec<String> {
    let (mut lines, mut inside) = (Vec::new(), false);
    for line in header.lines() {
        if let Some((_, comment)) = line.split_once("/*").filter(|_| !inside) {
            inside = !comment.contains("*/");
            lines.push(String::new());
            lines.push(comment.trim_start_matches(['*', '<', ' ']).replace("*/", "").trim().to_owned());
        } else if inside {
            inside = !line.contains("*/");
            let text = line.replace("*/", "").trim_start().trim_start_matches('*').to_owned();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned());
        }
    }
    lines.push(String::new());
    lines
}

/// Where the first sentence ends, if another one follows.
fn sentence_end(text: &str) -> Option<usize> {
    let ends = text.match_indices(['.', '?', '!']);
    let mut ends = ends.map(|(at, _)| at + 1);
    ends.find(|end| {
        let mut after = text[*end..].chars();
        after.next() == Some(' ') && after.next().is_some_and(|next| !next.is_lowercase())
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
