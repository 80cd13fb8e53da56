//! The program, run as users run it, against a local hub.

#![cfg(unix)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use sonoran_hub::{Auth, Hub, Options, Shape};

/// Longer than any step takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// So odd that it appears nowhere by accident.
const KEY: &str = "k3y-that-must-not-be-seen";

fn hub() -> Hub {
    let community = format!("demo:{KEY}").parse().unwrap();
    Hub::start(Options { communities: vec![community], ..Options::default() }).unwrap()
}

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sonoran"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SONORAN_")) {
        command.env_remove(name);
    }
    command.args(words).stdin(Stdio::null());
    command
}

/// A command with the credentials of `demo`, from the environment.
fn session(words: &[&str], url: &str) -> Command {
    let mut command = program(words);
    command.env("SONORAN_API_KEY", KEY).env("SONORAN_COMMUNITY_ID", "demo").env("SONORAN_SERVER_ID", "1");
    command.env("SONORAN_URL", url);
    command
}

/// Kills the program if a test leaves it running.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn interrupt(&self) {
        let id = i32::try_from(self.0.id()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGINT).unwrap();
    }

    fn end(&mut self) -> Option<i32> {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the program did not end");
    }
}

#[track_caller]
fn check(mut command: Command, exit: i32) -> Value {
    let output = command.arg("--json").output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(exit), "{text}");
    assert!(!text.contains(KEY) && !text.contains('\x1b'), "{text}");
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((&report["exit"], &report["works"]), (&exit.into(), &(exit == 0).into()), "{report}");
    report
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    let steps = report["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no step {name}: {report}"))
}

#[test]
fn what_works_is_said_step_by_step_and_an_event_is_waited_for() {
    let hub = hub();
    let mut check = Running::start(session(&["check", "--wait", "60", "--color", "always"], hub.url()));
    assert!(hub.wait(hub.until(DEADLINE, |hub| !hub.sessions().is_empty())), "no session came");
    let event = format!(r#"{{"key":"{KEY}","type":"EVENT_TONE","data":{{}}}}"#);
    hub.wait(hub.push("demo", 1, &event, Shape::Object));
    assert_eq!(check.end(), Some(0));
    let mut text = String::new();
    check.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    for part in [
        "options",
        "SONORAN_API_KEY",
        "127.0.0.1",
        "accepts",
        "answered with status 400",
        "clock",
        "upgrade",
        "credentials",
        "server 1",
        "it works: waiting for an event",
        "EVENT_TONE arrived",
        "\x1b[32mok",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(KEY) && !text.contains("FAIL"), "{text}");
}

#[test]
fn refused_credentials_are_told_from_a_wrong_server() {
    let hub = hub();
    let base = ["check", "--wait", "0"];
    let mut wrong_key = session(&base, hub.url());
    wrong_key.env("SONORAN_API_KEY", "k3y-that-is-wrong");
    let report = check(wrong_key, 8);
    assert!(
        step(&report, "credentials")["detail"].as_str().unwrap().contains("Invalid API key."),
        "{report}"
    );
    assert_eq!(step(&report, "tcp")["result"], "ok");
    let mut wrong_community = session(&base, hub.url());
    wrong_community.env("SONORAN_COMMUNITY_ID", "nobody");
    assert!(step(&check(wrong_community, 8), "credentials")["cause"].as_str().unwrap().contains("community"));
    let mut wrong_server = session(&base, hub.url());
    wrong_server.env("SONORAN_SERVER_ID", "9999");
    check(wrong_server, 9);
    hub.set_auth(Auth { reject: Some("You are not welcome.".into()), ..Auth::default() });
    let report = check(session(&base, hub.url()), 8);
    assert!(
        step(&report, "credentials")["detail"].as_str().unwrap().contains("You are not welcome."),
        "{report}"
    );
}

#[test]
fn a_way_that_leads_nowhere_is_told_with_its_step() {
    let base = ["check", "--wait", "0"];
    // a port that was free a moment ago
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let report = check(session(&base, &format!("http://127.0.0.1:{port}/apiWsHub")), 4);
    assert_eq!(step(&report, "tcp")["result"], "failed");
    assert!(step(&report, "tcp")["remedy"].as_str().is_some());
    check(session(&base, "http://nowhere.invalid/apiWsHub"), 3);
    let hub = hub();
    let report = check(session(&base, &format!("{}/elsewhere", hub.http())), 6);
    assert!(step(&report, "http")["detail"].as_str().unwrap().contains("404"), "{report}");
    check(session(&base, &hub.url().replace("ws://", "wss://")), 5);
}

#[test]
fn a_certificate_is_shown_trusted_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        communities: vec![format!("demo:{KEY}").parse().unwrap()],
        self_signed: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let hub = Hub::start(options).unwrap();
    let report = check(session(&["check", "--wait", "0"], hub.url()), 5);
    let tls = step(&report, "tls");
    let detail = tls["detail"].as_str().unwrap();
    assert!(
        detail.contains("localhost") && detail.contains("issued by sonoran-hub test authority"),
        "{detail}"
    );
    assert!(
        detail.contains("no known authority")
            && tls["cause"].as_str().unwrap().contains("sonoran-hub test authority")
    );

    let file = folder.path().join("options.json");
    let authority = folder.path().join("ca.pem");
    let options = serde_json::json!({ "communityId": "demo", "serverId": 1, "apiKey": KEY, "url": hub.url(), "caFile": authority });
    fs::write(&file, options.to_string()).unwrap();
    let command = program(&["check", "--wait", "0", "--options", file.to_str().unwrap()]);
    let report = check(command, 0);
    assert!(step(&report, "tls")["detail"].as_str().unwrap().starts_with("TLS 1.3"), "{report}");
}

