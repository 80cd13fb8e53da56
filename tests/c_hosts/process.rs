//! What the library promises the process that loads it.

use std::fs;

use serde_json::json;

use crate::suite::Test;
use support::{
    control::Shape,
    hub::{Hub, Kind, Setup},
    program::{command, compile, finish, host, library, run, run_silent},
    root, wait_for,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("process", process),
    ("signals", signals),
    ("limits", limits),
    ("silent", silent),
    ("unload", unload),
    ("forking", forking),
    ("panic", panic),
];

fn hub() -> Hub {
    Hub::start(Kind::Local, Setup::default())
}

/// Threads, signals, and a start after a shutdown.
fn process() {
    run("process", &[&hub().options(1, json!({}))]);
}

/// No signal handler of the host runs on a thread of the library, from its first instruction on.
fn signals() {
    run("signals", &[&hub().options(1, json!({}))]);
}

/// If the system refuses a thread, only the call or the attempt that needs it fails.
fn limits() {
    let hub = hub();
    let named = hub.options(2, json!({"retryMaxMs": 50})).replace("127.0.0.1", "localhost");
    run("limits", &[&hub.options(1, json!({})), &named]);
}

/// Nothing goes to stdout or stderr, wherever they lead, not even with `log` or on failures.
fn silent() {
    let hub = hub();
    let child = command(&host("silent"))
        .arg(hub.options(1, json!({"log": "debug"})))
        .spawn()
        .expect("it is compiled");
    wait_for("session", || hub.connections(1).pop());
    hub.push(1, r#"{"type":"EVENT_TONE"}"#, Shape::Verbatim);
    let output = finish(child);
    assert!(output.status.success(), "{}", output.status);
    assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
}

/// dlclose in a loop, with open sessions, and with threads that end after it.
fn unload() {
    let hub = hub();
    let program = compile(&root().join("tests/c/unload.c"), "unload", &["-std=c99"], &library());
    run_silent(command(&program).arg(library()).arg(hub.options(1, json!({"keepAliveMs": 100}))));
}

/// A child of a process that has connected gets an error from every function at once, and holds none of the
/// connections.
fn forking() {
    let source = fs::read_to_string(root().join("tests/c/forking.c")).expect("tests/c/forking.c");
    for (name, _) in crate::api::functions() {
        assert!(source.contains(&format!("{name}(")), "forking.c does not call {name}");
    }
    let hub = hub();
    let child = command(&host("forking")).args([1, 2].map(|server| hub.options(server, json!({})))).spawn();
    wait_for("session of the parent", || hub.connections(2).pop());
    hub.push(2, r#"{"type":"EVENT_TONE"}"#, Shape::Verbatim);
    let output = finish(child.expect("it is compiled"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.is_empty(), "{}: {text}", output.status);
}

/// A panic in a call becomes an error code. The host and its sessions live on.
fn panic() {
    let hub = hub();
    run("panic", &[&hub.options(1, json!({})), &hub.options(2, json!({}))]);
}
