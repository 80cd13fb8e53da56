//! The other direction: unit locations, calls to the hub, and pushes by HTTP.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{self, Receiver},
    },
    thread,
};

use serde_json::{Value, json};

use crate::stream::HubTest;
use support::{
    PATIENCE,
    control::UnitCall,
    hub::{Hub, Kind, Setup, lasting_port},
    program::{command, finish, host, library, run_silent},
    root, wait_for,
};

pub(crate) const TESTS: &[(&str, HubTest)] = &[
    ("units", |kind| units(kind, Language::C)),
    ("units_hub_killed", |kind| units_hub_killed(kind, Language::C)),
    ("calls", calls),
    ("posted", posted),
];

/// These need LuaJIT.
pub(crate) const LUA_TESTS: &[(&str, HubTest)] = &[
    ("lua::units", |kind| units(kind, Language::Lua)),
    ("lua::units_hub_killed", |kind| units_hub_killed(kind, Language::Lua)),
];

/// These need Mono and its compiler.
pub(crate) const CSHARP_TESTS: &[(&str, HubTest)] = &[
    ("csharp::units", |kind| units(kind, Language::CSharp)),
    ("csharp::units_hub_killed", |kind| units_hub_killed(kind, Language::CSharp)),
];

/// The host's language. `tests/c/outbound.c` and the bindings' tests hold the same program.
#[derive(Debug, Clone, Copy)]
enum Language {
    C,
    Lua,
    CSharp,
}

impl Language {
    fn host(self) -> Command {
        match self {
            Self::C => command(&host("outbound")),
            Self::Lua => {
                let mut luajit = command("luajit".as_ref());
                luajit.env("LUA_PATH", root().join("bindings/lua/?.lua"));
                luajit.arg(root().join("bindings/lua/tests/outbound.lua")).arg(library());
                luajit
            }
            Self::CSharp => {
                let mut mono = command("mono".as_ref());
                mono.arg(csharp_host()).arg(library());
                mono
            }
        }
    }
}

/// Compiles `bindings/csharp/tests/host/Outbound.cs` with the C# binding, for Mono.
fn csharp_host() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("Outbound.exe");
        let mut mcs = command("mcs".as_ref());
        mcs.args(["-langversion:7.2", "-unsafe", "-warnaserror"]).arg(format!("-out:{}", program.display()));
        mcs.arg(root().join("bindings/csharp/tests/host/Outbound.cs"))
            .arg(root().join("bindings/csharp/src/*.cs"));
        run_silent(&mut mcs);
        program
    })
}

/// A running host with one session.
struct Host {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    events: VecDeque<Value>,
}

