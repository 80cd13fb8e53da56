//! `cargo xtask setup`: installs what the steps of `cargo xtask test` need beyond Rust.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    pypi,
    steps::{self, Step},
    tools,
};

pub(crate) fn run() -> Result<ExitCode> {
    provide(&steps::all().collect::<Vec<_>>())?;
    println!("everything that cargo xtask test needs is installed");
    Ok(ExitCode::SUCCESS)
}

/// Installs what these steps lack, where permitted.
pub(crate) fn provide(steps: &[&Step]) -> Result<()> {
    let names: Vec<_> = steps.iter().map(|step| step.name).collect();
    tools::provide(&names)?;
    if names.iter().any(|name| ["dist", "deny", "platforms"].contains(name)) {
        pypi::provide()?;
    }
    Ok(())
}
