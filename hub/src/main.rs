//! The hub as a program.

use std::{
    io::{self, Write},
    thread,
};

use clap::Parser;
use sonoran_hub::{Hub, Options};

/// A local hub that behaves as Sonoran CAD's /apiWsHub, with a remote control over HTTP
#[derive(Debug, Parser)]
#[command(name = "sonoran-hub", version)]
struct Arguments {
    #[command(flatten)]
    hub: Options,

    /// Stop when stdin ends, so that nothing stays behind a test that died
    #[arg(long)]
    stop_on_eof: bool,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let hub = Hub::start(arguments.hub)?;
    let mut stdout = io::stdout();
    for address in hub.addresses() {
        writeln!(stdout, "listening {address}")?;
    }
    stdout.flush()?;
    if arguments.stop_on_eof {
        io::copy(&mut io::stdin(), &mut io::sink())?;
        return Ok(());
    }
    loop {
        thread::park();
    }
}
