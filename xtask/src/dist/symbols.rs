//! Moves a library's debug symbols into a file that debuggers find by name or build id.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{
    process::{command, run},
    workspace::sysroot,
};

/// LLVM's objcopy, which comes with rustc and handles every format.
fn objcopy() -> Result<Command> {
    let sysroot = sysroot()?;
    let mut programs =
        sysroot.join("lib/rustlib").read_dir()?.flatten().map(|entry| entry.path().join("bin/rust-objcopy"));
    let program = programs.find(|program| program.is_file());
    let program = program
        .with_context(|| format!("{} has no rust-objcopy: use Rust 1.88 or newer", sysroot.display()))?;
    let mut objcopy = command(program);
    // it does not always find rustc's LLVM
    objcopy.env("LD_LIBRARY_PATH", sysroot.join("lib"));
    Ok(objcopy)
}

/// Writes a stripped copy of a library, and a file with its debug symbols alone.
pub(crate) fn split(library: &Path, stripped: &Path, symbols: &Path) -> Result<()> {
    for file in [stripped, symbols] {
        std::fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
    }
    let mut keep = objcopy()?;
    if library.extension().is_some_and(|extension| extension == "dll") {
        // mingw's dlltool writes the path of a temporary folder into these
        keep.args(["--wildcard", "--strip-symbol=_head_*", "--strip-symbol=*_imports_lib*"]);
    }
    keep.arg("--only-keep-debug").arg(library).arg(symbols);
    run(keep)?;
    let mut strip = objcopy()?;
    strip
        .arg("--strip-all")
        .arg(format!("--add-gnu-debuglink={}", symbols.display()))
        .arg(library)
        .arg(stripped);
    run(strip).map(drop)
}

/// Copies a static library without its debug symbols.
pub(crate) fn strip(archive: &Path, stripped: &Path) -> Result<()> {
    let mut strip = objcopy()?;
    strip.arg("--strip-debug").arg(archive).arg(stripped);
    run(strip).map(drop)
}
