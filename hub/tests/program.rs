//! The hub as a program.

mod common;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
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
