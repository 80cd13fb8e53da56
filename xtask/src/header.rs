//! `cargo xtask header`: copies the generated header into `include/`.

use std::{fs, path::PathBuf, process::ExitCode, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{process::cargo, workspace::root};

pub(crate) fn run() -> Result<ExitCode> {
    let mut check = cargo("check -p sonoran --message-format=json-render-diagnostics");
    let output = check.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo check failed: {}", output.status);
    let messages = String::from_utf8(output.stdout).context("cargo writes UTF-8")?;
    let folder =
        messages.lines().find_map(out_dir).context("cargo did not name the build script's folder")?;
    let header = fs::read(folder.join("sonoran.h"))?;
    fs::write(root().join("include/sonoran.h"), header)?;
    Ok(ExitCode::SUCCESS)
}

/// The output folder of the library's build script, if this message from cargo names it.
fn out_dir(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let folder = PathBuf::from(message.get("out_dir")?.as_str()?);
    folder.join("sonoran.h").exists().then_some(folder)
}
