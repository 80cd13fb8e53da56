//! The local hub as a background process.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result};

use crate::process::{Background, command};

/// A hub that ends when its stdin does, even if this process is killed.
#[derive(Debug)]
pub(crate) struct Hub {
    process: Background,
    address: String,
}

impl Hub {
    /// Starts a hub that pushes an event every `every` milliseconds.
    pub(crate) fn start(program: &Path, every: u32) -> Result<Self> {
        let mut hub = command(program);
        hub.args(["--listen", "127.0.0.1:0", "--stop-on-eof", "--stream", &every.to_string()]);
        hub.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C in the terminal must not reach the hub: it outlives the program that disconnects from it
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut hub, 0);
        let mut process = Background::start(hub)?;
        let line = process.first_line()?;
        let address = line.strip_prefix("listening ").context("the local hub did not start")?.to_owned();
        Ok(Self { process, address })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/apiWsHub", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Fails if the hub has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.process.child().try_wait()? {
            Some(status) => anyhow::bail!("the local hub ended by itself: {status}"),
            None => Ok(()),
        }
    }

    pub(crate) fn stop(mut self, grace: Duration) -> Result<()> {
        drop(self.process.child().stdin.take());
        self.process.wait(grace).context("the local hub").map(drop)
    }
}
