//! Uses a release as its users do: from its files alone, with the commands in its documents.

mod example;
mod managed;
mod native;
mod program;
mod unpacked;

use anyhow::{Result, ensure};

use crate::{
    commands,
    consumers::unpacked::Unpacked,
    dist::{
        self,
        platform::{PLATFORMS, Platform},
    },
    workspace::target,
};

/// Builds a release for the platforms that the tests run on, and uses it. Returns what was not run.
pub(crate) fn test() -> Result<Vec<String>> {
    dist::provide()?;
    let tested: Vec<_> = PLATFORMS.iter().filter(|platform| platform.tested).collect();
    let files = target()?.join("release-files");
    dist::make(&tested, &files)?;
    let release = Unpacked::new(files)?;
    refused(&release, &tested)?;
    let mut not_run = Vec::new();
    native::test(&release)?;
    program::test(&release)?;
    managed::test(&release, &mut not_run)?;
    if not_run.is_empty() {
        commands::all_entered("dist")?;
    }
    Ok(not_run)
}

/// `verify` rejects a library that was built for another platform.
fn refused(release: &Unpacked, tested: &[&Platform]) -> Result<()> {
    for platform in tested {
        for other in tested.iter().filter(|other| other.rid != platform.rid) {
            let library = release.folder.join("lib").join(other.rid).join(other.library());
            ensure!(
                dist::verify::library(platform, &library).is_err(),
                "{} passes for {}",
                other.rid,
                platform.rid
            );
        }
    }
    Ok(())
}