impl Host {
    fn start(language: Language, options: &str) -> Self {
        let mut child = language.host().arg(options).stdin(Stdio::piped()).spawn().expect("it is installed");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let stdin = child.stdin.take();
        let mut host = Self { child: Some(child), stdin, lines, events: VecDeque::new() };
        host.expect("SESSION_READY");
        host
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("open"), "{line}").expect("the host reads");
    }

    /// Returns the host's answer to a command.
    fn answer(&mut self) -> String {
        loop {
            let line = self.line();
            match (line.strip_prefix("did "), line.strip_prefix("event ")) {
                (Some(answer), _) => return answer.to_owned(),
                (_, Some(event)) => self.events.push_back(serde_json::from_str(event).expect("JSON")),
                _ => panic!("{line}"),
            }
        }
    }

    fn call(&mut self, line: &str) -> i32 {
        self.tell(line);
        self.answer().parse().expect("a number")
    }

    fn event(&mut self) -> Value {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        let line = self.line();
        serde_json::from_str(line.strip_prefix("event ").unwrap_or_else(|| panic!("{line}"))).expect("JSON")
    }

    fn expect(&mut self, kind: &str) -> Value {
        let event = self.event();
        assert_eq!(event["type"], kind, "{event}");
        event
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&finish(self.child.take().expect("once")).stderr))
        })
    }

    /// Lets the host close its session. No event may be left.
    fn end(mut self) {
        drop(self.stdin.take());
        let output = finish(self.child.take().expect("once"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(self.events.is_empty(), "{:?}", self.events);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // it still runs because something went wrong
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// 500 units at 20 Hz, for a minute with the real hub.
fn units(kind: Kind, language: Language) {
    let (count, ticks) = (500, if kind == Kind::AspNet { 1200 } else { 200 });
    let hub = Hub::start(kind, Setup::default());
    let mut host = Host::start(language, &hub.options(1, json!({})));
    host.tell(&format!("units {count} {ticks}"));
    let answer = host.answer();
    let calls = wait_for("last position of each unit", || {
        let calls = hub.unit_calls();
        let done =
            calls.iter().rev().flat_map(|call| &call.units).take(count).all(|unit| x(unit) == ticks - 1);
        (done && calls.len() >= count / 25).then_some(calls)
    });
    within_limits(&calls);
    in_turn(&calls, count);
    let newest = newest(&calls);
    assert!(newest.len() == count && newest.values().all(|x| *x == ticks - 1));
    let worst = worst_age(&calls);
    println!("{kind:?}, {language:?}: {} calls, oldest position {worst:.0} ms; {answer}", calls.len());
    host.end();
}

/// Locations sent while there is no hub reach the next one: the newest of each unit, once.
fn units_hub_killed(kind: Kind, language: Language) {
    let (count, ticks) = (500, 40);
    let setup = Setup { port: lasting_port(), ..Setup::default() };
    let hub = Hub::start(kind, setup);
    let mut host = Host::start(language, &hub.options(1, json!({})));
    host.tell(&format!("units {count} {ticks}"));
    wait_for("call", || (hub.unit_calls().len() > 2).then_some(()));
    drop(hub);
    host.answer();
    host.tell(&format!("units {count} 10"));
    host.answer();
    host.expect("SESSION_LOST");
    let hub = Hub::start(kind, setup);
    let calls = wait_for("newest position of each unit", || {
        let calls = hub.unit_calls();
        (calls.iter().map(|call| call.units.len()).sum::<usize>() >= count).then_some(calls)
    });
    within_limits(&calls);
    let newest = newest(&calls);
    assert_eq!(newest.len(), count);
    assert!(newest.values().all(|x| *x == ticks + 9), "{newest:?}");
    assert_eq!(calls.iter().map(|call| call.units.len()).sum::<usize>(), count, "each once");
    while host.event()["type"] != "SESSION_READY" {}
    host.end();
}

/// Expects that no call is too large or too early for the hub.
fn within_limits(calls: &[UnitCall]) {
    for call in calls {
        assert!((1..=25).contains(&call.units.len()));
        assert!(Value::from(call.units.clone()).to_string().len() < 32 * 1024 - 128);
    }
    let closest = calls.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).fold(f64::MAX, f64::min);
    assert!(closest >= 200.0, "two calls {closest} ms apart");
}

/// Expects that no unit is sent twice before all others: the one that has waited longest is next.
fn in_turn(calls: &[UnitCall], count: usize) {
    let served: Vec<_> = calls.iter().flat_map(|call| &call.units).map(name).collect();
    for round in served.chunks(count) {
        let different: std::collections::BTreeSet<_> = round.iter().collect();
        assert_eq!(different.len(), round.len());
    }
}

/// Returns the longest time between two calls with the same unit.
fn worst_age(calls: &[UnitCall]) -> f64 {
    let (mut last, mut worst) = (BTreeMap::new(), 0.0_f64);
    for call in calls {
        for unit in &call.units {
            if let Some(before) = last.insert(name(unit), call.at_ms) {
                worst = worst.max(call.at_ms - before);
            }
        }
    }
    worst
}

fn newest(calls: &[UnitCall]) -> BTreeMap<String, usize> {
    calls.iter().flat_map(|call| &call.units).map(|unit| (name(unit), x(unit))).collect()
}

fn name(unit: &Value) -> String {
    unit["communityUserId"].as_str().expect("a text").to_owned()
}

fn x(unit: &Value) -> usize {
    usize::try_from(unit["coordinates"]["x"].as_u64().expect("a number")).expect("small")
}

/// Each call ends once, with the hub's answer or without one.
fn calls(kind: Kind) {
    let hub = Hub::start(kind, Setup::default());
    let mut host = Host::start(Language::C, &hub.options(1, json!({"callTimeoutMs": 1500})));
    let mut ids = Vec::new();
    for (line, code, part) in [
        (r#"invoke echo [{"a":[1.50,"\u00e9"],"a":2}]"#, "ok", ""),
        (r#"invoke fail ["because"]"#, "error", "because"),
        ("invoke nope []", "error", "Method does not exist"),
        ("invoke slow [600]", "timeout", "callTimeoutMs"),
    ] {
        let id = host.call(line);
        assert!(id > 0 && !ids.contains(&id));
        ids.push(id);
        let result = host.expect("SESSION_CALL_RESULT");
        assert_eq!((&result["id"], &result["code"]), (&id.into(), &code.into()), "{result}");
        assert!(result["message"].as_str().expect("a text").contains(part), "{result}");
        assert_eq!(result.get("result").is_some(), code == "ok", "{result}");
    }
    // the hub is still busy with the slow call, so this one is lost with the link
    let id = host.call("invoke echo [1]");
    hub.abort(1);
    let result = host.expect("SESSION_CALL_RESULT");
    assert_eq!((&result["id"], &result["code"]), (&id.into(), &"lost".into()), "{result}");
    host.expect("SESSION_LOST");
    host.expect("SESSION_READY");
    host.end();
}

/// What the hub posts by HTTP while no session is up joins the event stream once the host ingests it.
fn posted(kind: Kind) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let fallback = format!("http://{}/sonorancad/event", listener.local_addr().expect("an address"));
    let hub = Hub::start_with_fallback(kind, &fallback);
    let mut host = Host::start(Language::C, &hub.options(1, json!({"eventKey": "strip"})));
    let posts = thread::spawn(move || post(&listener));
    // server 2 has no session
    let answer = hub.push_anywhere(2, r#"{"key":"DEMO-key","type":"EVENT_911","data":{"n":1.10}}"#);
    assert_eq!(answer, "http 200");
    let body = posts.join().expect("a post");
    assert_eq!(host.call(&format!("ingest {body}")), 0);
    assert_eq!(host.event(), json!({"type": "EVENT_911", "data": {"n": 1.10}}));
    assert_eq!(host.call(r#"ingest {"key":"stranger","type":"EVENT_911"}"#), -6);
    assert_eq!(host.call(r#"ingest {"key":"demo-key"}"#), -2);
    host.end();
}

/// Takes one post, answers as the CAD expects, and returns its body.
fn post(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().expect("a post");
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).expect("HTTP");
        let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    reader.into_inner().write_all(answer).expect("an answer");
    String::from_utf8(body).expect("text")
}
