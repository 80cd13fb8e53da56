//! A release's BUILD.md: what built it, so that others can reproduce it.

use std::fmt::Write;

use anyhow::Result;

use crate::{
    dist::{
        compile::linker,
        platform::{GLIBC, Kind, Platform},
        sources,
    },
    process::{command, output},
    pypi,
    workspace::VERSION,
};

/// The text for a release with these platforms.
pub(crate) fn report(platforms: &[&Platform]) -> Result<String> {
    let mut text = format!(
        "# How sonoran {VERSION} was built\n\n\
         Commit {}, by `cargo xtask dist`, which reproduces the same bytes on the same kind of system with:\n\n",
        sources::commit()?
    );
    for line in programs(platforms)? {
        writeln!(text, "- {line}")?;
    }
    let (major, minor) = GLIBC;
    write!(
        text,
        "\nCargo's profile `dist`, crate types `cdylib` and, for Linux, `staticlib`; `--remap-path-prefix` for the \
         folders of the machine, and for musl `-C target-feature=-crt-static`. The programs in `bin` are of the profile \
         `program`; those for Linux have musl inside.\n\n\
         | system | target of rustc | needs | linker | the project's tests |\n|---|---|---|---|---|\n"
    )?;
    for platform in platforms {
        let needs = match platform.kind {
            Kind::Glibc => format!("glibc {major}.{minor}"),
            Kind::Musl => "musl's `libc.so`".to_owned(),
            Kind::Windows => "Windows 10".to_owned(),
        };
        let tested = if platform.tested { "run it" } else { "do not run it: only built and inspected" };
        let arguments = linker(platform).join(" ");
        writeln!(text, "| {} | `{}` | {needs} | `{arguments}` | {tested} |", platform.rid, platform.target)?;
    }
    Ok(text)
}

fn programs(platforms: &[&Platform]) -> Result<Vec<String>> {
    let mut rustc = command("rustc");
    rustc.arg("--version");
    let mut programs = vec![output(rustc)?.trim().to_owned()];
    programs.extend(pypi::versions()?);
    for platform in platforms.iter().filter(|platform| platform.kind == Kind::Windows) {
        let mut gcc = command(format!("{}gcc", platform.mingw()));
        gcc.arg("--version");
        programs.push(output(gcc)?.lines().next().unwrap_or_default().to_owned());
    }
    Ok(programs)
}
