//! What a release takes from the repository, and its timestamp: tracked files and a commit's time, nothing else.

use std::{env, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{command, output},
    workspace::{copy, root},
};

/// Folders that a release's users do not need.
const FOR_DEVELOPERS: &[&str] = &["bindings/testing/", "examples/fivem/host/", "examples/fivem/reference/"];

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = command("git");
    git.args(arguments);
    output(git).context("a release is made from a git checkout")
}

/// The tracked files below these paths, relative to the root.
pub(crate) fn tracked(paths: &[&str]) -> Result<Vec<String>> {
    let listed = git(&[&["ls-files", "-z", "--"], paths].concat())?;
    let files: Vec<_> = listed.split_terminator('\0').map(str::to_owned).collect();
    ensure!(!files.is_empty(), "git knows no file of {paths:?}");
    Ok(files)
}

/// Copies the tracked files below these paths that users need.
pub(crate) fn export(paths: &[&str], folder: &Path) -> Result<()> {
    for file in tracked(paths)? {
        let for_developers = FOR_DEVELOPERS.iter().any(|folder| file.starts_with(folder));
        if !for_developers && !file.contains("/tests/") && !file.ends_with(".sh") {
            copy(&root().join(&file), &folder.join(&file))?;
        }
    }
    Ok(())
}

/// The timestamp of all files in a release, in Unix seconds: SOURCE_DATE_EPOCH, or else the commit's.
pub(crate) fn time() -> Result<u64> {
    let given = env::var("SOURCE_DATE_EPOCH").ok();
    let time = given.map_or_else(|| git(&["log", "-1", "--format=%ct"]), Ok)?;
    time.trim().parse().context("SOURCE_DATE_EPOCH is not a number of seconds")
}

/// The commit, and whether files differ from it.
pub(crate) fn commit() -> Result<String> {
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Ok(format!("{}{}", commit.trim(), if changed { ", with changes" } else { "" }))
}
