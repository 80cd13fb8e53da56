//! A running program and its output.

use std::{
    io::{BufRead, BufReader, Read, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use support::wait_for;

/// Killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    complained: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (said, complained) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), Arc::clone(&said)),
            collect(child.stderr.take().expect("piped"), Arc::clone(&complained)),
        ];
        Self { stdin: child.stdin.take(), child, said, complained, readers }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines that it has printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has printed a matching line.
    pub fn says(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        self.says_often(what, 1, is_so)
    }

    /// Waits until it has printed `count` matching lines, and returns the last of them.
    pub fn says_often(&mut self, what: &str, count: usize, is_so: impl Fn(&str) -> bool) -> String {
        wait_for(&format!("{what} (number {count})"), || {
            // checked first, so that its last lines count
            let ended = self.readers.iter().all(JoinHandle::is_finished);
            let found = self.lines().into_iter().filter(|line| is_so(line)).nth(count - 1);
            assert!(found.is_some() || !ended, "it ended without {what}: {}", self.everything());
            found
        })
    }

    /// Writes a line to its stdin.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is not finished");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupt(&self) {
        crate::run(Command::new("sh").args(["-c", &format!("kill -INT {}", self.id())]));
    }

    /// Waits for it to end; it must succeed. Returns its lines.
    pub fn finish(mut self) -> Vec<String> {
        drop(self.stdin.take());
        let status = wait_for("end of a program", || self.child.try_wait().expect("it is our child"));
        for reader in self.readers.drain(..) {
            reader.join().expect("a pipe can be read");
        }
        assert!(status.success(), "{status}: {}", self.everything());
        self.lines()
    }

    /// Its resident memory in KiB.
    pub fn resident(&self) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn everything(&self) -> String {
        let complaints = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = [self.lines(), complaints.clone()].concat();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it has ended already, unless something went wrong
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    })
}
