//! Every command in the documents, and the step that runs it.
//!
//! Commands are in `console` fences, and in `powershell` fences for Windows. The step `commands` fails if a document
//! has a command that is not in the list below, or if the list has one that no document has. A step fails if it does
//! not run the commands that the list gives it.

use std::{collections::BTreeSet, fs, path::Path, process::Command, sync::Mutex};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{NOT_RUN, command, output},
    workspace::{VERSION, root},
};

/// A command line in a document, and whether a step runs it.
struct Documented {
    document: &'static str,
    /// The start of the line, which identifies it.
    line: &'static str,
    run: Run,
}

enum Run {
    /// This step runs it.
    By(&'static str),
    /// No step can run it, for this reason.
    Not(&'static str),
}
use Run::{By, Not};

const fn line(document: &'static str, line: &'static str, run: Run) -> Documented {
    Documented { document, line, run }
}

const COMMANDS: &[Documented] = &[
    line("README.md", "cargo xtask demo", By("demo")),
    line("README.md", "cargo xtask test", Not("it is the command that runs now")),
    line("README.md", "sha256sum --check", By("dist")),
    line("README.md", "tar xzf sonoran-VERSION.tar.gz", By("dist")),
    line("README.md", "cc host.c", By("dist")),
    line("README.md", "cargo xtask build linux-musl-x64", By("dist")),
    line("README.md", "cargo xtask install --prefix", By("dist")),
    line(
        "README.md",
        "cargo xtask dist",
        Not("it builds for systems that no test runs on; the step dist builds the others the same way"),
    ),
    line("README.md", "sonoran check", By("dist")),
    line("README.md", "sonoran tail", By("dist")),
    line("docs/program.md", "sonoran check", By("dist")),
    line("bindings/cpp/README.md", "cmake -S examples/cpp", By("dist")),
    line("bindings/cpp/README.md", "cmake --build build", By("dist")),
    line("bindings/cpp/README.md", "export PKG_CONFIG_PATH", By("dist")),
    line("bindings/cpp/README.md", "c++ -std=c++17 examples/cpp/main.cpp", By("dist")),
    line("bindings/lua/README.md", "luarocks --lua-version 5.1 --local install", By("dist")),
    line("bindings/python/README.md", "python3 -m pip install --no-index", By("dist")),
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
    line("README.md", "cargo xtask bench", Not("it takes minutes; the step bench has a short form")),
    line(
        "docs/reliability.md",
        "cargo test --release --lib a_hundred_million",
        Not("it takes minutes; the step test has a short form"),
    ),
    line(
        "docs/reliability.md",
        "cargo xtask simulate",
        Not("it takes a minute; the step test has a short form"),
    ),
    line("docs/reliability.md", "cargo xtask fuzz", Not("it takes hours; the step test runs the seeds")),
    line(
        "docs/reliability.md",
        "cargo xtask sanitize",
        Not("it takes an hour; the step test has a part of it under valgrind"),
    ),
    line(
        "docs/reliability.md",
        "cargo xtask soak",
        Not("it takes half an hour; the step test has a short form"),
    ),
    line(
        "docs/reliability.md",
        "cargo test --test c_hosts -- faults",
        Not("the step test runs it among others"),
    ),
    line(
        "docs/reliability.md",
        "cargo test --test hostile -- --ignored",
        Not("it takes minutes; the step test has a short form"),
    ),
];

/// The commands that steps have run so far.
static ENTERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A shell that runs these lines of a document in a folder, in order, as a reader would.
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

/// Fails if a step has not run every command that the list gives it.
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

/// Compares the list with the documents. Returns what no step can run.
pub(crate) fn check(steps: &[&str]) -> Result<Vec<String>> {
    let mut git = command("git");
    git.args(["ls-files", "*.md"]);
    let documents = output(git)?;
    let mut found = BTreeSet::new();
    for document in documents.lines() {
        for line in lines(document)? {
            let known =
                COMMANDS.iter().position(|known| known.document == document && line.starts_with(known.line));
            let known = known.with_context(|| format!("{document}: no step is listed for: {line}"))?;
            found.insert(known);
        }
    }
    let mut not_run = Vec::new();
    for (index, known) in COMMANDS.iter().enumerate() {
        let Documented { document, line, run } = known;
        ensure!(
            found.contains(&index) || !root().join(document).exists(),
            "{document} no longer has the command: {line}"
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
