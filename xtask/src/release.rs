//! The release build for this machine, which several commands need.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    process::{cargo, command, run},
    workspace::target,
};

/// What users get: the library and the local hub, built for release.
#[derive(Debug)]
pub(crate) struct Release {
    folder: PathBuf,
}

impl Release {
    pub(crate) fn build() -> Result<Self> {
        Self::build_with(&[])
    }

    /// Builds these packages with it: cargo would compile what they share anew if they were built by themselves.
    pub(crate) fn build_with(packages: &[&str]) -> Result<Self> {
        let mut build = cargo("build --release -p sonoran -p sonoran-hub");
        build.args(packages.iter().flat_map(|package| ["-p", package]));
        run(build)?;
        Ok(Self { folder: target()?.join("release") })
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.folder.join("libsonoran.so")
    }

    pub(crate) fn hub(&self) -> PathBuf {
        self.folder.join("sonoran-hub")
    }

    /// Compiles `examples/c/NAME.c` and links it to the library.
    pub(crate) fn example(&self, name: &str) -> Result<PathBuf> {
        let program = self.folder.join("examples").join(name);
        std::fs::create_dir_all(self.folder.join("examples"))?;
        let mut cc = command("cc");
        cc.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-O2"])
            .arg(format!("examples/c/{name}.c"))
            .arg("-Iinclude")
            .arg("-L")
            .arg(&self.folder)
            .arg("-lsonoran")
            .arg(format!("-Wl,-rpath,{}", self.folder.display()))
            .arg("-o")
            .arg(&program);
        run(cc)?;
        Ok(program)
    }
}
