//! `sonoran.lua` with LuaJIT, its rockspec, and `examples/lua`.

use std::{fs, os::unix::fs::symlink, process::Command};

use support::{
    control::Shape,
    hub::{Hub, Kind, Setup},
    not_run,
    program::library,
    wait_until,
};
use testing::{
    attempt, folder, host, include, lacks, program, run, running::Running, scratch, unusable, version,
};

/// A script of the binding's tests.
fn luajit(script: &str) -> Command {
    let binding = folder("bindings/lua");
    let mut luajit = program("luajit", &binding);
    luajit.env("LUA_PATH", binding.join("?.lua;;")).env("SONORAN_LIBRARY", library()).arg(script);
    luajit
}

fn consumer() -> Command {
    luajit("tests/consumer.lua")
}

/// The declarations equal the header's; JSON, ownership, streams, and the sentence of every failure.
#[test]
fn api() {
    if !lacks(&["luajit", "gcc"], "sonoran.lua") {
        run(luajit("tests/api.lua").arg(include()).arg(unusable::folder_of("lua")));
    }
}

/// The README's code is valid Lua.
#[test]
fn readme() {
    if lacks(&["luajit"], "bindings/lua/README.md") {
        return;
    }
    let readme = fs::read_to_string(folder("bindings/lua").join("README.md")).expect("README.md");
    let shown: Vec<_> =
        readme.split("```lua\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(shown.len(), 2, "pieces of Lua");
    let source = scratch("lua-readme").join("readme.lua");
    // the second piece continues the first
    fs::write(&source, shown.join("\n")).expect("it can be written");
    run(program("luajit", &folder("bindings/lua")).arg("-bl").arg(&source));
}

#[test]
fn bytes() {
    if !lacks(&["luajit"], "sonoran.lua: events byte for byte") {
        host::bytes("LuaJIT", consumer);
    }
}

#[test]
fn calls() {
    if !lacks(&["luajit"], "sonoran.lua: calls") {
        host::calls("LuaJIT", consumer);
    }
}

#[test]
fn memory() {
    if !lacks(&["luajit"], "sonoran.lua: memory") {
        host::memory("LuaJIT", consumer);
    }
}

#[test]
fn bench() {
    if !lacks(&["luajit", "gcc"], "sonoran.lua: what an event costs") {
        host::bench_in_c(&library());
        host::bench("LuaJIT", luajit("tests/bench.lua"));
    }
}

/// An example laid out as a user would: with `sonoran.lua` and the library beside it.
fn example(name: &str, hub: &Hub) -> Running {
    let user = scratch(name);
    fs::copy(folder("examples/lua").join(name), user.join(name)).expect("the example is there");
    fs::copy(folder("bindings/lua").join("sonoran.lua"), user.join("sonoran.lua"))
        .expect("the binding is there");
    symlink(library(), user.join("libsonoran.so")).expect("a link can be made");
    let mut luajit = program("luajit", &user);
    luajit.env("SONORAN_API_KEY", "demo-key").env_remove("SONORAN_LIBRARY").env("LUA_PATH", "./?.lua");
    let mut example = Running::start(luajit.args([name, "demo", "1", &hub.url()]));
    example.says("session", |line| line.contains(r#""type":"SESSION_READY""#));
    let body = r#"{"key":"demo-key","type":"EVENT_911","data":{"call":{"callId":7}}}"#;
    hub.push(1, body, Shape::Verbatim);
    example.says("event", |line| line == body);
    example
}

#[test]
fn examples() {
    if lacks(&["luajit"], "examples/lua") {
        return;
    }
    let hub = Hub::start(Kind::Local, Setup::default());
    drop(example("example.lua", &hub));
    drop(example("coroutines.lua", &hub));
    // the other coroutine gets its turns, too
    wait_until("unit's locations at the hub", || !hub.unit_calls().is_empty());
}

/// One luv loop for many sessions sleeps while nothing happens.
#[test]
fn event_loop() {
    const SESSIONS: u32 = 100;
    if lacks(&["luajit", "strace"], "examples/lua/event_loop.lua") {
        return;
    }
    if !attempt(program("luajit", &folder("bindings/lua")).args(["-e", "require('luv')"])).0 {
        return not_run("examples/lua/event_loop.lua: LuaJIT finds no luv (Debian: lua-luv)");
    }
    let hub = Hub::start(Kind::Local, Setup::default());
    let trace = scratch("luv").join("waits");
    let mut command = program("strace", &folder("examples/lua"));
    command
        .args(["-e", "trace=epoll_wait,epoll_pwait,poll", "-o"])
        .arg(&trace)
        .arg("luajit")
        .arg("event_loop.lua");
    command.env("SONORAN_API_KEY", "demo-key").env("SONORAN_LIBRARY", library());
    command.env("LUA_PATH", folder("bindings/lua").join("?.lua;;"));
    let servers: Vec<_> = (1..=SESSIONS).map(|server| server.to_string()).collect();
    let mut running = Running::start(command.args(["demo", &servers.join(","), &hub.url()]));
    let ready = |line: &str| line.contains("SESSION_READY");
    running.says_often("session", SESSIONS as usize, ready);
    // strace follows only luv's thread. Counts the waits that it has begun.
    let waits = || fs::read_to_string(&trace).expect("a trace").lines().count();
    let body = |number: usize| format!(r#"{{"type":"EVENT_911","data":{number}}}"#);
    let mut before = 0;
    for number in 0..3 {
        hub.push(77, &body(number), Shape::Verbatim);
        running.says("event", |line| line == body(number));
        before = waits();
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    let woken = waits() - before;
    assert!(woken <= 2, "the loop woke up {woken} times while nothing happened");
}

/// The rock installs, and the installed file loads.
#[test]
fn rock() {
    let version = version();
    let rockspec = format!("sonoran-{version}-1.rockspec");
    assert!(
        folder("bindings/lua").join(&rockspec).exists(),
        "sonoran.h is of version {version}: rename the rockspec"
    );
    if lacks(&["luarocks", "luajit"], "the rockspec") {
        return;
    }
    let tree = scratch("rocks");
    let luarocks = || program("luarocks", &folder("bindings/lua"));
    run(luarocks().arg("lint").arg(&rockspec));
    run(luarocks().args(["--lua-version", "5.1", "--tree"]).arg(&tree).arg("make").arg(&rockspec));
    let installed = tree.join("share/lua/5.1/?.lua");
    let script = format!(
        "assert(assert(require('sonoran').load(os.getenv('SONORAN_LIBRARY'))).VERSION == '{version}')"
    );
    let mut luajit = program("luajit", &tree);
    let (loads, said) =
        attempt(luajit.env("LUA_PATH", installed).env("SONORAN_LIBRARY", library()).args(["-e", &script]));
    assert!(loads, "{said}");
}
