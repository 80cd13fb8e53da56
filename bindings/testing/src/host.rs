//! Tests of a host in any language.
//!
//! A host under test is a program, run as `consumer URL MODE FILE` (MODE: poll or wait; FILE: - for none). It opens
//! one session with the option log: "debug", writes every event to FILE with a NUL byte after each, and prints these lines to stdout:
//!
//! - `ready`: the session is authenticated
//! - `mark N`: an event of the type `TEST_MARK` arrived, N pushes after the last one
//! - `saw EVENT`: a `SESSION_CALL_RESULT`, or an event of the type `EVENT_INGESTED`
//!
//! On an event of the type `TEST_CALL` it invokes echo with the one argument `[7,"x"]`, sends the location "Legion
//! Square" of the unit "u-1" by its communityUserId, and ingests [`INGESTED`]. On `TEST_END` it closes its session
//! and exits with 0. It does not outlive the hub: it fails on `SESSION_LOST`.

use std::{collections::HashMap, fs, path::Path, process::Command};

use serde_json::{json, value::RawValue};
use support::{
    control::Shape,
    hub::{Hub, KEY, Kind, Setup},
    not_run, wait_until,
};

use crate::{folder, include, run, running::Running, say, scratch};

const MARK: &str = r#"{"key":"demo-key","type":"TEST_MARK"}"#;
const CALL: &str = r#"{"key":"demo-key","type":"TEST_CALL"}"#;
const END: &str = r#"{"key":"demo-key","type":"TEST_END"}"#;

/// What a host ingests.
pub const INGESTED: &str = r#"{"key":"demo-key", "type":"EVENT_INGESTED","data":1.50}"#;

/// Microsoft's own SignalR server, or else the local hub.
fn other_hub(name: &str) -> Hub {
    let kind = match Kind::AspNet.missing() {
        None => Kind::AspNet,
        Some(why) => {
            not_run(&format!("{name}: {why}; the local hub takes its place"));
            Kind::Local
        }
    };
    Hub::start(kind, Setup::default())
}

/// The address that a consumer is run with.
fn address(hub: &Hub) -> String {
    hub.url().trim_end_matches("/apiWsHub").to_owned()
}

fn consumer(mut command: Command, hub: &Hub, mode: &str, file: &str) -> Running {
    let mut consumer = Running::start(command.args([&address(hub), mode, file]));
    consumer.says("session", |line| line == "ready");
    consumer
}

