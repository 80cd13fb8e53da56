//! Several readers of one session: threads of a C program, and plugins in three languages in one process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};

use crate::{stream::HubTest, suite::Test};
use support::{
    PATIENCE,
    hub::{COMMUNITY, Hub, KEY, Kind, Setup, options},
    program::{command, compile, finish, host, library, run_silent},
    root, wait_for,
};

pub(crate) const TESTS: &[(&str, HubTest)] = &[("readers", come_and_go)];

/// These need Mono, its compiler, and LuaJIT.
pub(crate) const PLUGIN_TESTS: &[(&str, Test)] = &[("plugins", plugins)];

/// No event is lost or doubled while readers join, leave, and take each other's place.
fn come_and_go(kind: Kind) {
    let count = if kind == Kind::Local { 100_000 } else { 20_000 };
    let hub = Hub::start(kind, Setup::default());
    let mut program = command(&host("readers"));
    let program =
        program.arg(count.to_string()).arg(hub.options(1, json!({}))).spawn().expect("it is compiled");
    let connection = wait_for("a session", || hub.connections(1).pop());
    hub.burst(1, count);
    // or none any more, if the program is done
    let others = hub.connections(1).into_iter().filter(|other| *other != connection);
    assert_eq!(others.count(), 0, "one connection");
    let output = finish(program);
    let [text, errors] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && errors.is_empty(), "{}: {text}{errors}", output.status);
    eprintln!("{kind:?}::readers: of {count} pushes: {}", text.trim());
}

/// How many pushes the plugins read.
const PUSHES: usize = 10_000;

/// Push at most this many ahead of the plugin that restarts: some come while it is away.
const AHEAD: usize = 500;

/// A plugin in C, one in LuaJIT and one in C#, which restarts 50 times, read all pushes under their own filters
/// and bounds.
fn plugins() {
    let hub = sonoran_hub::Hub::start(sonoran_hub::Options::default()).expect("the hub starts");
    let with = |more: Value| options(hub.url(), 1, &more).to_string();
    let mut program = command("mono".as_ref());
    program.arg(plugin_host()).arg(library()).arg(c_plugin());
    program.args(["bindings/lua/sonoran.lua", "bindings/lua/tests/plugin.lua"].map(|path| root().join(path)));
    program.arg(PUSHES.to_string()).args([
        with(json!({"reader": "c"})),
        with(json!({"reader": "lua", "types": ["!EVENT_911"], "eventKey": "strip", "queueEvents": 20_000})),
        with(json!({"reader": "csharp", "types": ["event_911"], "queueEvents": 3_000, "queueBytes": 1_048_576})),
    ]);
    let mut program = program.spawn().expect("it is installed");
    let output = BufReader::new(program.stdout.take().expect("piped"));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let line = || lines.recv_timeout(PATIENCE).expect("a line of the plugins");
    assert_eq!(line(), "ready");
    assert!(hub.wait(hub.until(PATIENCE, |hub| hub.sessions().len() == 1)), "one connection");
    let (mut told, mut restarted_at) = (Vec::new(), 0);
    for number in 0..PUSHES {
        while number > restarted_at + AHEAD {
            let line = line();
            match line.strip_prefix("at ") {
                Some(at) => restarted_at = at.parse().expect("a number"),
                None => told.push(line),
            }
            assert!(!told.iter().any(|line| line.contains("failed")), "{told:?}");
        }
        let kind = if number % 4 == 0 { "EVENT_911" } else { "EVENT_UNIT_STATUS" };
        let body = format!(r#"{{"key":"{KEY}","type":"{kind}","data":{{"number":{number}}}}}"#);
        let delivered = hub.wait(hub.push(COMMUNITY, 1, &body, sonoran_hub::Shape::Verbatim));
        assert_eq!(delivered, sonoran_hub::Delivered::WebSocket);
    }
    let output = finish(program);
    told.extend(lines.iter().filter(|line| !line.starts_with("at ")));
    told.sort();
    assert_eq!(told, ["c 10000", "csharp 2500 after 50 restarts", "lua 7500"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    let authenticated = hub.calls().iter().filter(|call| call.method.starts_with("authenticate")).count();
    assert_eq!(authenticated, 1, "one connection from the first to the last");
}

/// Compiles `bindings/csharp/tests/host/Plugins.cs` with the C# binding, for Mono.
fn plugin_host() -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("Plugins.exe");
    let mut mcs = command("mcs".as_ref());
    mcs.args(["-langversion:7.2", "-unsafe", "-warnaserror"]).arg(format!("-out:{}", program.display()));
    mcs.arg(root().join("bindings/csharp/tests/host/Plugins.cs"))
        .arg(root().join("bindings/csharp/src/*.cs"));
    run_silent(&mut mcs);
    program
}

fn c_plugin() -> PathBuf {
    let source = root().join("tests/c/plugin.c");
    compile(&source, "plugin.so", &["-std=c99", "-shared", "-fPIC"], &library())
}
