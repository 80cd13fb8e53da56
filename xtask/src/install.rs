//! `cargo xtask install`: the library for this machine, where compilers look for it.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Result;

use crate::{
    builds::release_library,
    workspace::{copy, root},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder to install below, such as /usr/local
    #[arg(long, value_name = "FOLDER")]
    prefix: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let library = release_library()?;
    fs::create_dir_all(&arguments.prefix)?;
    let prefix = arguments.prefix.canonicalize()?;
    copy(&library, &prefix.join("lib").join(library.file_name().unwrap_or_default()))?;
    for (from, to) in [
        ("include/sonoran.h", "include/sonoran.h"),
        ("bindings/cpp/sonoran.hpp", "include/sonoran.hpp"),
        ("bindings/cpp/sonoran.pc", "lib/pkgconfig/sonoran.pc"),
        ("bindings/cpp/sonoran-config.cmake", "lib/cmake/sonoran/sonoran-config.cmake"),
        ("bindings/cpp/sonoran-config-version.cmake", "lib/cmake/sonoran/sonoran-config-version.cmake"),
        ("LICENSE-MIT", "share/doc/sonoran/LICENSE-MIT"),
        ("LICENSE-APACHE", "share/doc/sonoran/LICENSE-APACHE"),
    ] {
        copy(&root().join(from), &prefix.join(to))?;
    }
    println!("installed below {}", prefix.display());
    Ok(ExitCode::SUCCESS)
}
