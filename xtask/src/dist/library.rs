//! A platform's library as shipped: stripped, verified, and with the files that linkers need.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    dist::{
        compile::Job,
        platform::{Kind, Platform},
        symbols, verify,
    },
    process::run,
    pypi,
    workspace::{copy, root, target, write},
};

/// Builds a job's library into one folder, and its debug symbols into another.
pub(crate) fn build(job: &Job<'_>, folder: &Path, symbols: &Path) -> Result<()> {
    let compiled = job.library()?;
    let platform = job.platform;
    let library = folder.join(platform.library());
    let symbols = symbols.join(format!("{}.debug", platform.library()));
    symbols::split(&compiled.library, &library, &symbols)?;
    verify::library(platform, &library)?;
    verify::anonymous(&symbols, job.source)?;
    if let Some(archive) = compiled.archive {
        symbols::strip(&archive, &folder.join("libsonoran.a"))?;
    }
    if platform.kind == Kind::Windows {
        import_library(platform, folder)?;
    }
    Ok(())
}

/// Makes the import library in MSVC's format. mingw's linkers read that format too, from a copy with the name that
/// they look for.
fn import_library(platform: &Platform, folder: &Path) -> Result<()> {
    let header = fs::read_to_string(root().join("include/sonoran.h"))?;
    let exports: Vec<_> = verify::functions(&header).collect();
    let definition = target()?.join(format!("{}.def", platform.rid));
    write(&definition, format!("LIBRARY sonoran.dll\nEXPORTS\n{}\n", exports.join("\n")))?;
    let machine = if platform.target.starts_with("i686") { "i386" } else { "i386:x86-64" };
    let library = folder.join("sonoran.lib");
    let mut dlltool = pypi::zig()?;
    dlltool.args(["dlltool", "-m", machine, "-d"]).arg(definition).arg("-l").arg(&library);
    run(dlltool).context("the import library")?;
    copy(&library, &folder.join("libsonoran.dll.a"))
}
