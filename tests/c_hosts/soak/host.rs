//! The host `tests/c/soak.c` with its sessions.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ExitStatus, Stdio},
    sync::mpsc::Sender,
    thread,
};

use serde_json::Value;
use support::program::{command, finish, host, signal};

/// An event, with the index of its host, the life of that host, and the index of its session.
pub(crate) struct Polled {
    pub(crate) host: usize,
    pub(crate) life: u64,
    pub(crate) session: usize,
    pub(crate) event: Value,
}

/// A running host. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Host {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
}

/// What a process has, by the operating system's account.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resources {
    pub(crate) memory_kib: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
}

impl Resources {
    /// Of each the larger one.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(other.memory_kib),
            threads: self.threads.max(other.threads),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

impl Host {
    pub(crate) fn start(index: usize, life: u64, options: &[String], polled: Sender<Polled>) -> Self {
        let mut command = command(&host("soak"));
        let mut child = command.args(options).stdin(Stdio::piped()).spawn().expect("it is compiled");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            while let Some((session, event)) = read(&mut stdout) {
                if polled.send(Polled { host: index, life, session, event }).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child: Some(child), stdin }
    }

    fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Its readers pause for this long.
    pub(crate) fn pause_reading(&mut self, millis: u64) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{millis}").expect("the host runs");
    }

    /// Asks it to close its sessions and end.
    pub(crate) fn leave(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits for its end, and returns what it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let output = finish(self.child.take().expect("it ends once"));
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn resources(&self) -> Resources {
        let process = format!("/proc/{}", self.id());
        let status = fs::read_to_string(format!("{process}/status")).expect("the host runs");
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux has it");
            line.split_whitespace().next().and_then(|figure| figure.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("{process}/fd")).expect("the host runs").count();
        Resources {
            memory_kib: figure("VmRSS:"),
            threads: figure("Threads:"),
            descriptors: u64::try_from(descriptors).expect("a small number"),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // it was killed on purpose, or something went wrong
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Reads "SESSION LENGTH\n" and LENGTH bytes. A host that is killed may leave half of that.
fn read(stdout: &mut impl BufRead) -> Option<(usize, Value)> {
    let mut line = String::new();
    stdout.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (session, length) = line.trim_end().split_once(' ')?;
    let mut bytes = vec![0; length.parse().ok()?];
    stdout.read_exact(&mut bytes).ok()?;
    Some((session.parse().ok()?, serde_json::from_slice(&bytes).ok()?))
}
