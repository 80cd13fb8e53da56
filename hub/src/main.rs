//! The hub as a program.

use std::io;

use clap::Parser;
use sonoran_hub::program::Program;

/// A local hub that behaves like Sonoran CAD's /apiWsHub, with a page and a remote control over HTTP
#[derive(Debug, Parser)]
#[command(name = "sonoran-hub", version)]
struct Arguments {
    #[command(flatten)]
    program: Program,
}

fn main() -> io::Result<()> {
    Arguments::parse().program.run()
}
