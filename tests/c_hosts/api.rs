//! The functions and the header: what they accept and what they refuse.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::json;

use crate::suite::Test;
use support::{
    control::Shape,
    hub::{Hub, Kind, Setup},
    program::{command, compile, finish, host, library, run, run_silent},
    root, wait_for,
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("exports", exports),
    ("header", header),
    ("handles", handles),
    ("bad_input", || bad_input(plainly)),
    ("bad_calls", || bad_calls(plainly)),
    ("readme", readme),
    ("demo", demo),
];

pub(crate) const VALGRIND_TESTS: &[(&str, Test)] = &[
    ("valgrind::bad_input", || bad_input(under_valgrind)),
    ("valgrind::bad_calls", || bad_calls(under_valgrind)),
];

/// The header's functions, each with its declaration.
pub(crate) fn functions() -> Vec<(String, String)> {
    let header = fs::read_to_string(root().join("include/sonoran.h")).expect("include/sonoran.h");
    let functions = header.split("\nSONORAN_API ").skip(1).map(|rest| {
        let declaration = rest.split(';').next().expect("a declaration").to_owned();
        let name = declaration.split('(').next().and_then(|head| head.rsplit([' ', '*']).next());
        (name.expect("a name").to_owned(), declaration)
    });
    functions.collect()
}

/// The library exports the header's functions and nothing that could clash with the host.
fn exports() {
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(library()).output();
    let output = output.expect("nm is needed (Debian: binutils)");
    let symbols = String::from_utf8(output.stdout).expect("text");
    let symbols: BTreeSet<_> = symbols.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let functions = functions();
    let functions: BTreeSet<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
    assert!(functions.contains("sonoran_connect"));
    assert_eq!(symbols, functions);
}

/// The header compiles alone, and when included twice, in every language that it supports.
fn header() {
    let source = root().join("tests/c/twice.c");
    for (name, language) in [("c99", "c"), ("c11", "c"), ("c17", "c"), ("c++17", "c++"), ("c++20", "c++")] {
        let program = compile(
            &source,
            &format!("twice-{name}"),
            &["-x", language, &format!("-std={name}")],
            &library(),
        );
        run_silent(&mut command(&program));
    }
}

/// Numbers that are not sessions give an error in every function that takes one.
fn handles() {
    let source = fs::read_to_string(root().join("tests/c/handles.c")).expect("tests/c/handles.c");
    for (name, declaration) in functions() {
        let takes_one = declaration.contains("sonoran_session session");
        assert!(!takes_one || source.contains(&format!("{name}(number")), "handles.c does not call {name}");
    }
    let hub = Hub::start(Kind::Local, Setup::default());
    run("handles", &[&hub.options(1, json!({}))]);
}

/// Every wrong argument of `sonoran_connect`, beside a session that still gets its event.
fn bad_input(run: Run) {
    let hub = Hub::start(Kind::Local, Setup::default());
    let mut command = run("bad_input");
    command.args([hub.options(1, json!({})), hub.options(1, json!({"replace": false}))]);
    let child = command.spawn().expect("it is installed");
    wait_for("session", || hub.connections(1).pop());
    hub.push(1, r#"{"type":"EVENT_TONE"}"#, Shape::Verbatim);
    let output = finish(child);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.is_empty(), "{}: {text}", output.status);
}

/// Every wrong argument of the functions that send.
fn bad_calls(run: Run) {
    let hub = Hub::start(Kind::Local, Setup::default());
    run_silent(run("bad_calls").arg(hub.options(1, json!({"log": "debug"}))));
}

/// Returns the command that runs a host.
type Run = fn(&str) -> Command;

fn plainly(name: &str) -> Command {
    command(&host(name))
}

/// Fails on an invalid access and on a leak.
fn under_valgrind(name: &str) -> Command {
    let mut command = command("valgrind".as_ref());
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect"]);
    command.arg(host(name));
    command
}

/// The README's program is a C program.
fn readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let program =
        readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a C program");
    let source = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.c");
    fs::write(&source, program).expect("the target folder can be written");
    compile(&source, "readme", &["-std=c99"], &library());
}

/// The example shows events and ends cleanly on Ctrl-C, even on a second one.
fn demo() {
    let hub = Hub::start(Kind::Local, Setup::default());
    let source = root().join("examples/c/sonoran_demo.c");
    let program = compile(&source, "sonoran_demo", &["-std=c99"], &library());
    let mut demo = command(&program);
    demo.args(["demo", "1", &hub.url()]).env("SONORAN_API_KEY", "demo-key");
    let demo = demo.spawn().expect("it is compiled");
    wait_for("session", || hub.connections(1).pop());
    let payload = r#"{"key":"demo-key","data":{"call":{"caller":"J\"D","type":"x"}},"type":"EVENT_911"}"#;
    hub.push(1, payload, Shape::Verbatim);
    let pid = i32::try_from(demo.id()).expect("a process id");
    for _ in 0..2 {
        // SAFETY: it only sends a signal, to our own child, which nobody has waited for yet.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    }
    let output = finish(demo);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && output.stderr.is_empty(), "{}: {text}", output.status);
    let types: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(types, ["SESSION_READY", "EVENT_911", "SESSION_CLOSED"], "{text}");
    assert!(
        text.contains(r#"{"call":{"caller":"J\"D","type":"x"}}"#) && !text.contains("demo-key"),
        "{text}"
    );
}
