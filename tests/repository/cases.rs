//! Each case of the hub protocol stands in `cases.md`, with the tests that hold it.

use std::fs;

use support::root;

use crate::names;

const LIST: &str = "tests/repository/cases.md";

/// The number of cases.
const CASES: usize = 114;

/// What the library does not ask a hub for.
const NO_TEST: [(usize, &str); 1] = [(114, "not asked for")];

/// The rows: the case's number, and its tests.
fn rows() -> Vec<(usize, Vec<String>)> {
    let text = fs::read_to_string(root().join(LIST)).expect("UTF-8");
    let row = |line: &str| {
        let (case, held) = line.split_once(" → ").unwrap_or_else(|| panic!("{line}: expected ` → `"));
        let number = case.split_once(". ").and_then(|(number, _)| number.parse().ok());
        let held = held.split(", ").map(str::to_owned).collect();
        (number.unwrap_or_else(|| panic!("{line}: expected a number")), held)
    };
    text.lines().filter_map(|line| line.strip_prefix("- ")).map(row).collect()
}

#[test]
fn every_case_is_in_the_list_once() {
    let numbers: Vec<_> = rows().into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=CASES).collect::<Vec<_>>());
}

#[test]
fn every_test_of_a_case_exists() {
    let is_test = |number: usize, held: &str| !NO_TEST.contains(&(number, held));
    let held = rows().into_iter().flat_map(|(number, held)| {
        held.into_iter().filter(move |held| is_test(number, held)).collect::<Vec<_>>()
    });
    let unknown = names::unknown(held);
    assert!(unknown.is_empty(), "{LIST} names tests that do not exist: {unknown:#?}");
}
