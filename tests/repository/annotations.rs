//! The FiveM resource's annotations for editors name the exports that the resource has, and no others.

use std::collections::BTreeSet;
use std::fs;

use support::root;

const RESOURCE: &str = "examples/fivem/sonoran";

fn read(path: &str) -> String {
    let path = root().join(RESOURCE).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names between two texts, one a line at most.
fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix(before));
    lines.filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

#[test]
fn annotations_name_the_exports() {
    let code = read("src/bridge/Entries.cs");
    let exports = between(&code, "exports.Add(\"", "\"");
    assert!(exports.contains("call"), "{exports:?}");
    let lua = read("types/sonoran.lua");
    assert_eq!(between(&lua, "---@field ", " fun("), exports);
    let typescript = read("types/sonoran.d.ts");
    let interface = typescript.split("interface SonoranExports {").nth(1).expect("TypeScript has them");
    let interface = interface.split("\n}").next().expect("it ends");
    let members = between(interface, "", "(");
    let members: BTreeSet<_> =
        members.into_iter().filter(|name| name.chars().all(char::is_alphanumeric)).collect();
    assert_eq!(members, exports);
}
