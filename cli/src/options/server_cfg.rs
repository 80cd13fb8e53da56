//! The `sonoran_` convars of a FiveM or RedM server's `server.cfg` and of the files that it executes.

use std::{
    collections::BTreeMap,
    fs, iter,
    path::{Path, PathBuf},
};

use serde_json::{Deserializer, Value};

/// Deep enough for every server, and a bound for files that execute each other.
const MAX_DEPTH: usize = 16;
/// How far below `resources` a resource may lie, in folders like `[standalone]`.
const MAX_CATEGORIES: usize = 5;

/// A convar's value, and the line that set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Convar {
    pub(crate) value: String,
    pub(crate) place: String,
}

/// The convars that the files set.
#[derive(Debug, Default)]
pub(crate) struct Convars {
    /// By name in lower case: the server ignores case, too.
    values: BTreeMap<String, Convar>,
    /// Sentences for the server's owner.
    pub(crate) warnings: Vec<String>,
    /// The folder of `server.cfg`, where the server runs.
    pub(crate) folder: PathBuf,
}

impl Convars {
    /// Reads a `server.cfg`. The error is a sentence.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).to_owned();
        let mut convars = Self { folder, ..Self::default() };
        let text = read(path)?;
        convars.execute(&text, &shown(path), 0);
        Ok(convars)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Convar> {
        self.values.get(&name.to_lowercase()).filter(|convar| !convar.value.is_empty())
    }

    fn execute(&mut self, text: &str, name: &str, depth: usize) {
        for (line, command) in commands(text) {
            let words = words(command);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let place = || format!("{name}:{line}");
            match words.as_slice() {
                [set, convar, value, ..] if is_set(set) && convar.to_lowercase().starts_with("sonoran_") => {
                    let public = ["setr", "sets"].contains(&set.to_lowercase().as_str());
                    if public && convar.eq_ignore_ascii_case("sonoran_apiKey") {
                        let place = place();
                        self.warnings.push(format!("{place} uses {set}, which shows the key to players: write set, and ask the CAD for a new key"));
                    }
                    let convar = convar.to_lowercase();
                    self.values.insert(convar, Convar { value: (*value).trim().to_owned(), place: place() });
                }
                [exec, file, ..] if exec.eq_ignore_ascii_case("exec") => self.exec(file, &place(), depth),
                _ => {}
            }
        }
    }

    fn exec(&mut self, file: &str, place: &str, depth: usize) {
        if depth == MAX_DEPTH {
            self.warnings.push(format!(
                "{place} executes {file}, but {MAX_DEPTH} files execute each other already: is it a circle?"
            ));
            return;
        }
        let path = match file.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
            Some((resource, rest)) => find_resource(&self.folder, resource).map(|folder| folder.join(rest)),
            None => Some(self.folder.join(file)),
        };
        let text = path.ok_or_else(|| "there is no such resource".to_owned()).and_then(|path| read(&path));
        match text {
            Ok(text) => self.execute(&text, file, depth + 1),
            Err(problem) => {
                self.warnings.push(format!("{place} executes {file}, which was not read: {problem}"))
            }
        }
    }
}

fn is_set(word: &str) -> bool {
    ["set", "seta", "setr", "sets"].contains(&word.to_lowercase().as_str())
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    // editors on Windows add a byte order mark
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn shown(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The folder of a resource, which may be inside categories: folders whose name is in brackets.
pub(crate) fn find_resource(server: &Path, name: &str) -> Option<PathBuf> {
    resources(server).into_iter().find(|folder| folder.file_name().is_some_and(|file| file == name))
}

/// All resources of a server.
pub(crate) fn resources(server: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut level = vec![server.join("resources")];
    for _ in 0..MAX_CATEGORIES {
        let entries = level.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let folders = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
        let in_brackets =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('['));
        let (categories, resources): (Vec<_>, Vec<_>) = folders.partition(in_brackets);
        found.extend(resources);
        level = categories;
    }
    found.sort();
    found
}

/// The commands of a file with their lines. A semicolon ends one like a line end, but not inside quotes or JSON.
fn commands(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut rest, mut line) = (text, 1);
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut at, mut quoted) = (0, false);
        let bytes = rest.as_bytes();
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' if !quoted => {
                    if let Some(length) = json_length(&rest[at..]) {
                        at += length;
                        continue;
                    }
                }
                b'"' => quoted = !quoted,
                b';' if !quoted => break,
                b'\r' | b'\n' => break,
                _ => {}
            }
            at += 1;
        }
        let command = &rest[..at];
        let started = line;
        line += command.matches('\n').count() + usize::from(bytes.get(at) == Some(&b'\n'));
        rest = rest.get(at + 1..).unwrap_or_default();
        Some((started, command))
    })
}

