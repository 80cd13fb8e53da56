//! `cargo xtask sanitize`: the tests again, under tools that see what a test does not.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    process::{NOT_RUN, cargo, command, output, run_within, succeeds},
    workspace::target,
};

/// What sees no mistake of memory or threads, or needs other programs than the library's C hosts.
const OTHERS: &str =
    "--skip aspnet:: --skip lua:: --skip csharp:: --skip valgrind:: --skip exports --skip readme";

const TARGET: &str = "x86_64-unknown-linux-gnu";

const LIMIT: Duration = Duration::from_secs(90 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Tool {
    /// The C hosts under valgrind: invalid accesses, leaks
    Valgrind,
    /// The C hosts under AddressSanitizer, and the library with it
    Address,
    /// The tests of sessions under ThreadSanitizer, and the standard library with it
    Thread,
    /// What needs no socket under miri
    Miri,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The tools; all if none is given
    #[arg(value_name = "TOOL")]
    tools: Vec<Tool>,
}

pub(crate) fn run_tools(arguments: &Arguments) -> Result<ExitCode> {
    let all = [Tool::Valgrind, Tool::Address, Tool::Thread, Tool::Miri];
    let tools = if arguments.tools.is_empty() { &all[..] } else { &arguments.tools };
    let (mut lines, mut failed) = (Vec::new(), 0);
    for tool in tools {
        let started = Instant::now();
        let verdict = match tool.missing() {
            Some(missing) => format!("{NOT_RUN} {missing}"),
            None => match tool.run() {
                Ok(not_run) => {
                    format!("passed in {} s; not run: {}", started.elapsed().as_secs(), not_run.len())
                }
                Err(error) => {
                    failed += 1;
                    format!("FAILED: {error:#}")
                }
            },
        };
        lines.push(format!("{tool:?}: {verdict}"));
    }
    println!("\n{}", lines.join("\n"));
    ensure!(failed == 0, "{failed} of {} tools found something", tools.len());
    Ok(ExitCode::SUCCESS)
}

impl Tool {
    /// What this machine lacks for it.
    fn missing(self) -> Option<String> {
        let has = |there: bool, what: &str| (!there).then(|| format!("this machine has no {what}"));
        match self {
            Self::Valgrind => has(succeeds("valgrind", &["--version"]), "valgrind"),
            Self::Address => has(cfg!(all(target_os = "linux", target_arch = "x86_64")), "Linux on x86_64"),
            Self::Thread => has(
                source_is_there(),
                "nightly toolchain with rust-src: rustup toolchain install nightly --component rust-src",
            ),
            Self::Miri => has(
                succeeds("cargo", &["+nightly", "miri", "--version"]) && source_is_there(),
                "miri: rustup toolchain install nightly --component miri --component rust-src",
            ),
        }
    }

    fn run(self) -> Result<Vec<String>> {
        let command = match self {
            Self::Valgrind => valgrind(),
            Self::Address => address()?,
            Self::Thread => thread()?,
            Self::Miri => miri()?,
        };
        run_within(LIMIT, command)
    }
}

fn source_is_there() -> bool {
    let mut rustc = command("rustc");
    rustc.args(["+nightly", "--print", "sysroot"]);
    let sysroot = output(rustc).map(|path| PathBuf::from(path.trim()));
    sysroot.is_ok_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/std").is_dir())
}

/// The C hosts of the tests, one after the other.
fn hosts() -> Command {
    cargo(&format!("test --workspace --test c_hosts -- --test-threads 1 {OTHERS}"))
}

fn valgrind() -> Command {
    let mut hosts = hosts();
    // what other threads owned is lost to a forked child; and the host that sends signals without end starves the rest
    hosts.args(["--skip", "forking", "--skip", "signals"]);
    let flags =
        "--quiet --error-exitcode=99 --leak-check=full --trace-children=no --fair-sched=try --vgdb=no";
    let leaks = "--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect";
    hosts.env("SONORAN_UNDER", format!("valgrind {flags} {leaks}"));
    hosts
}

/// The compiler is the one that builds the library, made to accept a flag that is not stable.
fn address() -> Result<Command> {
    let folder = target()?.join("sanitize/address");
    let mut build = cargo(&format!("build --package sonoran --target {TARGET} --target-dir"));
    build.arg(&folder).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    run_within(LIMIT, build)?;
    let mut hosts = hosts();
    hosts.env("SONORAN_LIBRARY", folder.join(TARGET).join("debug/libsonoran.so"));
    hosts.env("SONORAN_CC", "gcc -fsanitize=address");
    Ok(hosts)
}

fn thread() -> Result<Command> {
    let mut sessions = nightly("test -Zbuild-std --target");
    sessions.args([TARGET, "--test", "sessions", "--target-dir"]).arg(target()?.join("sanitize/thread"));
    sessions.env("RUSTFLAGS", "-Zsanitizer=thread").env("TSAN_OPTIONS", "halt_on_error=1");
    Ok(sessions)
}

fn miri() -> Result<Command> {
    let mut core = nightly("miri test --lib --target-dir");
    core.arg(target()?.join("sanitize/miri"));
    core.args("-- json:: signalr:: link:: config:: internals:: session::queue session::mailbox".split(' '));
    // the clock, and files of the tests
    core.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    Ok(core)
}

/// Cargo of the nightly toolchain, not of the one that runs this program.
fn nightly(arguments: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.env_remove("RUSTUP_TOOLCHAIN").arg("+nightly").args(arguments.split(' '));
    cargo
}
