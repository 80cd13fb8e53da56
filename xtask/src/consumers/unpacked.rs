//! A release as a user has it after the README's first commands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use crate::{
    builds::Debug,
    commands,
    dist::archive,
    process::run,
    workspace::{VERSION, copy, empty, files, target},
};

/// An unpacked release, and the hub that its examples run against.
pub(crate) struct Unpacked {
    /// The folder with the release's files.
    pub(crate) files: PathBuf,
    /// The folder that the archive unpacked to.
    pub(crate) folder: PathBuf,
    /// A folder for build output, and for the users' homes.
    pub(crate) scratch: PathBuf,
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
        Ok(Self { files, folder, scratch, hub: Debug::hub()?.program("sonoran-hub") })
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
