//! The names of all tests.

use std::fs;
use std::path::Path;

use support::root;

/// Returns those that no test has.
pub(crate) fn unknown(named: impl Iterator<Item = String>) -> Vec<String> {
    let mut sources = String::new();
    for folder in ["src", "tests", "bindings", "hub/tests"] {
        collect(&root().join(folder), &mut sources);
    }
    // a test of Rust's harness, or one of the C hosts' suite
    let exists = |named: &String| {
        let name = named.rsplit("::").next().unwrap_or_default();
        sources.contains(&format!("fn {name}(")) || sources.contains(&format!("(\"{name}\","))
    };
    named.filter(|named| !exists(named)).collect()
}

fn collect(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}
