//! The project's own commands: `cargo xtask --help` names them.

mod bench;
mod builds;
mod commands;
mod consumers;
mod demo;
mod dist;
mod dotnet;
mod fuzz;
mod header;
mod hub;
mod install;
mod page;
mod process;
mod pypi;
mod sanitize;
mod setup;
mod simulate;
mod soak;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Shows events arriving in a C program, from a local hub, until Ctrl-C
    Demo(demo::Arguments),
    /// Regenerates include/sonoran.h from src/ffi.rs
    Header,
    /// Installs what is missing and runs every check and test
    Test(test::Arguments),
    /// Measures the library beside a bare websocket reader and Microsoft's JavaScript client
    Bench(bench::Arguments),
    /// Takes the pictures of the README anew
    Pictures,
    /// Installs what the checks and tests need
    Setup,
    /// Simulates outages for a hundred thousand sessions, and draws docs/retry.svg; or years of single sessions
    Simulate(simulate::Arguments),
    /// Runs the fuzz targets, each for some minutes
    Fuzz(fuzz::Arguments),
    /// Runs the C hosts under valgrind and AddressSanitizer, sessions under ThreadSanitizer, the core under miri
    Sanitize(sanitize::Arguments),
    /// Lets everything go wrong around fifty sessions, for some minutes
    Soak(soak::Arguments),
    /// Builds the library for one of the platforms that a release has
    Build(dist::BuildArguments),
    /// Builds the library for this machine and installs it, with its header and packages
    Install(install::Arguments),
    /// Builds all files of a release, into dist
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Header => header::run(),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run_all(&arguments),
        Command::Pictures => page::pictures(),
        Command::Setup => setup::run(),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run_targets(&arguments),
        Command::Sanitize(arguments) => sanitize::run_tools(&arguments),
        Command::Soak(arguments) => soak::run_sessions(&arguments),
        Command::Build(arguments) => dist::build(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Dist(arguments) => dist::main(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
