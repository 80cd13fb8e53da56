//! `sonoran`: checks whether a server reaches Sonoran CAD, shows its events, and includes a local hub.

#![deny(unsafe_code)]

mod check;
mod exit;
mod options;
mod replay;
#[allow(unsafe_code, reason = "the library is reached through its C functions, as by any host")]
mod session;
mod style;
mod tail;

use std::process::ExitCode;

use clap::Parser;
use sonoran_hub::program::Program;

use crate::exit::Exit;

/// Checks a game server's connection to Sonoran CAD, and shows events
#[derive(Debug, Parser)]
#[command(name = "sonoran", version, max_term_width = 100)]
enum Command {
    /// Checks step by step whether this machine reaches the CAD with these credentials, and if not, why
    Check(check::Arguments),
    /// Prints events as they arrive, until Ctrl-C
    Tail(tail::Arguments),
    /// Plays a recording to a plugin through a local hub
    Replay(replay::Arguments),
    /// Runs a local hub to work against, with a page; it needs no account
    Hub(Program),
}

fn main() -> ExitCode {
    let exit = match Command::parse() {
        Command::Check(arguments) => check::run(&arguments),
        Command::Tail(arguments) => tail::run(&arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Hub(program) => match program.run() {
            Ok(()) => Exit::Works,
            Err(error) => {
                eprintln!("sonoran: {error}");
                Exit::Failed
            }
        },
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
