//! Running other programs.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    iter,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::root;

/// How a line starts that says what a test did not do, and why.
pub(crate) const NOT_RUN: &str = "NOT RUN:";

/// A program to be run in the workspace's root.
///
/// `cargo run` told us about our own package and put its folders into the search path for libraries. Handed on, the
/// first makes build scripts run again, and the second makes a C program load another library than it was linked to.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (key, _) in env::vars_os() {
        let ours = key
            .to_str()
            .is_some_and(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_"));
        if ours || key == "LD_LIBRARY_PATH" {
            command.env_remove(key);
        }
    }
    command.current_dir(root());
    command
}

/// Cargo with these arguments, separated by spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.args(arguments.split(' '));
    command
}

/// Runs a program to its end, shows what it prints, and returns what it said that it did not run.
pub(crate) fn run(mut command: Command) -> Result<Vec<String>> {
    let name = shown(&command);
    // one pipe for both, so that the order stays
    let (output, input) = io::pipe().context("cannot open a pipe")?;
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    drop(command);

    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut not_run = Vec::new();
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let mut stdout = io::stdout().lock();
            // a reader that has left is no reason to stop
            let _ = stdout.write_all(&[&line, &b"\n"[..]].concat());
            let line = String::from_utf8_lossy(&line);
            if line.starts_with(NOT_RUN) {
                not_run.push(line.into_owned());
            }
        }
        done.send(not_run)
    });

    let status = child.wait()?;
    let Ok(not_run) = ended.recv_timeout(Duration::from_secs(20)) else {
        bail!("{name} ended, but left a process behind that still holds its output");
    };
    ensure!(status.success(), "{name} failed: {status}");
    Ok(not_run)
}

/// The lines of an output as they come, so that a wait for one can end.
pub(crate) fn lines(output: impl BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    // it ends with the output, or with the receiver
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

/// What a program prints to stdout, if it succeeds.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let name = shown(&command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}: {}", output.status, said.trim());
    String::from_utf8(output.stdout).with_context(|| format!("{name} does not print text"))
}

/// Whether a program runs and succeeds; nothing of it is shown.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = command(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = iter::once(program).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

/// A program in the background, which ends with this value at the latest.
#[derive(Debug)]
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let name = shown(&command);
        Ok(Self(command.spawn().with_context(|| format!("cannot start {name}"))?))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Does what Ctrl-C does.
    #[cfg_attr(unix, allow(clippy::needless_pass_by_ref_mut, reason = "Windows needs it"))]
    pub(crate) fn interrupt(&mut self) -> Result<()> {
        #[cfg(unix)]
        {
            use nix::{
                sys::signal::{Signal, kill},
                unistd::Pid,
            };
            kill(Pid::from_raw(i32::try_from(self.0.id())?), Signal::SIGINT)?;
        }
        #[cfg(not(unix))]
        self.0.kill()?;
        Ok(())
    }

    /// Waits for the end of the program, for so long at most.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + at_most;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("a program did not end within {} s of being asked to", at_most.as_secs())
    }

    /// The first line that the program prints to a piped stdout.
    pub(crate) fn first_line(&mut self) -> Result<String> {
        let stdout = self.0.stdout.as_mut().context("stdout is not piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // it has ended already, unless something went wrong
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
