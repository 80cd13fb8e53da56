//! `cargo xtask simulate`: the long forms of the simulations in src/session/fleet.rs and src/session/years.rs.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::process::cargo;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instead of outages: as many sessions, a year each
    #[arg(long)]
    years: Option<u64>,

    /// The seed of the first of them
    #[arg(long, requires = "years", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut simulation = match arguments.years {
        None => cargo("test --lib session::fleet::plot -- --ignored --nocapture"),
        // ten times as fast as a debug build
        Some(years) => {
            let mut simulation = cargo("test --release --lib session::years::years -- --ignored --nocapture");
            simulation
                .env("SONORAN_YEARS", years.to_string())
                .env("SONORAN_SEED", arguments.seed.to_string());
            simulation
        }
    };
    let status = simulation.status()?;
    ensure!(status.success(), "the simulation failed: {status}");
    Ok(ExitCode::SUCCESS)
}
