//! The programs that read. Each runs in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::bare;

/// A program that reads events.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// F: it reads messages and counts them, or has serde_json look at them as well.
    Bare { parses: bool },
    /// A C host of a library.
    Host { name: &'static str, program: PathBuf },
    /// Microsoft's JavaScript client, and the folder that it is installed in.
    JavaScript { script: PathBuf, modules: PathBuf },
}

impl Reader {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bare { parses: false } => "F, bare tokio-tungstenite",
            Self::Bare { parses: true } => "F and serde_json's RawValue",
            Self::Host { name, .. } => name,
            Self::JavaScript { .. } => "the official JavaScript client",
        }
    }

    /// A guess at its events per second beside F's, for the first round.
    pub(crate) fn pace(&self) -> f64 {
        match self {
            Self::Bare { parses: false } => 1.0,
            Self::Bare { parses: true } | Self::Host { .. } => 0.1,
            Self::JavaScript { .. } => 0.02,
        }
    }

    /// Reads `events` as fast as it can. Returns the time from the first to the last, and what it computed
    /// meanwhile, in nanoseconds.
    pub(crate) fn read(&self, address: SocketAddr, events: usize, per_message: usize) -> Result<[f64; 2]> {
        let mode = if matches!(self, Self::Bare { parses: true }) { "parse" } else { "read" };
        let lines = self.start(mode, address, &[events, per_message])?.finish()?;
        figures(&lines, "ns ")
    }

    /// When each event reached it.
    pub(crate) fn wait(&self, address: SocketAddr, events: usize) -> Result<Vec<u64>> {
        let lines = self.start("wait", address, &[events])?.finish()?;
        let times = lines.iter().filter_map(|line| line.strip_prefix("at ")?.parse().ok());
        let times: Vec<_> = times.collect();
        ensure!(times.len() == events, "{} noted {} of {events} events", self.name(), times.len());
        Ok(times)
    }

    /// Starts it to be ready. Returns once it is.
    pub(crate) fn ready(&self, address: SocketAddr) -> Result<()> {
        let mut running = self.start("start", address, &[])?;
        let line = running.line()?;
        ensure!(line == "ready", "{} said {line:?} and not ready", self.name());
        running.finish().map(drop)
    }

    fn start(&self, mode: &str, address: SocketAddr, numbers: &[usize]) -> Result<Running> {
        let url = url(address);
        let mut command = match self {
            Self::Bare { .. } => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([bare::NAME, mode, &address.to_string()]);
                command
            }
            Self::Host { program, .. } => {
                let mut command = Command::new(program);
                command.args([mode, &url]);
                command
            }
            Self::JavaScript { script, modules } => {
                let mut command = Command::new("node");
                command.arg(script).arg(modules).args([mode, &url]);
                command
            }
        };
        command.args(numbers.iter().map(ToString::to_string));
        Running::start(command)
    }
}

/// A generator's URL.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("ws://{address}/apiWsHub")
}

/// The figures of the line that starts with this.
pub(crate) fn figures<const N: usize>(lines: &[String], start: &str) -> Result<[f64; N]> {
    let line = lines.iter().find_map(|line| line.strip_prefix(start));
    let line = line.with_context(|| format!("there is no line {start}: {lines:?}"))?;
    let figures: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    figures.ok().and_then(|figures| figures.try_into().ok()).with_context(|| format!("{line:?}"))
}

/// A program whose output is read.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let output = BufReader::new(child.stdout.take().context("stdout is piped")?);
        Ok(Self { child, output })
    }

    /// Its next line.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Waits for its end. Returns its further lines.
    pub(crate) fn finish(mut self) -> Result<Vec<String>> {
        let lines: std::io::Result<Vec<_>> = self.output.by_ref().lines().collect();
        let status = self.child.wait()?;
        ensure!(status.success(), "a program that was measured failed: {status}");
        Ok(lines?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it has ended already, unless something went wrong
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
