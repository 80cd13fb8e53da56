//! `cargo xtask simulate`: the long form of the simulations in src/session/fleet.rs.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::process::cargo;

pub(crate) fn run() -> Result<ExitCode> {
    let status = cargo("test --lib session::fleet::plot -- --ignored --nocapture").status()?;
    ensure!(status.success(), "the simulation failed: {status}");
    Ok(ExitCode::SUCCESS)
}
