//! Runs an example program against a hub that pushes events, and ends it as a user would.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{hub::Hub, process::Background};

/// How the user ends an example.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goodbye {
    Interrupt,
    Enter,
    /// It does not end by itself.
    Kill,
}

/// How long to wait for an example's output, or for its exit.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs an example until it has shown an event, then ends it.
pub(crate) fn run(name: &str, hub: &Path, mut program: Command, goodbye: Goodbye) -> Result<()> {
    let hub = Hub::start(hub, 50)?;
    program.args(["demo", "1", &hub.url()]).env("SONORAN_API_KEY", "demo-key");
    program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = Background::start(program)?;
    let output = program.child().stdout.take().context("stdout is piped")?;
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(output).lines().map_while(Result::ok) {
            if line.send(text).is_err() {
                break;
            }
        }
    });

    let deadline = Instant::now() + PATIENCE;
    let mut awaited = vec!["SESSION_READY", "EVENT_"];
    if goodbye != Goodbye::Kill {
        awaited.push("SESSION_CLOSED");
    }
    let mut seen = 0;
    while let Some(word) = awaited.get(seen) {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(text) = lines.recv_timeout(left) else { bail!("{name} showed no {word}") };
        if text.contains(word) {
            println!("    {}", text.chars().take(110).collect::<String>());
            seen += 1;
            if *word == "EVENT_" {
                say_goodbye(&mut program, goodbye)?;
            }
        }
    }
    if goodbye != Goodbye::Kill {
        let status = program.wait(PATIENCE).with_context(|| name.to_owned())?;
        ensure!(status.success(), "{name} failed: {status}");
    }
    drop(program);
    hub.stop(PATIENCE)?;
    println!("ok       {name}");
    Ok(())
}

fn say_goodbye(program: &mut Background, goodbye: Goodbye) -> Result<()> {
    match goodbye {
        Goodbye::Interrupt => program.interrupt(),
        Goodbye::Enter => {
            let mut input = program.child().stdin.take().context("stdin is piped")?;
            Ok(input.write_all(b"\n")?)
        }
        Goodbye::Kill => Ok(()),
    }
}
