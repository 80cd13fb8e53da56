//! `sonoran`: tells whether a server reaches Sonoran CAD, shows its events, and brings a hub to work against.

#![deny(unsafe_code)]

mod check;
mod exit;
mod options;
#[allow(unsafe_code, reason = "the library is reached through its C functions, as by any host")]
mod session;
mod style;
mod tail;

use std::process::ExitCode;

use clap::Parser;

use crate::exit::Exit;

/// Checks a game server's way to Sonoran CAD, and shows what comes
#[derive(Debug, Parser)]
#[command(name = "sonoran", version, max_term_width = 100)]
enum Command {
    /// Says step by step whether this machine reaches the CAD with these credentials, and if not, why
    Check(check::Arguments),
    /// Prints events as they come, until Ctrl-C
    Tail(tail::Arguments),
}

fn main() -> ExitCode {
    let exit = match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
    };
    exit.into()
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Command::command().debug_assert();
    }
}
