//! What cargo builds for this machine, which several commands need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    process::{cargo, command, run},
    workspace::target,
};

/// The library as `cargo build --release` makes it.
pub(crate) fn release_library() -> Result<PathBuf> {
    run(cargo("build --release -p sonoran"))?;
    Ok(target()?.join("release").join(LIBRARY))
}

/// The choice of what cargo builds for which it takes the crates that `cargo test --workspace` has. For other packages,
/// or if there are no tests, they have other features, and cargo compiles nearly all of them anew. There are no
/// examples, but they count as tests.
pub(crate) const AS_FOR_TESTS: &str = "--workspace --lib --examples";

const LIBRARY: &str = "libsonoran.so";

/// The library and some programs, not optimized: what the tests have, too.
#[derive(Debug)]
pub(crate) struct Debug {
    folder: PathBuf,
}

impl Debug {
    /// Builds the library and these programs.
    pub(crate) fn build(programs: &[&str]) -> Result<Self> {
        let mut build = cargo(&format!("build {AS_FOR_TESTS}"));
        build.args(programs.iter().flat_map(|program| ["--bin", program]));
        run(build)?;
        Ok(Self { folder: target()?.join("debug") })
    }

    /// Builds the library and the local hub.
    pub(crate) fn hub() -> Result<Self> {
        Self::build(&["sonoran-hub"])
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.folder.join(LIBRARY)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Compiles `examples/c/NAME.c` and links it to the library.
    pub(crate) fn example(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join("examples");
        fs::create_dir_all(&folder)?;
        let program = folder.join(name);
        let source = Path::new("examples/c").join(name).with_extension("c");
        let mut cc = command("cc");
        cc.args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-O2", "-Iinclude"]).arg(source).arg("-L");
        cc.arg(&self.folder).arg("-lsonoran").arg(format!("-Wl,-rpath,{}", self.folder.display()));
        cc.arg("-o").arg(&program);
        run(cc)?;
        Ok(program)
    }
}
