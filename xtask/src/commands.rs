//! Every command that a document tells its readers to enter, and the step that enters it.
//!
//! Commands stand in fences of the language `console`, and for Windows of `powershell`. One that is not in the list
//! below, or that no document has any more, fails the step `commands`; so does a step that does not run what is said
//! of it.

use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Mutex};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{NOT_RUN, command, output},
    workspace::{VERSION, root},
};

/// A line of a document, and what becomes of it in the tests.
struct Documented {
    document: &'static str,
    /// Its start; the rest says what it is about.
    line: &'static str,
    run: Run,
}

enum Run {
    /// This step enters it.
    By(&'static str),
    /// It cannot be entered here, and why.
    Not(&'static str),
}
use Run::{By, Not};

const fn line(document: &'static str, line: &'static str, run: Run) -> Documented {
    Documented { document, line, run }
}

const COMMANDS: &[Documented] = &[
    line("README.md", "cargo xtask demo", By("demo")),
    line("README.md", "cargo xtask test", Not("it is what runs now")),
    line("README.md", "sha256sum --check", By("dist")),
    line("README.md", "tar xzf sonoran-VERSION.tar.gz", By("dist")),
    line("README.md", "cc host.c", By("dist")),
    line("README.md", "cargo xtask build linux-musl-x64", By("dist")),
    line("README.md", "cargo xtask install --prefix", By("dist")),
    line(
        "README.md",
        "cargo xtask dist",
        Not("it builds for systems that no test runs; the step dist builds the others by the same way"),
    ),
    line("bindings/cpp/README.md", "cmake -S examples/cpp", By("dist")),
    line("bindings/cpp/README.md", "cmake --build build", By("dist")),
    line("bindings/cpp/README.md", "export PKG_CONFIG_PATH", By("dist")),
    line("bindings/cpp/README.md", "c++ -std=c++17 examples/cpp/main.cpp", By("dist")),
    line("bindings/lua/README.md", "luarocks --lua-version 5.1 --local install", By("dist")),
    line("bindings/csharp/README.md", "dotnet nuget add source", By("dist")),
    line("bindings/csharp/README.md", "dotnet add package", By("dist")),
    line("docs/install.md", "sha256sum --check --ignore-missing SHA256SUMS", By("dist")),
    line(
        "docs/install.md",
        "gh attestation verify",
        Not("only what the public workflow has built and signed can be verified"),
    ),
    line("docs/install.md", "(Get-FileHash", Not("it is for PowerShell")),
    line("docs/install.md", "Select-String", Not("it is for PowerShell")),
    line("docs/install.md", "unzip -d resources", By("dist")),
    line(
        "docs/reliability.md",
        "cargo xtask simulate",
        Not("it takes a minute; the step test has a short form"),
    ),
    line(
        "docs/reliability.md",
        "cargo test --test hostile -- --ignored",
        Not("it takes minutes; the step test has a short form"),
    ),
];

/// What was entered since this program started.
static ENTERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A shell that enters these lines of a document in a folder, one after the other, as a reader would.
pub(crate) fn shell(document: &str, starts: &[&str], folder: &Path) -> Result<Command> {
    let lines = lines(document)?;
    let mut script = Vec::new();
    for start in starts {
        let line = lines.iter().find(|line| line.starts_with(start));
        let line = line.with_context(|| format!("{document} has no line that starts with {start}"))?;
        ENTERED.lock().expect("nobody panics").insert(line.clone());
        script.push(line.replace("VERSION", VERSION));
    }
    let mut shell = command("bash");
    shell.args(["-euxo", "pipefail", "-c", &script.join("\n")]).current_dir(folder);
    Ok(shell)
}

/// Fails if a step has not entered what is said of it.
pub(crate) fn all_entered(step: &str) -> Result<()> {
    let entered = ENTERED.lock().expect("nobody panics");
    for documented in COMMANDS.iter().filter(|documented| matches!(documented.run, By(by) if by == step)) {
        let done = entered.iter().any(|line| line.starts_with(documented.line));
        let exists = root().join(documented.document).exists();
        ensure!(
            done || !exists,
            "{}: the step {step} does not run: {}",
            documented.document,
            documented.line
        );
    }
    Ok(())
}

/// Compares the list with the documents; returns what cannot be run.
pub(crate) fn check(steps: &[&str]) -> Result<Vec<String>> {
    let mut git = command("git");
    git.args(["ls-files", "*.md"]);
    let documents = output(git)?;
    let mut found = BTreeSet::new();
    for document in documents.lines() {
        for line in lines(document)? {
            let known =
                COMMANDS.iter().position(|known| known.document == document && line.starts_with(known.line));
            let known = known.with_context(|| format!("{document}: no test is named for: {line}"))?;
            found.insert(known);
        }
    }
    let mut not_run = Vec::new();
    for (index, known) in COMMANDS.iter().enumerate() {
        let Documented { document, line, run } = known;
        ensure!(
            found.contains(&index) || !root().join(document).exists(),
            "{document} has no command any more: {line}"
        );
        match run {
            By(step) => ensure!(steps.contains(step), "{line}: there is no step {step}"),
            Not(why) => not_run.push(format!("{NOT_RUN} {document}: {line}: {why}")),
        }
    }
    Ok(not_run)
}

/// The command lines of a document, without comments.
fn lines(document: &str) -> Result<Vec<String>> {
    let text =
        fs::read_to_string(root().join(document)).with_context(|| format!("cannot read {document}"))?;
    Ok(commands(&text))
}

fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            inside = ["```console", "```powershell"].contains(&line);
            continue;
        }
        let line = line.split("  #").next().unwrap_or_default().trim();
        if !inside || line.is_empty() {
            continue;
        }
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part.trim_end(), true));
        match commands.last_mut() {
            Some(last) if goes_on => *last = format!("{last} {part}"),
            _ => commands.push(part.to_owned()),
        }
        goes_on = more;
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_read_from_console_fences_alone() {
        let text = "```console\nmake it   # comment\n\nlong \\\n  line\n```\n```c\nint x;\n```\n    ```console\n    deep\n    ```\n";
        assert_eq!(commands(text), ["make it", "long line", "deep"]);
    }
}
