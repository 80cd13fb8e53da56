//! `cargo xtask bench`: what the library costs, beside other readers of the same events.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};

use crate::{
    builds::Debug,
    dist,
    process::{NOT_RUN, cargo, command, run},
    tools,
    workspace::{root, target},
};

const FOLDER: &str = "benches/wire";

/// Where the JavaScript client's version is pinned, and where it is installed.
const JAVASCRIPT: &str = "hub/tests/js";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Show that all of it still runs; the figures mean nothing
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run_all(arguments: &Arguments) -> Result<ExitCode> {
    tools::provide(&["bench"])?;
    for line in measure(arguments.quick)? {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The step of `cargo xtask test`.
pub(crate) fn test() -> Result<Vec<String>> {
    measure(true)
}

fn measure(quick: bool) -> Result<Vec<String>> {
    let built = if quick { Built::debug()? } else { Built::release()? };
    let mut bench = command(built.bench);
    bench.arg("--host").arg(host("cc", &built.library, "host")?);
    bench.arg("--hub").arg(built.hub);
    let mut not_run = Vec::new();
    if quick {
        bench.arg("--quick");
    } else {
        match musl_host() {
            Ok(host) => _ = bench.arg("--musl-host").arg(host),
            Err(why) => not_run.push(format!("{NOT_RUN} bench: the library for musl: {why:#}")),
        }
    }
    match javascript() {
        Ok(modules) => {
            bench.arg("--script").arg(root().join(FOLDER).join("client.cjs")).arg("--modules").arg(modules);
        }
        Err(why) => not_run.push(format!("{NOT_RUN} bench: the JavaScript client: {why:#}")),
    }
    not_run.extend(run(bench)?);
    Ok(not_run)
}

struct Built {
    library: PathBuf,
    hub: PathBuf,
    bench: PathBuf,
}

impl Built {
    /// What the tests have, too.
    fn debug() -> Result<Self> {
        let built = Debug::build(&["sonoran-hub", "sonoran-bench"])?;
        let [hub, bench] = ["sonoran-hub", "sonoran-bench"].map(|name| built.program(name));
        Ok(Self { library: built.library(), hub, bench })
    }

    fn release() -> Result<Self> {
        // together: cargo would compile what they share anew if they were built by themselves
        run(cargo("build --release -p sonoran -p sonoran-hub -p sonoran-bench"))?;
        let folder = target()?.join("release");
        let [library, hub, bench] =
            ["libsonoran.so", "sonoran-hub", "sonoran-bench"].map(|name| folder.join(name));
        Ok(Self { library, hub, bench })
    }
}

/// Compiles the C host and links it to a library.
fn host(compiler: &str, library: &Path, name: &str) -> Result<PathBuf> {
    let folder = library.parent().context("a library lies in a folder")?;
    let program = folder.join(format!("bench-{name}"));
    let mut cc = command(compiler);
    cc.args(["-std=gnu99", "-O2", "-Wall", "-Wextra", "-pthread", "-Iinclude"]);
    cc.arg(Path::new(FOLDER).join("host.c")).arg("-L").arg(folder).arg("-lsonoran");
    cc.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-o").arg(&program);
    run(cc)?;
    Ok(program)
}

fn musl_host() -> Result<PathBuf> {
    host("musl-gcc", &dist::library_for("linux-musl-x64")?, "host-musl")
}

/// Installs the JavaScript client. Returns the folder of its package.
fn javascript() -> Result<PathBuf> {
    let folder = root().join(JAVASCRIPT);
    let mut install = command("npm");
    install.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder);
    run(install)?;
    let mut node = command("node");
    node.arg("--version");
    run(node)?;
    Ok(folder)
}
