//! Imports run downward, never in a circle, and what does no IO names nothing that does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use support::root;

/// The rooms of `src`, the highest floor first. A file imports from lower floors only, or from its own room.
const FLOORS: [&[&str]; 9] = [
    &["ffi"],
    &["registry"],
    &["session"],
    &["link", "net"],
    &["signalr"],
    &["runtime"],
    &["config", "json"],
    &["sys"],
    &["error"],
];

/// Above all floors: what declares the rooms, and the doors for the benchmarks.
const ABOVE: [&str; 2] = ["lib", "internals"];

/// What neither `signalr` nor `link` may name: IO, a clock, randomness.
const OUTSIDE: [&[&str]; 13] = [
    &["tokio"],
    &["futures_util"],
    &["getrandom"],
    &["crate", "net"],
    &["crate", "runtime"],
    &["crate", "sys"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net"],
    &["std", "thread"],
    &["SystemTime"],
    &["Instant", "now"],
];

#[test]
fn no_imports_run_in_a_circle_in_the_library() {
    assert_no_circle("src");
}

#[test]
fn no_imports_run_in_a_circle_in_the_hub() {
    assert_no_circle("hub/src");
}

#[test]
fn no_imports_run_in_a_circle_in_the_program() {
    assert_no_circle("cli/src");
}

#[test]
fn no_imports_run_in_a_circle_in_xtask() {
    assert_no_circle("xtask/src");
}

#[test]
fn imports_run_downward() {
    let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let floor = |room: &str| FLOORS.iter().position(|rooms| rooms.contains(&room));
    let mut upward = Vec::new();
    for (module, file) in modules("src") {
        let from = room(&module);
        if ABOVE.contains(&from.as_str()) {
            continue;
        }
        let own = floor(&from).unwrap_or_else(|| panic!("{module} is on no floor: name its room in FLOORS"));
        for target in file.imports {
            let to = room(&target);
            let lower = floor(&to).is_some_and(|floor| floor > own);
            if to != from && !lower {
                upward.push(format!("{module} imports {target}"));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn what_does_no_io_names_nothing_that_does() {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for (module, file) in modules("src") {
        if !["signalr", "link"].iter().any(|room| module == *room || module.starts_with(&format!("{room}::")))
        {
            continue;
        }
        looked_at += 1;
        for path in &file.paths {
            let named = |words: &&&[&str]| path.windows(words.len()).any(|window| window == **words);
            if OUTSIDE.iter().any(|words| named(&words)) || path.iter().any(|word| word == "elapsed") {
                found.push(format!("{module} names {}", path.join("::")));
            }
        }
    }
    assert!(looked_at > 8, "the rooms are elsewhere: {looked_at} files found");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_reader_of_imports_sees_every_form_of_them() {
    let text = r#"
        //! crate::comment
        mod child;
        use crate::{a::{self, B,}, c::d as e,};
        use super::f::G;
        pub(crate) use child::H;
        #[cfg(test)]
        use crate::tests_only::I;
        pub(crate) fn i() -> crate::j::K { let text = "crate::string"; print(crate::l::m()); child::n(); not.child() }
        #[cfg(test)]
        mod tests { use crate::o; }
    "#;
    let names = ["own", "own::child", "a", "c::d", "f", "j", "l", "o", "string", "comment", "tests_only"];
    let names = names.map(str::to_owned).into();
    let file = File::read("own", text, &names);
    let expected = ["a", "c::d", "f", "j", "l", "own::child"].map(str::to_owned);
    assert_eq!(file.imports, expected.into());
}

#[track_caller]
fn assert_no_circle(folder: &str) {
    let modules = modules(folder);
    assert!(modules.len() > 5, "{folder} has moved");
    let mut left: BTreeMap<_, BTreeSet<_>> =
        modules.into_iter().map(|(module, file)| (module, file.imports)).collect();
    // whoever imports nothing that is left is in no circle
    while let Some(free) =
        left.iter().find(|(_, imports)| imports.iter().all(|import| !left.contains_key(import)))
    {
        let free = free.0.clone();
        left.remove(&free);
    }
    // what imports from a circle is left too, though nothing in the circle imports it
    while let Some(top) = left.keys().find(|module| !left.values().any(|imports| imports.contains(*module))) {
        let top = top.clone();
        left.remove(&top);
    }
    let circle: BTreeSet<_> = left.keys().cloned().collect();
    left.values_mut().for_each(|imports| imports.retain(|import| circle.contains(import)));
    assert!(left.is_empty(), "these files of {folder} import each other: {left:#?}");
}

/// A source file as far as its tests are not concerned.
struct File {
    /// Every path that it names, with what stands in braces written out.
    paths: Vec<Vec<String>>,
    /// The modules of its crate that it imports from.
    imports: BTreeSet<String>,
}

/// The files of a crate by their module; that of `mod.rs` is its folder's.
fn modules(folder: &str) -> BTreeMap<String, File> {
    let mut texts = BTreeMap::new();
    collect(&root().join(folder), "", &mut texts);
    let names: BTreeSet<_> = texts.keys().cloned().collect();
    texts.into_iter().map(|(module, text)| (module.clone(), File::read(&module, &text, &names))).collect()
}

fn collect(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("UTF-8");
        let module = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
        if path.is_dir() {
            collect(&path, &module, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            let module = if name == "mod" { prefix.to_owned() } else { module };
            texts.insert(module, fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

impl File {
    fn read(module: &str, text: &str, names: &BTreeSet<String>) -> Self {
        let stream = text.parse::<TokenStream>().unwrap_or_else(|error| panic!("{module}: {error}"));
        let mut paths = Vec::new();
        find_paths(stream, &mut paths);
        let is_root = ["lib", "main"].contains(&module);
        let own: Vec<_> = if is_root { Vec::new() } else { module.split("::").map(str::to_owned).collect() };
        let mut imports = BTreeSet::new();
        for path in &paths {
            let absolute = match path.first().map(String::as_str) {
                // `pub(crate)` and `pub(super)` name nothing of it
                Some("crate" | "self" | "super") if path.len() == 1 => continue,
                Some("crate") => path[1..].to_vec(),
                Some("self") => [&own, &path[1..]].concat(),
                Some("super") => [&own[..own.len().saturating_sub(1)], &path[1..]].concat(),
                Some(_) => [&own[..], path].concat(),
                None => continue,
            };
            let relative = !["crate", "self", "super"].contains(&path[0].as_str());
            // the longest beginning that is a file; a relative path may as well begin with something else
            let shortest = if relative { own.len() + 1 } else { 1 };
            let found = (shortest..=absolute.len()).rev().find_map(|length| {
                let name = absolute[..length].join("::");
                names.contains(&name).then_some(name)
            });
            let in_root = || names.iter().find(|name| ["lib", "main"].contains(&name.as_str())).cloned();
            let imported = if found.is_none() && path[0] == "crate" { in_root() } else { found };
            imports.extend(imported.filter(|name| name != module));
        }
        Self { paths, imports }
    }
}

/// Finds all paths in code, but for what is compiled for tests only.
fn find_paths(stream: TokenStream, paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<_> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_test_attribute(&tokens[at..]) {
            at += 2;
            at += item_length(&tokens[at..]);
            continue;
        }
        match token {
            TokenTree::Ident(_) => {
                let length = read_path(&tokens[at..], &[], paths);
                at += length;
            }
            TokenTree::Group(group) => {
                find_paths(group.stream(), paths);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads a path with all that stands in its braces. Returns how many tokens it has.
fn read_path(tokens: &[TokenTree], before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    let mut at = 0;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => {
                path.push(word.to_string());
                at += 1;
            }
            Some(TokenTree::Group(group)) if at > 0 && group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                // behind a last comma is nothing
                for part in inner.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty()) {
                    read_path(part, &path, paths);
                }
                return at + 1;
            }
            _ => break,
        }
        let goes_on = tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| is_punct(token, ':')))
            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_) | TokenTree::Group(_)));
        if !goes_on {
            break;
        }
        at += 2;
    }
    paths.push(path);
    at.max(1)
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    match tokens {
        [hash, TokenTree::Group(group), ..] if is_punct(hash, '#') => {
            group.stream().to_string().replace(' ', "") == "cfg(test)"
        }
        _ => false,
    }
}

/// The number of tokens of an item, which ends with its semicolon or its block.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_use = tokens.iter().take(4).any(|token| matches!(token, TokenTree::Ident(word) if *word == "use"));
    let is_block =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let end = tokens.iter().position(|token| is_punct(token, ';') || (!is_use && is_block(token)));
    end.map_or(tokens.len(), |end| end + 1)
}
