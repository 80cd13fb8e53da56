//! `cargo xtask fuzz`: runs the targets in `fuzz/`, each for some minutes.

use std::{
    env, fs, iter,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    process::{cargo, run, run_within},
    workspace::{root, target, write},
};

const TARGETS: [&str; 4] = ["records", "connection", "options", "calls"];

/// The version that the targets are known to build with.
const CARGO_FUZZ: &str = "0.13.2";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The targets, one after the other: records, connection, options, calls
    #[arg(value_name = "TARGET", value_parser = TARGETS)]
    targets: Vec<String>,

    /// How long to run each
    #[arg(long, default_value_t = 30)]
    minutes: u32,

    /// Write the seeds that are made from recorded pushes anew, and end
    #[arg(long, value_name = "PUSHES.jsonl")]
    seeds: Option<PathBuf>,
}

pub(crate) fn run_targets(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(pushes) = &arguments.seeds {
        write_seeds(pushes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = provide()?;
    let all: Vec<_> = TARGETS.map(str::to_owned).into();
    for name in if arguments.targets.is_empty() { &all } else { &arguments.targets } {
        let started = Instant::now();
        // half an hour to build it
        let limit = Duration::from_secs(60 * u64::from(arguments.minutes + 30));
        run_within(limit, fuzz(&program, name, arguments.minutes)?).with_context(|| {
            format!(
                "{name}: the input is in fuzz/artifacts/{name}; once mended, keep it in fuzz/seeds/{name}"
            )
        })?;
        println!("{name}: {} s without a finding", started.elapsed().as_secs());
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a target on the seeds and on what earlier runs have found.
fn fuzz(program: &Path, name: &str, minutes: u32) -> Result<Command> {
    let folder = root().join("fuzz");
    let (corpus, seeds) = (folder.join("corpus").join(name), folder.join("seeds").join(name));
    fs::create_dir_all(&corpus)?;
    let mut fuzz = cargo("fuzz run");
    let before = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(iter::once(program.to_owned()).chain(env::split_paths(&before)))?;
    fuzz.args(["--fuzz-dir", "fuzz", name]).args([corpus, seeds]).arg("--");
    fuzz.args([&format!("-max_total_time={}", minutes * 60), "-timeout=20", "-rss_limit_mb=4096"]);
    fuzz.args(["-max_len=16384", "-print_final_stats=1", "-verbosity=0"]);
    // its flags are unstable; this way the compiler is the one that builds the library
    fuzz.env("PATH", path).env("RUSTC_BOOTSTRAP", "1");
    Ok(fuzz)
}

/// Installs cargo-fuzz into the target folder, unless it is there. Returns its folder.
fn provide() -> Result<PathBuf> {
    let folder = target()?.join("tools/cargo-fuzz");
    if !folder.join("bin/cargo-fuzz").is_file() {
        let mut install = cargo("install cargo-fuzz --quiet --locked --version");
        install.arg(CARGO_FUZZ).arg("--root").arg(&folder);
        run(install).context("cannot install cargo-fuzz")?;
    }
    Ok(folder.join("bin"))
}

/// Makes seeds of pushes as hubs send them: a line each, with the payload in `payload`.
fn write_seeds(pushes: &Path) -> Result<()> {
    let text = fs::read_to_string(pushes).with_context(|| format!("cannot read {}", pushes.display()))?;
    let name = pushes.file_stem().context("a file has a name")?.to_string_lossy().into_owned();
    let (mut records, mut script) = (
        String::new(),
        "r{}\nr{\"type\":3,\"invocationId\":\"1\",\"result\":{\"success\":true}}\n".to_owned(),
    );
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).context("a line is not JSON")?;
        let payload = line["payload"].to_string();
        ensure!(payload != "null", "a line has no payload");
        for argument in [payload.clone(), Value::from(payload).to_string()] {
            let record = format!(r#"{{"type":1,"target":"pushEvent","arguments":[{argument}]}}"#);
            records += &format!("{record}\u{1e}");
            script += &format!("r{record}\n");
        }
    }
    let seeds = root().join("fuzz/seeds");
    write(&seeds.join("records").join(&name), records)?;
    write(&seeds.join("connection").join(&name), script)
}
