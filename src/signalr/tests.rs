//! How a connection reacts to a hub's messages and silence, in exact time.

use std::time::{Duration, Instant};

use super::{CallId, Chunk, Connection, Error, MAX_SENT, Method, Outcome, Step, call_size};
use crate::config::Timing;

const TIMING: Timing = Timing {
    handshake: Duration::from_secs(15),
    keep_alive: Duration::from_secs(15),
    server_timeout: Duration::from_secs(30),
};
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);
const MAX_RECORD: usize = 1000;

const METHOD: Method = Method {
    name: "pushEvent",
    plain_call: r#"{"type":1,"target":"pushEvent","arguments":"#,
    fields: ["type", "key"],
};

/// A step as text.
fn shown(step: Step<'_>) -> String {
    match step {
        Step::Opened => "opened".to_owned(),
        Step::Called(arguments) => format!("pushEvent{}", arguments.text),
        Step::Answered(call, Outcome::Result(result)) => format!("{call}={}", result.unwrap_or("void")),
        Step::Answered(call, Outcome::Error(error)) => format!("{call}!{error}"),
        Step::Answered(call, Outcome::TimedOut) => format!("{call} timed out"),
        Step::Ignored(what) => format!("ignored {what}"),
    }
}

/// A connection with a clock that the test moves.
struct World {
    now: Instant,
    connection: Connection,
    steps: Vec<String>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        Self { now, connection: Connection::new(now, TIMING, MAX_RECORD, METHOD), steps: Vec::new() }
    }

    /// A connection after its handshake and first ping.
    fn open() -> Self {
        let mut world = Self::new();
        world.text("{}\u{1e}").unwrap();
        world.sent();
        world.steps();
        world
    }

    fn chunk(&mut self, mut chunk: Chunk<'_>) -> Result<(), Error> {
        let mut whole = Vec::new();
        while let Some(step) = self.connection.next(self.now, &mut chunk, &mut whole)? {
            self.steps.push(shown(step));
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.chunk(Chunk::Text(text))
    }

    fn record(&mut self, record: &str) -> Result<(), Error> {
        self.text(&format!("{record}\u{1e}"))
    }

    fn wait(&mut self, time: Duration) -> Result<(), Error> {
        self.now += time;
        self.connection.keep_alive(self.now);
        self.connection.elapse(self.now)?;
        while let Some(call) = self.connection.timed_out(self.now) {
            self.steps.push(shown(Step::Answered(call, Outcome::TimedOut)));
        }
        Ok(())
    }

    fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.connection.transmit(self.now)).collect()
    }

    /// The steps since the last call.
    fn steps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.steps)
    }

    fn call(&mut self, timeout: Duration) -> CallId {
        self.connection.call(self.now, "m", "[]", timeout).unwrap()
    }
}

fn protocol_error(result: Result<(), Error>) -> bool {
    matches!(result, Err(Error::Protocol(_)))
}

#[test]
fn the_handshake_comes_first_and_a_ping_follows_its_answer() {
    let mut world = World::new();
    assert_eq!(world.sent(), ["{\"protocol\":\"json\",\"version\":1}\u{1e}"]);
    world.text("{}\u{1e}").unwrap();
    assert_eq!(world.steps(), ["opened"]);
    assert_eq!(world.sent(), ["{\"type\":6}\u{1e}"]);
}

#[test]
fn an_answer_to_the_handshake_may_hold_more_and_be_followed_at_once() {
    for answer in ["{}", r#"{"minorVersion":1,"x":{"type":2}}"#, r#"{"error":null}"#, " {\n} "] {
        let mut world = World::new();
        world
            .text(&format!("{answer}\u{1e}{{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[1]}}\u{1e}"))
            .unwrap();
        assert_eq!(world.steps(), ["opened", "pushEvent[1]"], "{answer}");
    }
    let mut world = World::new();
    for byte in "{}\u{1e}".bytes() {
        world.chunk(Chunk::Binary(&[byte])).unwrap();
    }
    assert_eq!(world.steps(), ["opened"]);
}

