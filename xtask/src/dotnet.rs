//! The .NET SDK: an installed one, or one beside the checkout.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    process::{command, output},
    workspace::root,
};

/// `dotnet`, of version 10 or newer.
pub(crate) fn dotnet() -> Result<Command> {
    let mut list = command("dotnet");
    list.arg("--list-sdks");
    let sdks = output(list).unwrap_or_default();
    let major = |sdk: &str| sdk.split('.').next()?.parse::<u32>().ok();
    if sdks.lines().filter_map(major).any(|major| major >= 10) {
        return Ok(command("dotnet"));
    }
    let beside = root().join("../shared/dotnet/dotnet.sh");
    if beside.is_file() {
        return Ok(command(beside));
    }
    bail!(
        "there is no .NET SDK 10 or newer: install one from https://dot.net and put dotnet into the search path"
    )
}
