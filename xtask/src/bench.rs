//! `cargo xtask bench`: what the library costs, beside other readers of the same events.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};

use crate::{
    dist,
    process::{NOT_RUN, command, run},
    release::Release,
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
    let release = Release::build_with(&["sonoran-bench"])?;
    let mut bench = command(target()?.join("release/sonoran-bench"));
    bench.arg("--host").arg(host("cc", &release.library(), "host")?);
    bench.arg("--hub").arg(release.hub());
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

/// Compiles the C host and links it to a library.
fn host(compiler: &str, library: &Path, name: &str) -> Result<PathBuf> {
    let folder = library.parent().context("a library lies in a folder")?;
    let program = target()?.join("release").join(format!("bench-{name}"));
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
