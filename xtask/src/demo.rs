//! `cargo xtask demo`: a local hub, a C program, and events on the screen.

use std::{
    process::{ExitCode, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    builds::Debug,
    hub::Hub,
    process::{Background, command},
    tools,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// How long a program may take to end once asked to.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    tools::require("demo")?;
    println!("Building the library, the local hub and the C example; the first time takes a minute or two.");
    let built = Debug::hub()?;
    let program = built.example("sonoran_demo")?;

    // from here on Ctrl-C ends the programs first, then this process
    let (interrupted, interruption) = mpsc::channel();
    // the send fails once the receiver is gone, which means that the demo is ending
    ctrlc::set_handler(move || _ = interrupted.send(())).context("cannot handle Ctrl-C")?;

    let mut hub = Hub::start(&built.program("sonoran-hub"), 700)?;
    let address = hub.address();
    println!(
        "
A local hub plays Sonoran CAD at {address} and pushes an event every 700 ms.
The C program examples/c/sonoran_demo.c polls libsonoran.so 20 times a second, as a game server does, and prints:
    SESSION_...   what the connection does: SESSION_READY means that the hub accepted the key and events flow
    EVENT_...     what happens in the CAD: 911 calls, unit status, panic buttons
Ctrl-C ends it.
"
    );
    let mut host = command(program);
    host.args(["demo", "1", &hub.url()]).env("SONORAN_API_KEY", "demo-key").stdin(Stdio::null());
    let mut host = Background::start(host)?;

    let end = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    while interruption.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) {
        if let Some(status) = host.child().try_wait()? {
            bail!("the C program ended by itself: {status}");
        }
        hub.check()?;
        if end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }

    // in a terminal Ctrl-C has already reached it; a second one does no harm while it runs
    if host.child().try_wait()?.is_none() {
        host.interrupt()?;
    }
    let status = host.wait(GRACE).context("the C program")?;
    ensure!(status.success(), "the C program failed: {status}");
    hub.stop(GRACE)?;
    println!("\nThe C program said goodbye and ended, and so did the hub.");
    Ok(ExitCode::SUCCESS)
}
