//! Compiles the library or the program for a platform. The bytes are the same wherever and whenever it is compiled.
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
    process::{cargo, run, run_beside},
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
}

impl<'a> Job<'a> {
    /// What a release ships.
    pub(crate) fn release(platform: &'a Platform, target: &'a Path) -> Self {
        Self { platform, source: root(), target }
    }

    /// Compiles the library.
    pub(crate) fn library(&self) -> Result<Compiled> {
        let Platform { target, kind, .. } = *self.platform;
        // no rlib: cargo optimizes across crates only for a library that no other crate links to
        let archive = kind != Kind::Windows;
        let kinds = if archive { "cdylib,staticlib" } else { "cdylib" };
        // a shared library for musl cannot contain libc
        let flags = (kind == Kind::Musl).then(|| "-Ctarget-feature=-crt-static".to_owned());
        let mut build = self.builder("rustc", flags)?;
        build.args(["--profile", "dist", "-p", "sonoran", "--lib", "--crate-type", kinds]);
        build.arg("--").args(link_arguments(self.platform));
        self.execute(build, "library")?;

        let folder = self.target.join(target).join("dist");
        Ok(Compiled {
            library: folder.join(self.platform.library()),
            archive: archive.then(|| folder.join("libsonoran.a")),
        })
    }

    /// Compiles the program `sonoran`.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let mut build = self.builder("build", link_arguments(self.platform))?;
        build.args(["--profile", "program", "-p", "sonoran-cli", "--bin", "sonoran"]);
        self.execute(build, "program")?;
        let name = if self.platform.kind == Kind::Windows { "sonoran.exe" } else { "sonoran" };
        Ok(self.target.join(self.platform.target).join("program").join(name))
    }

    fn execute(&self, mut build: Command, what: &str) -> Result<()> {
        build.current_dir(self.source).env("CARGO_TARGET_DIR", self.target);
        let what = format!("the {what} for {}", self.platform.rid);
        run_beside(&what, build).with_context(|| what.clone()).map(drop)
    }

    /// Fetches what it is made of.
    pub(crate) fn fetch(&self) -> Result<()> {
        let Platform { target, rid, .. } = *self.platform;
        ensure!(provide_target(target), "rustup cannot add the target {target}, which {rid} needs");
        // the sources must be there before their paths can be remapped
        let mut fetch = cargo("fetch --locked --target");
        fetch.arg(target).current_dir(self.source);
        run(fetch).map(drop)
    }

    /// Cargo, set up for this platform's compiler and linker.
    fn builder(&self, verb: &str, flags: impl IntoIterator<Item = String>) -> Result<Command> {
        let Platform { target, kind, .. } = *self.platform;
        self.fetch()?;
        let mut build = match kind {
            Kind::Windows => {
                let gcc = format!("{}gcc", self.platform.mingw());
                let mut build = cargo(verb);
                build.arg("--target").arg(target);
                build.env(format!("CC_{}", target.replace('-', "_")), &gcc);
                build.env(format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_uppercase()), gcc);
                build
            }
            Kind::Glibc | Kind::Musl => {
                let (major, minor) = GLIBC;
                let version = if kind == Kind::Glibc { format!(".{major}.{minor}") } else { String::new() };
                let mut build = pypi::zigbuild()?;
                build.args([verb, "--target"]).arg(format!("{target}{version}"));
                build
            }
        };
        build.arg("--locked");
        let names = names(self.source)?;
        let c_flags = names.iter().map(|(folder, name)| format!("'-ffile-prefix-map={folder}={name}'"));
        build.env("CFLAGS", c_flags.collect::<Vec<_>>().join(" ")).env("CC_SHELL_ESCAPED_FLAGS", "1");
        let names = names.iter().map(|(folder, name)| format!("--remap-path-prefix={folder}={name}"));
        let flags: Vec<_> = names.chain(flags).collect();
        build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        Ok(build)
    }
}

/// The linker's arguments beyond those from build.rs.
pub(crate) fn linker(platform: &Platform) -> &'static [&'static str] {
    match platform.kind {
        // zig optimizes its own parts, above all the unwinder, as it is told here, and by default not at all
        Kind::Glibc | Kind::Musl => &["-Os", "-Wl,--build-id=sha1"],
        Kind::Windows => &["-Wl,--no-insert-timestamp"],
    }
}

/// The same as rustc takes them.
fn link_arguments(platform: &Platform) -> impl Iterator<Item = String> {
    linker(platform).iter().map(|argument| format!("-Clink-arg={argument}"))
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