#[test]
fn a_refused_handshake_has_the_hubs_words() {
    let mut world = World::new();
    let Err(Error::Refused(words)) = world.record(r#"{"error":"Handshake was canceled."}"#) else { panic!() };
    assert_eq!(words, "Handshake was canceled.");
}

#[test]
fn what_is_no_answer_to_a_handshake_breaks_the_protocol() {
    for answer in [r#"{"type":6}"#, "[]", "null", "\"x\"", "junk", "{", "{}x", "\u{feff}{}"] {
        assert!(protocol_error(World::new().record(answer)), "{answer}");
    }
}

#[test]
fn the_handshake_has_one_deadline_however_it_drips() {
    let mut world = World::new();
    assert_eq!(world.connection.deadline(), world.now + TIMING.handshake);
    for drip in ["\u{1e}", "\u{1e}", " ", " "] {
        world.wait(3 * SECOND).unwrap();
        world.text(drip).unwrap();
    }
    world.wait(2 * SECOND).unwrap();
    world.wait(SECOND - TICK).unwrap();
    assert!(matches!(world.wait(TICK), Err(Error::HandshakeTimeout(_))));
    let mut world = World::new();
    assert!(protocol_error(world.text(&"x".repeat(65 * 1024))));
}

#[test]
fn records_are_bounded_once_the_link_is_open() {
    let mut world = World::open();
    assert!(matches!(world.text(&" ".repeat(MAX_RECORD + 1)), Err(Error::TooLarge(MAX_RECORD))));
    let mut world = World::open();
    let fits = format!("{{\"type\":6}}{}", " ".repeat(MAX_RECORD - 10));
    world.record(&fits).unwrap();
    world.text(&fits).unwrap();
    assert!(matches!(world.text(" "), Err(Error::TooLarge(MAX_RECORD))));
}

#[test]
fn messages_that_mean_nothing_to_us_are_ignored() {
    let mut world = World::open();
    for record in ["", r#"{"type":6}"#, r#"{"type":6,"headers":{"a":"b"},"extra":[1]}"#] {
        world.record(record).unwrap();
        assert_eq!(world.steps(), [""; 0], "{record}");
    }
    for record in [
        r#"{"type":99}"#,
        r#"{"type":-1}"#,
        r#"{"type":1099511627776}"#,
        r#"{"type":4,"invocationId":"1","target":"x","arguments":[]}"#,
        r#"{"type":5,"invocationId":"1"}"#,
        r#"{"type":8,"sequenceId":1}"#,
        r#"{"type":9,"sequenceId":1}"#,
        r#"{"type":3,"invocationId":"77"}"#,
        r#"{"type":3,"invocationId":"x","error":"y"}"#,
        r#"{"type":2,"invocationId":"77","item":null}"#,
    ] {
        world.record(record).unwrap();
        let steps = world.steps();
        assert!(matches!(&steps[..], [one] if one.starts_with("ignored")), "{record}: {steps:?}");
    }
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn what_is_not_the_protocol_ends_the_link() {
    for record in [
        "{}",
        r#"{"type":"1"}"#,
        r#"{"type":1.5}"#,
        r#"{"type":null}"#,
        r#"{"type":1,"arguments":[]}"#,
        r#"{"type":1,"target":"","arguments":[]}"#,
        r#"{"type":1,"target":5,"arguments":[]}"#,
        r#"{"type":1,"target":null,"arguments":[]}"#,
        r#"{"type":1,"target":"x"}"#,
        r#"{"type":1,"target":"x","arguments":null}"#,
        r#"{"type":1,"target":"x","arguments":"a"}"#,
        r#"{"type":1,"target":"x","arguments":{}}"#,
        r#"{"type":1,"target":"x","arguments":[],"invocationId":0}"#,
        r#"{"type":2,"invocationId":"1"}"#,
        r#"{"type":3}"#,
        r#"{"type":3,"invocationId":0}"#,
        r#"{"type":3,"invocationId":"1","result":1,"error":"x"}"#,
        r#"{"type":3,"invocationId":"1","error":5}"#,
        r#"{"type":1,"#,
        r#"{"type":1,"target":"x","arguments":[}"#,
        r#"{"type":1,"target":"x","arguments":[1]"#,
        r#"{"type":1,"target":"x","arguments":[1]}}"#,
        r#"{"type":1,"target":"x\"","arguments":[1]}"}"#,
        r#"{"type":1,"target":"","arguments":[1]}"#,
        r#"{"type":6}x"#,
        "[1]",
        "\u{feff}{\"type\":6}",
    ] {
        assert!(protocol_error(World::open().record(record)), "{record}");
    }
}

#[test]
fn a_call_of_the_hub_is_read_in_any_order_of_its_fields() {
    for record in [
        r#"{"type":1,"target":"pushEvent","arguments":[ {"a":1.0} ]}"#,
        r#"{"type":1,"target":"pushEvent","arguments":[ {"a":1.0} ],"x":1}"#,
        r#"{"type":1,"target":"pushEvent","arguments":[0],"arguments":[ {"a":1.0} ]}"#,
        r#"{"type":1,"target":"push\u0045vent","arguments":[ {"a":1.0} ]}"#,
        r#"{"type":1,"target":"pushEvent","arguments":[ {"a":1.0} ]} "#,
        r#" { "arguments" : [ {"a":1.0} ] , "headers":7, "target":"push\u0045vent", "invocationId":null, "type":1 } "#,
        r#"{"type":6,"target":"no","type":1,"arguments":[0],"target":"pushEvent","arguments":[ {"a":1.0} ]}"#,
    ] {
        let mut world = World::open();
        world.record(record).unwrap();
        assert_eq!(world.steps(), [r#"pushEvent[ {"a":1.0} ]"#], "{record}");
        assert_eq!(world.sent(), [""; 0]);
    }
}

#[test]
fn a_call_that_wants_a_result_gets_one_with_its_id_as_it_was() {
    let mut world = World::open();
    let long = "x".repeat(500);
    for id in [r#""7""#, r#""a\"b\u0041é""#, &format!("\"{long}\"")] {
        world
            .record(&format!(r#"{{"type":1,"invocationId":{id},"target":"pushEvent","arguments":[]}}"#))
            .unwrap();
        let answer = format!("{{\"type\":3,\"invocationId\":{id},\"result\":null}}\u{1e}");
        assert_eq!(world.sent(), [answer]);
    }
    world.record(r#"{"type":1,"invocationId":"8","target":"other","arguments":[]}"#).unwrap();
    let answer = "{\"type\":3,\"invocationId\":\"8\",\"error\":\"Client didn't provide a result.\"}\u{1e}";
    assert_eq!(world.sent(), [answer]);
    assert_eq!(world.steps().last().unwrap(), "ignored other");
}

#[test]
fn a_hub_that_asks_and_does_not_listen_is_left() {
    let mut world = World::open();
    let ask = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"x\",\"arguments\":[]}\u{1e}";
    assert!(protocol_error(world.text(&ask.repeat(10_000))));
    assert_eq!(world.sent().len(), 4096);

    // fewer where they are large
    let mut world = World::open();
    let id = "x".repeat(900);
    let ask = format!("{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"x\",\"arguments\":[]}}\u{1e}");
    for _ in 0..2 {
        world.text(&ask.repeat(1_000)).unwrap();
        assert_eq!(world.sent().len(), 1_000, "one that listens may ask again");
    }
    assert!(protocol_error(world.text(&ask.repeat(2_000))));
    assert!(world.sent().concat().len() <= 1024 * 1024);
}

#[test]
fn calls_of_ours_end_once_with_whatever_the_hub_answers() {
    let mut world = World::open();
    for (answer, step) in [
        (r#""result":{"a":1.50}"#, r#"1={"a":1.50}"#),
        (r#""result":null"#, "2=null"),
        (r#""x":1"#, "3=void"),
        (r#""error":"it \u0041""#, "4!it A"),
        (r#""error":"""#, "5!"),
        (r#""error":null,"result":7"#, "6=7"),
    ] {
        let call = world.call(SECOND);
        let record =
            format!("{{\"type\":1,\"invocationId\":\"{call}\",\"target\":\"m\",\"arguments\":[]}}\u{1e}");
        assert_eq!(world.sent(), [record]);
        let answer = format!(r#"{{"type":3,"invocationId":"{call}",{answer}}}"#);
        world.record(&answer).unwrap();
        assert_eq!(world.steps(), [step]);
        world.record(&answer).unwrap();
        assert_eq!(world.steps(), ["ignored an answer to no call"]);
    }
    let call = world.call(SECOND);
    world.record(&format!(r#"{{"type":2,"invocationId":"{call}","item":1}}"#)).unwrap();
    assert_eq!(world.steps(), [format!("{call}!the hub answered with a stream")]);
}

#[test]
fn calls_time_out_each_at_its_own_time() {
    let mut world = World::open();
    world.call(2 * SECOND);
    world.call(SECOND);
    assert_eq!(world.connection.deadline(), world.now + SECOND);
    world.wait(SECOND - TICK).unwrap();
    assert_eq!(world.steps(), [""; 0]);
    world.wait(TICK).unwrap();
    assert_eq!(world.steps(), ["2 timed out"]);
    assert_eq!(world.connection.deadline(), world.now + SECOND);
    world.wait(SECOND).unwrap();
    assert_eq!(world.steps(), ["1 timed out"]);
    world.record(r#"{"type":3,"invocationId":"1"}"#).unwrap();
    assert_eq!(world.steps(), ["ignored an answer to no call"]);
}

#[test]
fn a_call_that_no_hub_accepts_is_not_sent() {
    let mut world = World::open();
    let around = call_size("m", "[]") - 2;
    let arguments = format!("[\"{}\"]", "x".repeat(MAX_SENT - around - 4));
    assert!(call_size("m", &arguments) == MAX_SENT);
    world.connection.call(world.now, "m", &arguments, SECOND).unwrap();
    // a one-digit id leaves the room that a ten-digit id would need
    let larger = format!("[\"{}\"]", "x".repeat(MAX_SENT));
    assert!(world.connection.call(world.now, "m", &larger, SECOND).is_err());
    let sent = world.sent();
    assert!(sent.len() == 1 && sent[0].len() <= MAX_SENT);
}

#[test]
fn what_we_send_is_one_record_whatever_is_in_it() {
    let mut world = World::open();
    world.connection.call(world.now, "a\"\u{1e}\n😀", r#"["\u001e"]"#, SECOND).unwrap();
    let sent = world.sent();
    assert_eq!(sent[0].matches('\u{1e}').count(), 1, "{sent:?}");
    let value: serde_json::Value = serde_json::from_str(sent[0].trim_end_matches('\u{1e}')).unwrap();
    assert_eq!(value["target"], "a\"\u{1e}\n😀");
}

#[test]
fn a_ping_goes_out_only_when_nothing_else_did() {
    let mut world = World::open();
    for _ in 0..3 {
        assert_eq!(world.connection.deadline(), world.now + TIMING.keep_alive);
        world.wait(TIMING.keep_alive - TICK).unwrap();
        assert_eq!(world.sent(), [""; 0]);
        world.record(r#"{"type":6}"#).unwrap();
        world.wait(TICK).unwrap();
        assert_eq!(world.sent(), ["{\"type\":6}\u{1e}"]);
    }
    world.wait(10 * SECOND).unwrap();
    world.call(100 * SECOND);
    assert_eq!(world.sent().len(), 1);
    world.record(r#"{"type":6}"#).unwrap();
    world.wait(10 * SECOND).unwrap();
    assert_eq!(world.sent(), [""; 0], "the call was a sign of life");
}

#[test]
fn what_waits_to_be_sent_is_as_good_as_a_ping() {
    let mut world = World::open();
    world.call(100 * SECOND);
    for _ in 0..3 {
        world.record(r#"{"type":6}"#).unwrap();
        world.wait(TIMING.keep_alive).unwrap();
        assert_eq!(world.connection.deadline(), world.now + TIMING.keep_alive, "there is nothing to do now");
    }
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_flood_of_pings_is_not_answered() {
    let mut world = World::open();
    world.text(&"{\"type\":6}\u{1e}".repeat(10_000)).unwrap();
    assert_eq!((world.sent().len(), world.steps().len()), (0, 0));
}

#[test]
fn silence_ends_the_link_and_only_whole_records_break_it() {
    let mut world = World::open();
    world.wait(20 * SECOND).unwrap();
    world.record(r#"{"type":6}"#).unwrap();
    for _ in 0..29 {
        world.wait(SECOND).unwrap();
        world.text(" ").unwrap();
    }
    world.wait(SECOND - TICK).unwrap();
    assert!(matches!(world.wait(TICK), Err(Error::Silent(_))));
}

#[test]
fn a_goodbye_ends_the_link_and_nothing_behind_it_counts() {
    for (record, words) in [
        (r#"{"type":7}"#, None),
        (r#"{"type":7,"allowReconnect":true}"#, None),
        (
            r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":"yes"}"#,
            Some("Connection closed with an error."),
        ),
        (r#"{"type":7,"error":123}"#, Some("123")),
    ] {
        let mut world = World::open();
        let behind = "{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[]}\u{1e}";
        let Err(Error::Closed { error, .. }) = world.text(&format!("{record}\u{1e}{behind}")) else {
            panic!("{record}")
        };
        assert_eq!((error.as_deref(), world.steps()), (words, vec![]), "{record}");
    }
    let mut world = World::open();
    world.connection.close();
    assert_eq!(world.sent(), ["{\"type\":7}\u{1e}"]);
    let mut early = World::new();
    early.sent();
    early.connection.close();
    assert_eq!(early.sent(), [""; 0], "before the handshake a hub knows no goodbye");
}

#[test]
fn a_close_record_says_whether_to_come_back() {
    for (record, expected) in [
        (r#"{"type":7}"#, false),
        (r#"{"type":7,"allowReconnect":false}"#, false),
        (r#"{"allowReconnect":true,"type":7}"#, true),
        (r#"{"type":7,"allowReconnect":"true"}"#, false),
        (r#"{"type":7,"allowReconnect":false,"allowReconnect":true}"#, true),
    ] {
        let Err(Error::Closed { allow_reconnect, .. }) = World::open().record(record) else {
            panic!("{record}")
        };
        assert_eq!(allow_reconnect, expected, "{record}");
    }
}

#[test]
fn time_in_which_nobody_could_listen_is_no_silence() {
    let mut world = World::open();
    world.wait(TIMING.server_timeout - TICK).unwrap();
    // an hour passes for everyone but this process
    world.now += 3600 * SECOND;
    world.connection.stood_still(world.now);
    world.wait(TIMING.server_timeout - TICK).unwrap();
    assert!(matches!(world.wait(TICK), Err(Error::Silent(_))));
    // a process that is late again and again has no more excuse, unless the hub was heard
    world.connection.stood_still(world.now);
    assert!(matches!(world.wait(TICK), Err(Error::Silent(_))));
    world.record(r#"{"type":6}"#).unwrap();
    world.now += 3600 * SECOND;
    world.connection.stood_still(world.now);
    world.wait(TIMING.server_timeout - TICK).unwrap();
}

#[test]
fn a_link_with_pings_alone_lasts_for_days() {
    let mut world = World::open();
    let (mut heard, mut pings, mut silent) = (Duration::ZERO, 0, Duration::ZERO);
    // the hub looks once a second whether 15 of them have passed
    for second in 0..3 * 86_400_u32 {
        world.wait(SECOND).unwrap();
        heard += SECOND;
        silent += SECOND;
        if heard >= (15 + second % 2) * SECOND {
            heard = Duration::ZERO;
            world.record(r#"{"type":6}"#).unwrap();
        }
        for record in world.sent() {
            assert_eq!(record, "{\"type\":6}\u{1e}");
            silent = Duration::ZERO;
            pings += 1;
        }
        assert!(silent <= TIMING.keep_alive, "the hub would leave");
    }
    assert_eq!((pings, world.steps().len()), (3 * 86_400 / 15, 0));
}