/// The recorded push events, and text that is hard to pass on unchanged.
fn bodies(name: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let fixtures = support::root().join("../shared/fixtures");
    for file in fs::read_dir(fixtures).into_iter().flatten().map_while(Result::ok) {
        for line in fs::read_to_string(file.path()).expect("a fixture").lines() {
            let line: HashMap<&str, &RawValue> = serde_json::from_str(line).expect("a fixture is JSON");
            bodies.push(line["payload"].get().to_owned());
        }
    }
    if bodies.is_empty() {
        not_run(&format!("{name}: the recorded push events are not in ../shared/fixtures"));
    }
    bodies.extend([
        r#"{"key":"demo-key","type":"EVENT_HARD","data":"zürich € 🚓"}"#.to_owned(),
        r#"{"key":"demo-key","type":"EVENT_HARD","data":"\ud83d\ude93 \u0000 \/ \" \\"}"#.to_owned(),
        r#"{"key":"demo-key","type":"EVENT_HARD","data":[1.0,1e400,-0,12345678901234567890123,0.1e-7,1.50]}"#
            .to_owned(),
        "{ \"key\" : \"demo-key\",\t\"type\":\"EVENT_HARD\" , \"data\":{\"b\":1,\"a\":2,\"b\":3,\"\":null} }"
            .to_owned(),
        format!(r#"{{"key":"demo-key","type":"EVENT_HARD","data":"{}"}}"#, "0".repeat(65536)),
        END.to_owned(),
    ]);
    bodies
}

/// Every event arrives byte for byte.
pub fn bytes(name: &str, command: impl Fn() -> Command) {
    let bodies = bodies(name);
    let hub = other_hub(name);
    let file = scratch(&format!("{name}-bytes")).join("events");
    for mode in ["poll", "wait"] {
        for shape in [Shape::Verbatim, Shape::String] {
            let consumer = consumer(command(), &hub, mode, file.to_str().expect("a path"));
            for body in &bodies {
                hub.push(1, body, shape);
            }
            consumer.finish();
            let got = fs::read_to_string(&file).expect("events are text");
            // the session's own events are not pushes
            let (own, pushes): (Vec<_>, Vec<_>) =
                got.split_terminator('\0').partition(|event| event.contains("\"type\":\"SESSION_"));
            assert!(own.iter().any(|event| event.contains("SESSION_LOG")), "{name} does not log: {own:?}");
            assert!(!own.iter().any(|event| event.contains(KEY)), "the key is in: {own:?}");
            assert_eq!(pushes.len(), bodies.len(), "{name}, pushed as {shape:?}, taken by {mode}");
            for (body, push) in bodies.iter().zip(pushes) {
                assert!(body == push, "pushed as {shape:?}, taken by {mode}: {body:.200} became {push:.200}");
            }
        }
    }
}

/// What the host sends reaches the hub, and what it ingests joins the events.
pub fn calls(name: &str, command: impl Fn() -> Command) {
    let hub = other_hub(name);
    let mut consumer = consumer(command(), &hub, "wait", "-");
    hub.push(1, CALL, Shape::Verbatim);
    consumer.says("result", |line| {
        line.starts_with("saw ")
            && line.contains("SESSION_CALL_RESULT")
            && line.contains(r#""result":[7,"x"]"#)
    });
    consumer.says("ingested event", |line| line == format!("saw {INGESTED}"));
    wait_until("unit's location at the hub", || {
        hub.unit_calls().iter().flat_map(|call| &call.units).any(|unit| unit["location"] == "Legion Square")
    });
    hub.push(1, END, Shape::Verbatim);
    consumer.finish();
}

/// 100,000 events of 1 kB leak nothing. They come in bursts of 1000, each taken before the next, so that a slow
/// host queues no more than 1 MB.
pub fn memory(name: &str, command: impl Fn() -> Command) {
    const WARM: usize = 20;
    let hub = Hub::start(Kind::Local, Setup::default());
    let mut consumer = consumer(command(), &hub, "poll", "-");
    let mut warm = 0;
    for burst in 1..=WARM + 100 {
        hub.burst_of(1, 1000, 1000);
        hub.push(1, MARK, Shape::Verbatim);
        consumer.says_often("mark", burst, |line| line == "mark 1000");
        if burst == WARM {
            warm = consumer.resident();
        }
    }
    let grown = consumer.resident() - warm;
    hub.push(1, END, Shape::Verbatim);
    consumer.finish();
    // leaking the smallest possible block per event would be 3125
    assert!(grown < 2500, "{name}: 100,000 events left {grown} KiB behind");
    say(&format!("{name}: 100,000 events, memory grew by {grown} KiB from {warm} KiB"));
}

/// The cost of polling, reading and freeing an event. The program's arguments are the options, EVENTS and ROUNDS.
/// It prints `round` when it wants EVENTS events, `ns X` when it has taken them, and optionally `empty X`, the cost
/// of an empty poll.
pub fn bench(name: &str, mut command: Command) {
    const EVENTS: usize = 50_000;
    const ROUNDS: usize = 5;
    let hub = Hub::start(Kind::Local, Setup::default());
    let options = hub.options(1, json!({ "queueEvents": 2 * EVENTS }));
    let mut program = Running::start(command.args([options, EVENTS.to_string(), ROUNDS.to_string()]));
    for round in 1..=ROUNDS {
        program.says_often("wish", round, |line| line == "round");
        hub.burst(1, EVENTS);
    }
    let lines = program.finish();
    let best = |figure: &str| {
        let figures = lines.iter().filter_map(|line| line.strip_prefix(figure)?.trim().parse::<u64>().ok());
        figures.min()
    };
    let ns = best("ns ").expect("it measured something");
    let empty = best("empty ").map_or_else(String::new, |ns| format!(", {ns} ns per empty poll"));
    say(&format!(
        "bench:   {name}: {ns} ns per event (polled, read, freed; best of {ROUNDS} rounds of {EVENTS}){empty}"
    ));
}

/// The same loop in C, for comparison. `library`: as the linker takes it.
pub fn bench_in_c(library: &Path) {
    let program = scratch("bench").join("bench_c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-I"]).arg(include()).arg("-o").arg(&program);
    gcc.arg(folder("bindings/testing").join("bench.c")).arg(library);
    run(gcc.arg(format!("-Wl,-rpath,{}", library.parent().expect("it lies in a folder").display())));
    bench("C", support::program::command(&program));
}
