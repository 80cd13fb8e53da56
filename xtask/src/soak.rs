//! `cargo xtask soak`: the long form of `tests/c_hosts/soak`, with the library as it is released.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

use crate::{
    process::{cargo, run, run_within},
    workspace::target,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long to let things go wrong
    #[arg(long, default_value_t = 30)]
    minutes: u32,

    /// What goes wrong, and when, follows from it; printed if not given
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run_sessions(arguments: &Arguments) -> Result<ExitCode> {
    run(cargo("build --release --package sonoran"))?;
    let mut soak = cargo("test --workspace --test c_hosts -- aspnet::soak --nocapture");
    soak.env("SONORAN_LIBRARY", target()?.join("release/libsonoran.so"));
    soak.env("SONORAN_SOAK_MINUTES", arguments.minutes.to_string());
    if let Some(seed) = arguments.seed {
        soak.env("SONORAN_SOAK_SEED", seed.to_string());
    }
    // half an hour to build it
    run_within(Duration::from_secs(60 * u64::from(arguments.minutes + 30)), soak)?;
    Ok(ExitCode::SUCCESS)
}
