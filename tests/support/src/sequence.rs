//! Sequences of calls, from a script: for the fuzz target `calls`, and for the test that runs its seeds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{Event, Failed, Session, ffi, shutdown, wait_any};

/// What an act may add to a session's options, by its digit.
const VARIANTS: [&str; 6] = [
    r"{}",
    r#"{"eventKey":"strip"}"#,
    r#"{"replace":false}"#,
    r#"{"queueEvents":3}"#,
    r#"{"apiKey":"Another-Key-Of-The-Fuzzer"}"#,
    r#"{"types":["EVENT_NUMBERED"],"log":"debug"}"#,
];

/// Runs a script, a line for each act: the first byte says which, the second is the digit of a session's server.
///
/// ```text
/// o   opens a session; the next digit is an index in VARIANTS
/// p   polls      w   waits for a millisecond      y   waits for all of them
/// n   wakes      h   takes the wait handle        d   disconnects
/// t   state      f   figures                      z   ends everything
/// i   calls a method of the hub with these arguments
/// u   sends these unit locations
/// g   passes this body on
/// e   passes the next numbered event on
/// ```
///
/// No hub is there. Each call returns what its documentation allows; of each server's numbered events none is twice,
/// none is out of order, and each that is missing was counted where it is missing.
///
/// Nothing else may use the library meanwhile.
pub fn run(script: &[u8]) {
    let mut host = Host::default();
    for act in script.split(|byte| *byte == b'\n').take(200) {
        host.act(act);
    }
    host.end();
}

#[derive(Default)]
struct Host {
    servers: BTreeMap<u32, Server>,
}

/// A session, and what its reader has seen of its server's numbered events.
struct Server {
    session: Session,
    key: String,
    /// The number of the last event that was passed on.
    sent: u64,
    /// The number of the last event that was read, and how many were dropped since.
    read: u64,
    dropped: u64,
    /// How many other events were passed on.
    others: u64,
    ended: bool,
}

impl Host {
    fn act(&mut self, act: &[u8]) {
        let [kind, digit, rest @ ..] = act else { return };
        let server = u32::from(digit.wrapping_sub(b'0') % 4);
        let rest = String::from_utf8_lossy(rest).replace('\0', " ");
        match kind {
            b'o' => return self.open(server, rest.bytes().next().unwrap_or_default()),
            b'z' => return self.end(),
            b'y' => return self.wait_any(),
            _ => {}
        }
        let Some(server) = self.servers.get_mut(&server) else { return expect_dead(7_000_000) };
        let session = &server.session;
        match kind {
            b'p' => {
                let event = session.poll();
                server.take(event);
            }
            b'w' => {
                let event = session.wait(1);
                server.take(event);
            }
            b'n' => check(session.wake()),
            b'h' => {
                let handle = session.wait_handle();
                assert!(handle >= 0 || i32::try_from(handle).is_ok_and(is_known), "handle {handle}");
            }
            b'd' => check(session.disconnect()),
            b't' => {
                let state = session.state();
                assert!((1..=5).contains(&state) || is_known(state), "state {state}");
            }
            b'f' => assert_eq!(session.stats().is_none(), server.ended, "{:?}", session.stats()),
            b'i' => check(session.invoke("echo", &rest)),
            b'u' => check(session.send_unit_locations(&rest)),
            // it may have the key, though hardly a number
            b'g' if !rest.contains("EVENT_NUMBERED") => {
                let taken = session.ingest(&rest);
                server.others += u64::from(taken.is_ok());
                check(taken);
            }
            b'e' => {
                let number = server.sent + 1;
                let event = json!({"key": server.key, "type": "EVENT_NUMBERED", "number": number});
                match session.ingest(&event.to_string()) {
                    Ok(_) => server.sent = number,
                    Err(Failed(code, _)) => {
                        assert!([ffi::SONORAN_E_CLOSED, ffi::SONORAN_E_SESSION].contains(&code), "{code}");
                    }
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, server: u32, variant: u8) {
        let mut options = json!({
            "communityId": "c", "apiKey": "A-Key-Of-The-Fuzzer", "serverId": server, "url": "ws://127.0.0.1:1",
            "retryMinMs": 3_600_000, "retryMaxMs": 3_600_000, "idleCloseMs": 0,
        });
        let more: Value =
            serde_json::from_str(VARIANTS[usize::from(variant) % VARIANTS.len()]).expect("JSON");
        for (name, value) in more.as_object().expect("an object") {
            options[name] = value.clone();
        }
        let key = options["apiKey"].as_str().expect("a string").to_owned();
        match Session::try_connect(&options.to_string()) {
            Ok(session) => {
                let before = self.servers.remove(&server);
                let mut opened =
                    Server { session, key, sent: 0, read: 0, dropped: 0, others: 0, ended: false };
                if let Some(before) = before {
                    expect_dead(before.session.number());
                    let with_another_key = opened.key != before.key;
                    opened = Server { session: opened.session, key: opened.key, ended: false, ..before };
                    if with_another_key {
                        // it inherits nothing
                        (opened.read, opened.dropped, opened.others) = (opened.sent, 0, 0);
                    }
                }
                self.servers.insert(server, opened);
            }
            Err(Failed(code, words)) => assert_eq!(code, ffi::SONORAN_E_EXISTS, "{words}"),
        }
    }

    fn wait_any(&self) {
        let numbers: Vec<_> = self.servers.values().map(|server| server.session.number()).collect();
        if !numbers.is_empty() {
            check(wait_any(&numbers, 1));
        }
    }

    fn end(&mut self) {
        check(shutdown(60_000));
        for (_, server) in std::mem::take(&mut self.servers) {
            expect_dead(server.session.number());
        }
    }
}

impl Server {
    fn take(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        match event.kind().as_str() {
            "EVENT_NUMBERED" => {
                let number = event.get("number").as_u64().expect("a number");
                assert!(number > self.read, "after {}: {event}", self.read);
                let missing = number - self.read - 1;
                // which events a count is about, only the library knows
                let counted = missing <= self.dropped && self.dropped <= missing + self.others;
                assert!(counted, "{} counted as dropped, {missing} missing before {event}", self.dropped);
                self.others -= self.dropped - missing;
                (self.read, self.dropped) = (number, 0);
            }
            // counts what went before this session, whenever its predecessor has ended
            "SESSION_EVENTS_DROPPED" if event.code() == "another-key" => {}
            "SESSION_EVENTS_DROPPED" => self.dropped += event.get("count").as_u64().expect("a count"),
            "SESSION_CLOSED" => {
                self.ended = true;
                expect_dead(self.session.number());
            }
            _ => {}
        }
    }
}

/// Fails if a failed call has a code that the header does not list, or no sentence.
#[track_caller]
fn check(result: Result<i32, Failed>) {
    if let Err(Failed(code, words)) = result {
        assert!(is_known(code) && code != ffi::SONORAN_E_INTERNAL && !words.is_empty(), "{code}: {words}");
    }
}

fn is_known(code: i32) -> bool {
    // SAFETY: a text of the library that stays valid forever.
    let name = unsafe { std::ffi::CStr::from_ptr(ffi::sonoran_error_name(code)) };
    code < 0 && name != c"unknown"
}

#[track_caller]
fn expect_dead(number: i32) {
    let session = Session::numbered(number);
    assert_eq!(session.state(), ffi::SONORAN_E_SESSION, "session {number} still exists");
    assert!(session.poll().is_none() && session.stats().is_none());
}