#[test]
fn options_come_from_a_server_cfg_and_from_nowhere_twice() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let cfg = folder.path().join("server.cfg");
    fs::write(&cfg, "exec secret.cfg\nset sonoran_communityID demo\nset sonoran_serverId 2\n").unwrap();
    fs::write(folder.path().join("secret.cfg"), format!("set sonoran_apiKey \"{KEY}\"")).unwrap();
    let words = ["check", "--wait", "0", "--url", hub.url(), "--server-cfg", cfg.to_str().unwrap()];
    let report = check(program(&words), 0);
    let options = step(&report, "options")["detail"].as_str().unwrap();
    assert_eq!(options, "community demo (server.cfg:2), server 2 (server.cfg:3), API key (secret.cfg:1)");
    let alone = [&words[..], &["--without-server"]].concat();
    assert_eq!(step(&check(program(&alone), 0), "server id")["result"], "note");

    let report = check(program(&["check", "--community", "demo", "--server", "1"]), 2);
    assert!(step(&report, "options")["remedy"].as_str().unwrap().contains("SONORAN_API_KEY"), "{report}");
    let mut typo = program(&words);
    typo.arg("--options").arg(folder.path().join("typo.json"));
    fs::write(folder.path().join("typo.json"), r#"{"qeueEvents":1}"#).unwrap();
    let report = check(typo, 2);
    assert!(step(&report, "options")["detail"].as_str().unwrap().contains("qeueEvents"), "{report}");
}

#[test]
fn the_key_may_come_from_a_file_or_stdin_and_is_not_in_the_list_of_processes() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let mut words = vec![
        "check",
        "--wait",
        "0",
        "--community",
        "demo",
        "--server",
        "1",
        "--url",
        hub.url(),
        "--key-file",
    ];
    words.push(file.to_str().unwrap());
    check(program(&words), 0);
    words.pop();
    words.push("-");
    let mut from_stdin = program(&words);
    from_stdin.stdin(fs::File::open(&file).unwrap());
    check(from_stdin, 0);
}

#[test]
fn a_session_that_another_client_takes_is_told() {
    let hub = hub();
    let mut running = Running::start(session(&["check", "--wait", "60"], hub.url()));
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    // an earlier abort would count as a refusal
    assert!(lines.any(|line| line.contains("it works")));
    hub.abort(Some(1));
    assert!(lines.any(|line| line.contains("another client holds this server id")));
    assert_eq!(running.end(), Some(10));
}

#[test]
fn tail_shows_what_comes_and_says_goodbye() {
    let hub = hub();
    let mut tail = Running::start(session(&["tail", "--type", "EVENT_9*"], hub.url()));
    let mut lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("SESSION_READY"));
    for body in [
        r#"{"key":"KEY","type":"EVENT_TONE","data":{}}"#,
        r#"{"key":"KEY","type":"EVENT_911","data":{"call":{"callId":7,"caller":"Jo"}}}"#,
    ] {
        hub.wait(hub.push("demo", 1, &body.replace("KEY", KEY), Shape::Object));
    }
    let line = next();
    assert!(line.contains("EVENT_911") && line.ends_with("call 7  from Jo"), "{line}");
    hub.abort(None);
    assert!(next().contains("SESSION_LOST"));
    tail.interrupt();
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(rest.last().unwrap().contains("SESSION_CLOSED"), "{rest:?}");
    assert_eq!(tail.end(), Some(0));
    assert!(hub.sessions().is_empty());
}

/// The same command in a terminal of its own: util-linux's `script` copies both ways.
fn in_a_terminal(command: &Command) -> Option<Running> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    // a shell that stays in between takes the Ctrl-C for its own end
    let command_line = format!("exec {}", words.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--return", "--command", &command_line, "/dev/null"]);
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.env("TERM", "xterm").env_remove("NO_COLOR");
    match script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
        Ok(child) => Some(Running(child)),
        Err(error) => {
            eprintln!("\nNOT RUN: the program in a terminal: script: {error}");
            None
        }
    }
}

