//! The hub as a program: `sonoran-hub`, and `sonoran hub`.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{hub::Hub, options::Options};

/// How often to check the parent.
const PARENT: Duration = Duration::from_millis(100);

/// The arguments of the program.
#[derive(Clone, Debug, clap::Args)]
pub struct Program {
    #[command(flatten)]
    hub: Options,

    /// Print where it listens as one line of JSON: {"port":...,"http":...,"url":...}
    #[arg(long)]
    json: bool,

    /// Stop when stdin ends, so that the hub does not outlive a test that died
    #[arg(long)]
    stop_on_eof: bool,

    /// Stop when the process that started it ends (not on Windows: use --stop-on-eof there)
    #[arg(long)]
    with_parent: bool,
}

impl Program {
    /// Runs a hub until it is told to stop.
    ///
    /// # Errors
    /// If it cannot start, or cannot print where it listens.
    pub fn run(self) -> io::Result<()> {
        let parent = parent();
        if self.with_parent && parent.is_none() {
            return Err(io::Error::other("--with-parent does not work on this system: use --stop-on-eof"));
        }
        let hub = Hub::start(self.hub)?;
        // in one write: whoever reads only the first line may be gone before a second write
        let mut stdout = io::stdout();
        stdout.write_all(announcement(&hub, self.json).as_bytes())?;
        stdout.flush()?;
        if self.with_parent {
            thread::spawn(move || {
                while self::parent() == parent {
                    thread::sleep(PARENT);
                }
                std::process::exit(0);
            });
        }
        if self.stop_on_eof {
            io::copy(&mut io::stdin(), &mut io::sink())?;
            return Ok(());
        }
        loop {
            thread::park();
        }
    }
}

fn announcement(hub: &Hub, json: bool) -> String {
    let port = hub.http().rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    if json {
        return format!(
            "{}\n",
            json!({ "port": port, "http": hub.http(), "url": hub.url(), "page": hub.page() })
        );
    }
    let mut lines: String = hub.addresses().iter().map(|address| format!("listening {address}\n")).collect();
    lines.push_str(&format!("page {}\n", hub.page()));
    lines
}

#[cfg(unix)]
fn parent() -> Option<i32> {
    rustix::process::getppid().map(|id| id.as_raw_nonzero().get())
}

#[cfg(not(unix))]
fn parent() -> Option<i32> {
    None
}
