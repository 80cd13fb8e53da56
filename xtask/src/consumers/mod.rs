//! Uses a release as its users do: from its files alone, with the commands in its documents.

mod example;
mod managed;
mod native;
mod unpacked;

use anyhow::{Context, Result, ensure};

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
    rebuild(&release, &tested)?;
    refused(&release, &tested)?;
    let mut not_run = Vec::new();
    native::test(&release)?;
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

/// Rebuilds one library in another folder. It stands for all of them, because all are built the same way.
fn rebuild(release: &Unpacked, tested: &[&Platform]) -> Result<()> {
    let musl = tested.iter().find(|platform| platform.rid == "linux-musl-x64").context("musl is tested")?;
    dist::rebuild(musl, &release.folder.join("lib").join(musl.rid).join(musl.library()))?;
    println!("ok       the library for {} loads the same bytes when it is built in another folder", musl.rid);
    Ok(())
}
