//! `cargo xtask dist`: all files of a release.

pub(crate) mod archive;
mod compile;
mod dependencies;
mod library;
mod managed;
mod packages;
pub(crate) mod platform;
mod report;
mod sources;
mod symbols;
pub(crate) mod verify;

use std::{
    fs,
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    dist::{
        compile::Job,
        packages::Release,
        platform::{PLATFORMS, Platform},
    },
    process::{cargo, command, run, run_within},
    pypi, tools,
    workspace::{copy, empty, root, target},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Build for this platform only; may be repeated
    #[arg(long, value_name = "RID")]
    only: Vec<String>,

    /// Build everything twice, the second time in another folder, and compare
    #[arg(long)]
    check: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArguments {
    /// The platform, such as linux-musl-x64, or its rustc target
    #[arg(value_name = "RID")]
    rid: String,
}

/// Builds one library as a release ships it, and prints its path.
pub(crate) fn build(arguments: &BuildArguments) -> Result<ExitCode> {
    println!("{}", library_for(&arguments.rid)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the library for this platform as a release ships it. Returns its path.
pub(crate) fn library_for(rid: &str) -> Result<PathBuf> {
    provide()?;
    let target = target()?;
    let platforms = Platform::named(&[rid.to_owned()])?;
    let platform = platforms.first().context("one name is one platform")?;
    let folder = target.join("libraries").join(platform.rid);
    library::build(&Job::release(platform, &target), &folder, &folder)?;
    Ok(folder.join(platform.library()))
}

pub(crate) fn main(arguments: &Arguments) -> Result<ExitCode> {
    provide()?;
    let platforms = Platform::named(&arguments.only)?;
    make(&platforms, &root().join("dist"))?;
    if arguments.check {
        check(&platforms)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs what a release is built with, where possible.
pub(crate) fn provide() -> Result<()> {
    tools::provide(&["packages"])?;
    pypi::provide()
}

/// Builds a release for these platforms into a folder.
pub(crate) fn make(platforms: &[&Platform], folder: &Path) -> Result<()> {
    let release = Release::new(folder)?;
    let target = target()?;
    let jobs: Vec<_> = platforms.iter().map(|platform| Job::release(platform, &target)).collect();
    // first, because rustup adds one target at a time
    jobs.iter().try_for_each(Job::fetch)?;
    // all crates of a library are optimized together at the end, which keeps one core busy
    let (libraries, programs) = both(
        || jobs.iter().try_for_each(|job| release.add_library(job)),
        || jobs.iter().try_for_each(|job| release.add_program(job)),
    );
    libraries.and(programs)?;
    release.finish(platforms)
}

/// Does two things at the same time. Cargo does not hold one up for the other if their profiles differ.
fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one();
        (one, other.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Builds the libraries that the tests run, each into its platform's folder, and the program for Windows beside its.
/// Returns the folder of those.
pub(crate) fn tested_files() -> Result<PathBuf> {
    let target = target()?;
    let libraries = target.join("libraries");
    for platform in PLATFORMS.iter().filter(|platform| platform.tested) {
        let folder = libraries.join(platform.rid);
        let job = Job::release(platform, &target);
        library::build(&job, &folder, &folder)?;
        if platform.kind == platform::Kind::Windows {
            copy(&job.program()?, &folder.join("sonoran.exe"))?;
        }
    }
    Ok(libraries)
}

/// Builds a release again from a fresh checkout in another folder, and compares all its files.
fn check(platforms: &[&Platform]) -> Result<()> {
    ensure!(!sources::commit()?.contains(' '), "commit your changes: the check builds from a fresh checkout");
    let checkout = target()?.join("checkout");
    empty(&checkout)?;
    let mut clone = command("git");
    clone.args(["clone", "--quiet", "."]).arg(&checkout);
    run(clone)?;
    let mut again = cargo("run --quiet --package xtask -- dist");
    again.args(platforms.iter().flat_map(|platform| ["--only", platform.rid]));
    again.current_dir(&checkout).env_remove("CARGO_TARGET_DIR");
    run_within(Duration::from_secs(2 * 60 * 60), again)?;
    let (first, second) = (root().join("dist"), checkout.join("dist"));
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS"));
    let (first, second) = (sums(&first)?, sums(&second)?);
    let differ: Vec<_> = first.lines().filter(|line| !second.lines().any(|other| other == *line)).collect();
    ensure!(differ.is_empty() && first == second, "a second run gave other bytes: {differ:?}");
    println!("a second run, from a fresh checkout in another folder, gave the same bytes");
    Ok(())
}
