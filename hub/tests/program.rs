//! The hub as a program.

mod common;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[tokio::test]
async fn it_says_where_it_listens_and_stops_with_its_stdin() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sonoran-hub"))
        .args(["--stop-on-eof", "--community", "a:b", "--community", "c:d:e", "--servers", "1,3-5"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening ").unwrap();
    assert!(address.starts_with("http://127.0.0.1:"), "{line}");
    assert_eq!(common::http("GET", &format!("{address}/control/health"), "").await.1, "ok");

    let mut client = common::Client::connect(&format!("ws{}/apiWsHub", &address["http".len()..])).await;
    client.shake_hands().await;
    for (arguments, success) in [("\"c\",\"d:e\",\"3\"", true), ("\"a\",\"b\",2", false)] {
        assert_eq!(client.call("authenticate", arguments).await["result"]["success"], success, "{arguments}");
    }
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

#[test]
fn it_refuses_what_it_does_not_understand() {
    for arguments in [
        ["--community", "no-key"],
        ["--servers", "0"],
        ["--servers", "5-1"],
        ["--stream", "0"],
        ["--keep-alive", "soon"],
        ["--cert", "without-key.pem"],
        ["--methods", "v3"],
    ] {
        let program = Command::new(env!("CARGO_BIN_EXE_sonoran-hub")).args(arguments).output().unwrap();
        assert_eq!(program.status.code(), Some(2), "{arguments:?}");
        let complaint = String::from_utf8_lossy(&program.stderr).into_owned();
        assert!(complaint.contains(arguments[0]), "{complaint}");
    }
}

fn start(arguments: &[&str]) -> (std::process::Child, serde_json::Value) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sonoran-hub"))
        .args([&["--json", "--stop-on-eof"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (program, serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
}

#[test]
fn it_is_there_within_100_ms_and_prints_its_port_as_json() {
    // the fastest of many starts is the least affected by the machine's load
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let (mut program, line) = start(&[]);
        times.push(started.elapsed());
        let port = line["port"].as_u64().unwrap();
        assert_eq!(line["http"], format!("http://127.0.0.1:{port}"));
        assert_eq!(line["url"], format!("ws://127.0.0.1:{port}/apiWsHub"));
        drop(program.stdin.take());
        assert!(program.wait().unwrap().success());
    }
    let fastest = times.iter().min().unwrap();
    println!("the hub listens after {fastest:?}");
    assert!(*fastest < Duration::from_millis(100), "{times:?}");
}

#[cfg(unix)]
#[test]
fn it_ends_with_its_parent() {
    // the shell is the parent: it ends once the hub has printed where it listens
    let hub = env!("CARGO_BIN_EXE_sonoran-hub");
    let script = format!("{hub} --with-parent --json < /dev/null & read line; kill -9 $$");
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(shell.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"port\""), "{line}");
    drop(shell.stdin.take());
    // its output ends when the hub does
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(std::io::Read::read_to_end(&mut stdout, &mut Vec::new())));
    end.recv_timeout(common::DEADLINE).expect("the hub ends").unwrap();
    let _ = shell.wait();
}
