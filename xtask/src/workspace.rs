//! Where things are.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// The version of everything in a release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Cargo's target folder. This program is in the folder of a profile there.
pub(crate) fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    Ok(program.ancestors().nth(2).context("this program is not in a target folder")?.to_owned())
}

/// The folder of the Rust toolchain.
pub(crate) fn sysroot() -> Result<PathBuf> {
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output()?;
    let path = String::from_utf8(rustc.stdout).context("the toolchain's path is not UTF-8")?;
    Ok(PathBuf::from(path.trim()))
}

/// Makes an empty folder; deletes what was there.
pub(crate) fn empty(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    }
    .with_context(|| format!("cannot empty {}", folder.display()))
}

/// Copies a file; its folder need not exist.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, to).map(drop))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Writes a file; its folder need not exist.
pub(crate) fn write(file: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    let folder = file.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, contents))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// All files below a folder, as sorted paths relative to it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fn collect(folder: &Path, below: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(folder.join(below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() { collect(folder, &path, files)? } else { files.push(path) }
        }
        Ok(())
    }
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files)
        .with_context(|| format!("cannot list {}", folder.display()))?;
    files.sort();
    Ok(files)
}
