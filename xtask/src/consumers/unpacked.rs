//! A release as its reader has it after the first commands of README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use crate::{
    commands,
    dist::archive,
    process::run,
    release,
    workspace::{VERSION, copy, empty, files, target},
};

/// A release, unpacked, and what its examples run against.
pub(crate) struct Unpacked {
    /// The files of the release.
    pub(crate) files: PathBuf,
    /// The folder that the archive unpacked to.
    pub(crate) folder: PathBuf,
    /// A folder for what is made of it, and the home of who makes it.
    pub(crate) scratch: PathBuf,
    /// The local hub.
    pub(crate) hub: PathBuf,
}

impl Unpacked {
    pub(crate) fn new(files: PathBuf) -> Result<Self> {
        let scratch = target()?.join("consumers");
        empty(&scratch)?;
        let archive = format!("sonoran-{VERSION}.tar.gz");
        for name in [&archive, "SHA256SUMS"] {
            copy(&files.join(name), &scratch.join(name))?;
        }
        run(commands::shell("README.md", &["sha256sum --check", "tar xzf"], &scratch)?)?;
        let zipped = scratch.join("zipped");
        archive::unzip(&files.join(format!("sonoran-{VERSION}.zip")), &zipped)?;
        let folder = scratch.join(format!("sonoran-{VERSION}"));
        same(&folder, &zipped.join(format!("sonoran-{VERSION}")))?;
        Ok(Self { files, folder, scratch, hub: release::Release::build()?.hub() })
    }
}

/// Fails if two folders hold different files.
fn same(first: &Path, second: &Path) -> Result<()> {
    let (names, others) = (files(first)?, files(second)?);
    ensure!(names == others, "{} and {} hold different files", first.display(), second.display());
    for name in names {
        let equal = fs::read(first.join(&name))? == fs::read(second.join(&name))?;
        ensure!(equal, "{} differs between the two archives", name.display());
    }
    Ok(())
}
