//! The project's own commands: `cargo xtask demo`, `cargo xtask header` and `cargo xtask test`.

mod build;
mod demo;
mod header;
mod process;
mod steps;
mod test;
mod tools;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Shows events arriving in a C program, from a local hub, until Ctrl-C
    Demo(demo::Arguments),
    /// Writes include/sonoran.h anew from src/ffi.rs
    Header,
    /// Installs what is missing and runs every check and test
    Test(test::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Header => header::run(),
        Command::Test(arguments) => test::run(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
