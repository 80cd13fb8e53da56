//! `sonoran replay`: plays a recording through the local hub.

use std::{fs, io, path::PathBuf, time::Duration};

use sonoran_hub::{Hub, Options, recording};

use crate::{exit::Exit, style::printable};

/// How long one wait for a session lasts; waits repeat without limit.
const PATIENCE: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A recording from `sonoran tail --record` or the hub's page
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How many times as fast as recorded; max leaves the pauses out
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: Speed,

    /// The server whose session gets the events
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    server: u32,

    /// Exit after the last event instead of waiting for Ctrl-C
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    hub: Options,
}

#[derive(Debug, Clone, Copy)]
struct Speed(Option<f64>);

fn speed(text: &str) -> Result<Speed, String> {
    recording::speed(text).map(Speed)
}

pub(crate) fn run(arguments: Arguments) -> Exit {
    match play(arguments) {
        Ok(()) => Exit::Works,
        Err(sentence) => {
            eprintln!("sonoran: {}", printable(&sentence));
            Exit::Failed
        }
    }
}

fn play(arguments: Arguments) -> Result<(), String> {
    let shown = arguments.file.display().to_string();
    let text =
        fs::read_to_string(&arguments.file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let events = recording::read(&text).map_err(|problem| format!("{shown}, {problem}"))?;
    let community = arguments.hub.communities.first().map(|first| first.id.clone()).unwrap_or_default();
    let hub =
        Hub::start(arguments.hub).map_err(|error: io::Error| format!("the hub does not start: {error}"))?;
    println!("listening {}\npage {}", hub.http(), hub.page());
    println!(
        "{} events wait for a session of community {community}, server {}",
        events.len(),
        arguments.server
    );
    let server = arguments.server;
    let is_there = |hub: &Hub| hub.sessions().iter().any(|session| session.server == Some(server));
    while !hub.wait(hub.until(PATIENCE, is_there)) {}
    let played = hub.wait(hub.replay(&community, server, &events, arguments.speed.0));
    println!(
        "played {}: {} reached a session, {} did not, {} were the client's own",
        shown, played.websocket, played.other, played.skipped
    );
    if arguments.once {
        // the last pushes may still be in the connection: a client that reads has them by its goodbye
        hub.wait(hub.until(Duration::from_secs(5), |hub| !is_there(hub)));
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}
