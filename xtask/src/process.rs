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

/// The start of a line that says what a test did not run, and why.
pub(crate) const NOT_RUN: &str = "NOT RUN:";

/// A program that runs longer has hung. The longest step takes a quarter of this.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// A program to run in the workspace's root.
///
/// `cargo run` sets variables for this package and adds its folders to the library search path. If passed on, the
/// variables make build scripts run again, and the path makes a C program load a library that it was not linked to.
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

/// Runs a program to its end, shows its output, and returns its `NOT RUN:` lines.
pub(crate) fn run(command: Command) -> Result<Vec<String>> {
    run_within(LIMIT, command)
}

/// The same beside others: its lines say whose they are.
pub(crate) fn run_beside(name: &str, command: Command) -> Result<Vec<String>> {
    run_named(&format!("{name}: "), LIMIT, command)
}

/// The same as `run` for a program that may take longer, or must not take as long.
pub(crate) fn run_within(limit: Duration, command: Command) -> Result<Vec<String>> {
    run_named("", limit, command)
}

fn run_named(whose: &str, limit: Duration, mut command: Command) -> Result<Vec<String>> {
    let whose = whose.as_bytes().to_vec();
    let name = shown(&command);
    // one pipe for both keeps the lines in order
    let (output, input) = io::pipe().context("cannot open a pipe")?;
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    drop(command);

    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let mut not_run = Vec::new();
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let mut stdout = io::stdout().lock();
            // a closed stdout must not stop the program
            let _ = stdout.write_all(&[&whose, &line, &b"\n"[..]].concat());
            let line = String::from_utf8_lossy(&line);
            if line.starts_with(NOT_RUN) {
                not_run.push(line.into_owned());
            }
        }
        done.send(not_run)
    });

    let mut running = Background(child);
    let status = running.wait(limit).with_context(|| format!("{name} hangs"))?;
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

/// Whether a program runs and succeeds. Hides its output.
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

/// A program in the background. Dropping this value kills it.
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

    /// Waits for the program to end, at most this long.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + at_most;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("it did not end within {} s", at_most.as_secs())
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
