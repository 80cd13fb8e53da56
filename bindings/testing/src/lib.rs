//! Code shared by the bindings' tests. Each runs the same tests of a host in its language: see [`host`].

pub mod host;
pub mod running;
pub mod unusable;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A folder of the repository.
pub fn folder(name: &str) -> PathBuf {
    support::root().join(name).canonicalize().expect("it is part of the repository")
}

/// The folder of `sonoran.h`.
pub fn include() -> PathBuf {
    folder("include")
}

/// A new, empty folder for one test's files.
pub fn scratch(name: &str) -> PathBuf {
    let folder = support::scratch().join("bindings").join(name);
    // it may be left from the last run
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// The version in `sonoran.h`.
pub fn version() -> String {
    let header = fs::read_to_string(include().join("sonoran.h")).expect("sonoran.h");
    let version = header.split("#define SONORAN_VERSION \"").nth(1).and_then(|rest| rest.split('"').next());
    version.expect("a version").to_owned()
}

/// Prints a passing test's result.
pub fn say(line: &str) {
    std::io::stderr().write_all(format!("\n{line}\n").as_bytes()).expect("stderr");
}

/// Reports a part as not run if one of these programs is missing.
pub fn lacks(programs: &[&str], part: &str) -> bool {
    let missing = programs.iter().find_map(|program| support::missing(program));
    if let Some(why) = &missing {
        support::not_run(&format!("{part}: {why}"));
    }
    missing.is_some()
}

/// As [`support::program::command`], but found in the search path and run in this folder.
pub fn program(name: &str, folder: &Path) -> Command {
    let mut command = support::program::command(name.as_ref());
    command.current_dir(folder);
    command
}

/// Runs a program, which must succeed. Returns its output.
pub fn run(command: &mut Command) -> String {
    let (success, said) = attempt(command);
    assert!(success, "{command:?}:\n{said}");
    said
}

/// Runs a program. Returns whether it succeeded, and its output.
pub fn attempt(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
