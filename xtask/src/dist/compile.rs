//! Compiles the library for a platform. The bytes are the same wherever and whenever it is compiled.
//!
//! zig has a linker and a C library for every Linux, so all of them are built the same way. It links with a chosen
//! version of glibc. For musl it has a static unwinder; gcc's needs libgcc_s.so, which FXServer lacks. mingw's gcc
//! links for Windows.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    dist::platform::{GLIBC, Kind, Platform},
    process::{cargo, run},
    pypi,
    tools::provide_target,
    workspace::{root, sysroot},
};

/// Cargo's output for a platform, with debug symbols.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) library: PathBuf,
    /// The static library, on Linux only.
    pub(crate) archive: Option<PathBuf>,
}

/// What is compiled, and where.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) platform: &'a Platform,
    /// The root of the sources.
    pub(crate) source: &'a Path,
    /// The folder that cargo builds into.
    pub(crate) target: &'a Path,
    /// Cargo features that the tests need.
    pub(crate) features: &'static str,
}

impl<'a> Job<'a> {
    /// What a release ships.
    pub(crate) fn release(platform: &'a Platform, target: &'a Path) -> Self {
        Self { platform, source: root(), target, features: "" }
    }

    pub(crate) fn run(&self) -> Result<Compiled> {
        let Platform { target, rid, kind, .. } = *self.platform;
        ensure!(provide_target(target), "rustup cannot add the target {target}, which {rid} needs");
        // no rlib: cargo optimizes across crates only for a library that no other crate links to
        let archive = kind != Kind::Windows && self.features.is_empty();
        let kinds = if archive { "cdylib,staticlib" } else { "cdylib" };
        // the sources must be there before their paths can be remapped
        let mut fetch = cargo("fetch --locked --target");
        fetch.arg(target).current_dir(self.source);
        run(fetch)?;
        let mut build = self.builder()?;
        build.args(["--locked", "--profile", "dist", "-p", "sonoran", "--lib", "--crate-type", kinds]);
        if !self.features.is_empty() {
            build.args(["--features", self.features]);
        }
        build
            .arg("--")
            .args(link_arguments(self.platform).iter().map(|argument| format!("-Clink-arg={argument}")));
        build.current_dir(self.source).env("CARGO_TARGET_DIR", self.target);
        run(build).with_context(|| format!("the library for {rid}"))?;

        let folder = self.target.join(target).join("dist");
        Ok(Compiled {
            library: folder.join(self.platform.library()),
            archive: archive.then(|| folder.join("libsonoran.a")),
        })
    }

    /// Cargo, set up for this platform's compiler and linker.
    fn builder(&self) -> Result<Command> {
        let Platform { target, kind, .. } = *self.platform;
        let mut build = match kind {
            Kind::Windows => {
                let gcc = format!("{}gcc", self.platform.mingw());
                let mut build = cargo("rustc --target");
                build.arg(target);
                build.env(format!("CC_{}", target.replace('-', "_")), &gcc);
                build.env(format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase()), gcc);
                build
            }
            Kind::Glibc | Kind::Musl => {
                let (major, minor) = GLIBC;
                let version = if kind == Kind::Glibc { format!(".{major}.{minor}") } else { String::new() };
                let mut build = pypi::zigbuild()?;
                build.args(["rustc", "--target"]).arg(format!("{target}{version}"));
                build
            }
        };
        let names = names(self.source)?;
        let c_flags = names.iter().map(|(folder, name)| format!("'-ffile-prefix-map={folder}={name}'"));
        build.env("CFLAGS", c_flags.collect::<Vec<_>>().join(" ")).env("CC_SHELL_ESCAPED_FLAGS", "1");
        let mut flags: Vec<_> =
            names.iter().map(|(folder, name)| format!("--remap-path-prefix={folder}={name}")).collect();
        if kind == Kind::Musl {
            // a shared library for musl cannot contain libc
            flags.push("-Ctarget-feature=-crt-static".into());
        }
        build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        Ok(build)
    }
}

/// The linker's arguments beyond those from build.rs.
pub(crate) fn link_arguments(platform: &Platform) -> &'static [&'static str] {
    match platform.kind {
        // at other levels, zig's own parts, above all the unwinder, have debug symbols that say where it was built
        Kind::Glibc | Kind::Musl => &["-Os", "-Wl,--build-id=sha1"],
        Kind::Windows => &["-Wl,--no-insert-timestamp"],
    }
}

/// This machine's folders, and the names that replace them in the libraries.
fn names(source: &Path) -> Result<Vec<(String, &'static str)>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .context("there is no home folder")?;
    let mut folders = vec![(source.to_owned(), "/sonoran")];
    // the name of the registry's folder depends on how the registry is reached
    for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
        folders.push((registry?.path(), "/crates"));
    }
    folders.push((sysroot()?.join("lib/rustlib/src/rust"), "/rust"));
    folders
        .into_iter()
        .map(|(folder, name)| Ok((folder.to_str().context("a path is not UTF-8")?.to_owned(), name)))
        .collect()
}