#[test]
fn in_a_terminal_there_is_colour_and_ctrl_c_says_goodbye() {
    let hub = hub();
    let Some(mut tail) = in_a_terminal(&session(&["tail"], hub.url())) else { return };
    let mut lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let ready = lines.next().unwrap().unwrap();
    assert!(ready.contains("SESSION_READY") && ready.contains("\x1b["), "{ready:?}");
    let key = format!(r#"{{"key":"{KEY}","type":"EVENT_911","data":{{}}}}"#);
    hub.wait(hub.push("demo", 1, &key, Shape::Object));
    assert!(lines.next().unwrap().unwrap().contains("EVENT_911"));
    // as the terminal's driver gets it from the keyboard
    tail.0.stdin.take().unwrap().write_all(b"\x03").unwrap();
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(rest.iter().any(|line| line.contains("SESSION_CLOSED")), "{rest:?}");
    assert_eq!(tail.end(), Some(0));
    assert!(hub.sessions().is_empty());

    for (color, painted) in [("auto", true), ("never", false)] {
        let words = ["check", "--wait", "0", "--color", color];
        let mut check = in_a_terminal(&session(&words, hub.url())).expect("it was there before");
        let mut shown = String::new();
        check.0.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        assert_eq!(check.end(), Some(0), "{shown}");
        assert_eq!(shown.contains("\x1b["), painted, "{shown:?}");
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[test]
fn a_recording_has_what_came_byte_for_byte_but_for_the_key() {
    let hub = hub();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("night.jsonl");
    let words = ["tail", "--json", "--count", "2", "--record", file.to_str().unwrap()];
    let mut tail = Running::start(session(&words, hub.url()));
    assert!(hub.wait(hub.until(DEADLINE, |hub| !hub.sessions().is_empty())), "no session came");
    let bodies = [
        r#""type":"EVENT_NOTE","data":{"n":1.50e1,"s":"\u00e4\/"} }"#,
        "\"type\":\"EVENT_TWO\",\n\"data\":[]}",
    ];
    for body in bodies {
        hub.wait(hub.push("demo", 1, &format!("{{\"key\":\"{KEY}\",{body}"), Shape::Verbatim));
    }
    assert_eq!(tail.end(), Some(0));
    let recorded = fs::read_to_string(&file).unwrap();
    let events = sonoran_hub::recording::read(&recorded).unwrap();
    let pushes: Vec<_> =
        events.iter().map(|event| &event.text).filter(|text| !text.contains("SESSION_")).collect();
    assert_eq!(pushes, [&format!("{{{}", bodies[0]), &format!("{{{}", bodies[1])]);
    let mut shown = String::new();
    tail.0.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert!(shown.lines().any(|line| line == pushes[0]), "{shown}");
    assert!(!recorded.contains(KEY) && !shown.contains(KEY));
    // what was recorded is never overwritten
    let again = session(&words, hub.url()).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{}", text(&again));
    assert!(Path::new(&file).exists() && fs::read_to_string(&file).unwrap() == recorded);
}

#[test]
fn a_night_is_recorded_and_played_again_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (first, second) = (path("first.jsonl"), path("second.jsonl"));
    let hub = hub();
    let mut tail = Running::start(session(&["tail", "--count", "40", "--record", &first], hub.url()));
    assert!(hub.wait(hub.until(DEADLINE, |hub| !hub.sessions().is_empty())), "no session came");
    for number in 0..40 {
        let event = format!(
            "{{\"key\":\"{KEY}\",\"type\":\"EVENT_{number}\",\"data\":{{\"n\":{number}.50, \"s\":\"\\u00e4ä\"}} }}"
        );
        hub.wait(hub.push("demo", 1, &event, Shape::Verbatim));
    }
    assert_eq!(tail.end(), Some(0));

    let mut replay = Running::start(program(&["replay", &first, "--speed", "max", "--once"]));
    let mut lines = BufReader::new(replay.0.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap().strip_prefix("listening http").unwrap().to_owned();
    let mut again =
        session(&["tail", "--count", "40", "--record", &second], &format!("ws{address}/apiWsHub"));
    again.env("SONORAN_API_KEY", "demo-key");
    assert_eq!(Running::start(again).end(), Some(0));
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(rest.last().unwrap().contains("40 reached a session, 0 did not"), "{rest:?}");
    assert_eq!(replay.end(), Some(0));
    let pushes = |file: &str| {
        let events = sonoran_hub::recording::read(&fs::read_to_string(file).unwrap()).unwrap();
        events
            .into_iter()
            .map(|event| event.text)
            .filter(|text| !text.contains("SESSION_"))
            .collect::<Vec<_>>()
    };
    assert_eq!(pushes(&first).len(), 40);
    assert_eq!(pushes(&first), pushes(&second));

    let bad = program(&["replay", "--speed", "0", &first]).output().unwrap();
    assert_eq!(bad.status.code(), Some(2), "{}", text(&bad));
    fs::write(&second, "{}\n").unwrap();
    let bad = program(&["replay", &second]).output().unwrap();
    assert!(text(&bad).contains("second.jsonl, line 1"), "{}", text(&bad));
}