/// The length of the JSON value that a text starts with.
fn json_length(text: &str) -> Option<usize> {
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// A command's words, as the server reads them. Quotes group a word; `#`, `//` or `/*` before a word ends the command.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = command;
    loop {
        rest = rest.trim_start_matches(|character: char| character <= ' ');
        if rest.is_empty() || rest.starts_with('#') || rest.starts_with("//") || rest.starts_with("/*") {
            return words;
        }
        if let Some(length) = rest.starts_with(['{', '[']).then(|| json_length(rest)).flatten() {
            words.push(rest[..length].to_owned());
            rest = &rest[length..];
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted_word(quoted);
            words.push(word);
            rest = after;
        } else {
            let end = rest.find(|character: char| character <= ' ' || character == '"').unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
}

/// A word up to its closing quote, and what follows it. A backslash escapes a quote.
fn quoted_word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (word, &text[at + 1..]),
            '\\' if characters.next_if(|(_, next)| *next == '"').is_some() => word.push('"'),
            _ => word.push(character),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_files(files: &[(&str, &str)]) -> (Convars, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        (Convars::read(&folder.path().join("server.cfg")).unwrap(), folder)
    }

    #[test]
    fn convars_are_read_as_the_server_reads_them() {
        let (convars, _folder) = read_files(&[(
            "server.cfg",
            "\u{feff}# set sonoran_mode development\r\nset sonoran_communityID \"a b\" # ours\r\n\
             SET SONORAN_APIKEY \"k;ey\"; set sonoran_serverId 7\n\
             set sonoran_options {\"log\":\"info\",\"headers\":{\"a\":\";\"}}\n\
             set sv_hostname \"x\" // set sonoran_serverId 8\nset sonoran_mode \"\"\n",
        )]);
        let value =
            |name: &str| convars.get(name).map(|convar| (convar.value.as_str(), convar.place.as_str()));
        assert_eq!(value("sonoran_communityID"), Some(("a b", "server.cfg:2")));
        assert_eq!(value("sonoran_apiKey"), Some(("k;ey", "server.cfg:3")));
        assert_eq!(value("sonoran_serverId"), Some(("7", "server.cfg:3")));
        let options = "{\"log\":\"info\",\"headers\":{\"a\":\";\"}}";
        assert_eq!(value("sonoran_options"), Some((options, "server.cfg:4")));
        assert_eq!(value("sonoran_mode"), None);
        assert!(convars.warnings.is_empty(), "{:?}", convars.warnings);
    }

    #[test]
    fn a_backslash_keeps_a_quote() {
        assert_eq!(words(r#"set a "b \"c\" \d" e//f # g"#), ["set", "a", r#"b "c" \d"#, "e//f"]);
    }

    #[test]
    fn executed_files_count_in_their_place() {
        let (convars, _folder) = read_files(&[
            (
                "server.cfg",
                "set sonoran_serverId 1\nexec cfg/secret.cfg\nexec @sonorancad/sonorancad.cfg\nexec gone.cfg\n",
            ),
            ("cfg/secret.cfg", "sets sonoran_apiKey abc\nset sonoran_serverId 2\nexec cfg/secret.cfg"),
            ("resources/[cad]/[more]/sonorancad/sonorancad.cfg", "set sonoran_communityID c"),
        ]);
        assert_eq!(convars.get("sonoran_serverId").unwrap().value, "2");
        assert_eq!(convars.get("sonoran_apiKey").unwrap().place, "cfg/secret.cfg:1");
        assert_eq!(convars.get("sonoran_communityID").unwrap().place, "@sonorancad/sonorancad.cfg:1");
        let told = |part: &str| convars.warnings.iter().any(|warning| warning.contains(part));
        assert!(told("shows the key to players") && told("server.cfg:4 executes gone.cfg") && told("circle"));
    }

    #[test]
    fn no_file_makes_it_stumble() {
        for text in [
            "\"",
            "set",
            "set sonoran_apiKey",
            "{",
            "[;]\n\"\\",
            "set \"sonoran_x\\",
            "é\"é;é",
            "/*",
            ";;\r\r\n",
        ] {
            commands(text).for_each(|(_, command)| drop(words(command)));
        }
    }
}
