//! Microsoft's own clients, unchanged, against the hub.

mod common;

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::DEADLINE;
use sonoran_hub::{Delivered, Hub, Options, Shape};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

#[test]
fn javascript() {
    let folder = Path::new(TESTS).join("js");
    if let Err(reason) = install(&folder) {
        not_run("the JavaScript client", &reason);
        assert!(
            env::var_os("SONORAN_ALLOW_MISSING").is_some_and(|value| value == "1"),
            "{reason}; SONORAN_ALLOW_MISSING=1 goes without"
        );
        return;
    }
    let mut client = Command::new("node");
    client.arg(folder.join("client.mjs"));
    serve(client);
}

/// Checks for node, and installs what package-lock.json names.
fn install(folder: &Path) -> Result<(), String> {
    run(Command::new("node").arg("--version"))?;
    let lock = folder.join("package-lock.json");
    // npm writes this file once everything is installed.
    let installed = folder.join("node_modules/.package-lock.json");
    let age = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    if age(&installed).is_some_and(|installed| Some(installed) >= age(&lock)) {
        return Ok(());
    }
    run(Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" }).arg("ci").current_dir(folder))?;
    Ok(())
}

#[test]
fn csharp() {
    let Some(dotnet) = dotnet() else {
        return not_run("the C# client", "there is no dotnet of version 10 or newer");
    };
    let build = Path::new(env!("CARGO_TARGET_TMPDIR")).join("csharp-client");
    let dotnet_on = |verb: &str| {
        let mut command = Command::new(&dotnet);
        command.args([verb, "--nologo", "--verbosity", "quiet", "--artifacts-path"]);
        command.arg(&build).arg(Path::new(TESTS).join("csharp/client.csproj"));
        command
    };
    if let Err(reason) = run(&mut dotnet_on("restore")) {
        return not_run("the C# client", &reason);
    }
    run(dotnet_on("build").arg("--no-restore")).unwrap();
    let mut client = Command::new(&dotnet);
    client.arg(build.join("bin/client/debug/client.dll"));
    serve(client);
}

/// The .NET SDK beside the checkout, or else the machine's own.
fn dotnet() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/dotnet/dotnet.sh");
    let new_enough = |dotnet: &PathBuf| {
        let version = run(Command::new(dotnet).arg("--version")).ok();
        let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        major.is_some_and(|major| major >= 10)
    };
    [beside, "dotnet".into()].into_iter().find(new_enough)
}

/// Runs a client that does its own checks, with a hub that restarts when the client asks for it.
fn serve(mut client: Command) {
    let mut hub = Hub::start(Options::default()).unwrap();
    let address = hub.http().trim_start_matches("http://").parse().unwrap();
    let mut client = client.arg(hub.http()).stdout(Stdio::piped()).spawn().unwrap();
    let mut passed = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "restart" {
            hub.stop();
            hub = Hub::start(Options { listen: address, ..Options::default() }).unwrap();
            assert!(hub.wait(hub.until(DEADLINE, |hub| hub.sessions().len() == 1)), "it comes back");
            assert_eq!(hub.wait(hub.push("demo", 4, "{\"n\":1}", Shape::Object)), Delivered::WebSocket);
        }
        passed.push(line);
    }
    let status = client.wait().unwrap();
    assert!(status.success(), "{status} after {passed:?}");
    assert_eq!(passed, ["negotiated", "direct", "redirected", "restart", "restarted"]);
}

/// What a command printed, or why it failed.
fn run(command: &mut Command) -> Result<String, String> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&text)))
        }
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// Bypasses the capture of output: a skipped test must not look like one that passed.
fn not_run(what: &str, reason: &str) {
    let _ = writeln!(io::stderr(), "NOT RUN: {what}: {reason}");
}
