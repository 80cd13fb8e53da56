//! Each code in the header has a line in `docs/troubleshooting.md`, and no other code has one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::root;

/// The codes of each event, or of functions.
type Codes = BTreeMap<String, BTreeSet<String>>;

const BOTH: &str = "SESSION_LOST and SESSION_RETRY";
const FUNCTIONS: &str = "Errors of functions";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The words of a list such as `a, b (why) or c for that`.
fn listed(list: &str) -> BTreeSet<String> {
    let mut depth = 0_i32;
    let outside = list.chars().filter(|character| {
        depth += i32::from(*character == '(');
        let keep = depth == 0;
        depth -= i32::from(*character == ')');
        keep
    });
    let outside = outside.collect::<String>().replace(" or ", ", ");
    let words = outside.split(',').filter_map(|part| part.split_whitespace().next());
    words.filter(|word| *word != "or" && *word != "below").map(str::to_owned).collect()
}

/// The codes that the header names.
fn promised(header: &str) -> Codes {
    let text: Vec<_> = header.lines().map(|line| line.trim_start_matches([' ', '*'])).collect();
    let text = text.join(" ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut codes = Codes::new();
    let both = text.split_once("Codes of SESSION_LOST and SESSION_RETRY: ").expect("the list").1;
    codes.insert(BOTH.to_owned(), listed(both.split_once(". ").expect("its end").0));
    // each entry of the table begins with its event and says `code: ` before the next one does
    let table = text.split_once("is the time until the next attempt.").expect("the table").1;
    let table = table.split_once("Codes of SESSION_LOST").expect("its end").0;
    for (at, _) in table.match_indices("SESSION_") {
        let (event, rest) = table[at..].split_once(' ').expect("its entry");
        let entry = rest.split("SESSION_").next().unwrap_or_default();
        let Some((_, list)) = entry.split_once("code: ") else { continue };
        let list = listed(list.split(". ").next().unwrap_or_default());
        if !list.is_empty() {
            assert!(codes.insert(event.to_owned(), list).is_none(), "{event} stands there twice");
        }
    }
    let constants =
        header.lines().filter_map(|line| line.strip_prefix("#define SONORAN_E_")?.split(' ').next());
    codes.insert(FUNCTIONS.to_owned(), constants.map(|name| format!("SONORAN_E_{name}")).collect());
    codes
}

/// The codes that the document explains, each with all its cells.
fn explained(document: &str) -> Codes {
    let mut codes = Codes::new();
    let mut section = String::new();
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        } else if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<_> = row.split(" |").collect();
            assert!(cells.len() == 5 && cells[1].len() > 10, "{line}: expected a code and three cells");
            let code = cells[0].trim_end_matches('`').to_owned();
            assert!(codes.entry(section.clone()).or_default().insert(code), "twice: {line}");
        }
    }
    codes
}

#[test]
fn every_code_is_explained() {
    let (promised, explained) =
        (promised(&read("include/sonoran.h")), explained(&read("docs/troubleshooting.md")));
    assert!(
        promised[BOTH].len() > 25 && promised[FUNCTIONS].len() > 14 && promised.len() > 8,
        "{promised:#?}"
    );
    assert_eq!(explained, promised);
}

#[test]
fn lists_of_codes_are_read() {
    let codes = |list: &str| listed(list).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(codes("ok (then result, or not), error, or too-large (b)"), "error ok too-large");
    assert_eq!(codes("queue-full, or another-key if a session left them"), "another-key queue-full");
    assert_eq!(codes("rejected (it says), timeout or lost"), "lost rejected timeout");
}
