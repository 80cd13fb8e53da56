//! The program `sonoran`, entered as its manual says.

use std::{
    env,
    io::BufReader,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    commands,
    consumers::unpacked::Unpacked,
    hub::Hub,
    process::{Background, lines, run},
    workspace::write,
};

/// How long the program may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(20);
/// How long the documents' commands may take for what they show.
const PATIENCE: Duration = Duration::from_secs(120);

/// Enters the documents' commands in the folder of a `server.cfg`, against a local hub.
pub(crate) fn test(release: &Unpacked) -> Result<()> {
    let folder = release.scratch.join("program");
    let hub = Hub::start(&release.hub, 200)?;
    let cfg = format!(
        "set sonoran_communityID demo\nset sonoran_apiKey demo-key\nset sonoran_serverId 1\nset sonoran_options {{\"url\":\"{}\"}}\n",
        hub.url()
    );
    write(&folder.join("server.cfg"), cfg)?;
    let programs = release.folder.join("bin/linux-x64");
    for document in ["README.md", "docs/program.md"] {
        run(shell(document, "sonoran check", &folder, &programs)?)?;
    }
    let mut tail = shell("README.md", "sonoran tail", &folder, &programs)?;
    tail.stdin(Stdio::null()).stdout(Stdio::piped());
    follow(Background::start(tail)?)?;
    hub.stop(GRACE)?;
    println!("ok       the program sonoran, by the commands of its documents");
    Ok(())
}

/// Reads events until there are some, and ends the program with Ctrl-C.
fn follow(mut tail: Background) -> Result<()> {
    const EVENTS: usize = 3;
    let stdout = tail.child().stdout.take().context("stdout is piped")?;
    let lines = lines(BufReader::new(stdout));
    let (mut events, mut closed) = (0, false);
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        println!("    {line}");
        closed |= line.contains("SESSION_CLOSED");
        if line.contains("EVENT_") {
            events += 1;
            if events == EVENTS {
                tail.interrupt()?;
            }
        }
    }
    ensure!(events >= EVENTS && closed, "sonoran tail showed {events} events, and closed: {closed}");
    let status = tail.wait(GRACE)?;
    ensure!(status.success(), "sonoran tail failed: {status}");
    Ok(())
}

fn shell(document: &str, start: &str, folder: &Path, programs: &Path) -> Result<Command> {
    let mut shell = commands::shell(document, &[start], folder)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs.to_owned()].into_iter().chain(env::split_paths(&path)))?;
    shell.env("PATH", path);
    Ok(shell)
}
