//! The host's calls and unit locations, with a peer that answers as no hub would.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{KEY, Peer, options};
use crate::wire::Wire;
use support::client::{Event, Process, Session, ffi};
use support::wait_until;

/// Returns a ready session and the peer's end of it.
fn live(peer: &Peer, more: &Value) -> (Session, Wire) {
    let session = Session::connect(&options(&peer.url(), more));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    let told = session.until("SESSION_READY");
    assert!(told.iter().rev().skip(1).all(|event| event.kind() == "SESSION_LOG"), "{told:?}");
    (session, wire)
}

/// Calls a method. Returns the host's number and the hub's id.
fn call(session: &Session, wire: &mut Wire) -> (i32, String) {
    let id = session.invoke("m", "[]").expect("it is ready");
    let call = wire.read_record().expect("the call");
    (id, call["invocationId"].as_str().expect("a text").to_owned())
}

#[test]
fn a_call_goes_out_as_one_record_whatever_is_in_it() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({}));
    let mut ids = Vec::new();
    for (method, arguments) in [
        ("m", "[]"),
        ("a\"b\\c\u{1e}\u{1}", r#"["\u001e\u0000\ud83d\ude00é😀\"\\",{"a":[1.0,null]}]"#),
        ("méthode", " [ 1 ,\n\t2 ] "),
    ] {
        session.invoke(method, arguments).expect("it is ready");
        let record = wire.read_record().expect("one record");
        assert_eq!(record["target"], method);
        assert_eq!(record["arguments"], serde_json::from_str::<Value>(arguments).expect("JSON"));
        assert_eq!(record["type"], 1);
        ids.push(record["invocationId"].clone());
    }
    // answers in another order
    for id in ids.iter().rev() {
        wire.record(&format!(r#"{{"type":3,"invocationId":{id},"result":{id}}}"#));
    }
    let results: Vec<_> = (0..3).map(|_| session.expect("SESSION_CALL_RESULT").get("result")).collect();
    assert_eq!(results, ids.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn an_answer_of_any_kind_ends_its_call_once() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({}));
    for (members, code, part) in [
        (r#""type":3"#, "ok", r#","result":null}"#),
        (r#""type":3,"result":null"#, "ok", r#","result":null}"#),
        (r#""type":3,"result": {"b":1.0} "#, "ok", r#","result":{"b":1.0}}"#),
        (r#""type":3,"error":null,"result":1"#, "ok", r#","result":1}"#),
        (r#""type":3,"error":"no\u0000 é""#, "error", "no\\u0000 é"),
        (r#""type":3,"error":"""#, "error", "refused m: "),
        (r#""type":3,"error":"for the-api-key""#, "error", "for (apiKey)"),
        (r#""type":2,"item":1"#, "error", "stream"),
    ] {
        let (id, at_hub) = call(&session, &mut wire);
        for _ in 0..2 {
            wire.record(&format!(r#"{{"invocationId":"{at_hub}",{members}}}"#));
        }
        let result = session.expect("SESSION_CALL_RESULT");
        assert_eq!((result.get("id"), result.code()), (json!(id), code.to_owned()), "{result}");
        assert!(result.0.contains(part), "{members}: {result}");
    }
    wait_until("the second answers", || session.figure("unknownMessages") == 8);
    assert_eq!((session.poll(), session.figure("ready")), (None, 1));
}

#[test]
fn an_answer_that_breaks_the_protocol_loses_the_call() {
    let _process = Process::shared();
    for members in [r#""type":3,"result":1,"error":"x""#, r#""type":3,"error":7"#] {
        let peer = Peer::start();
        let (session, mut wire) = live(&peer, &json!({}));
        let (id, at_hub) = call(&session, &mut wire);
        wire.record(&format!(r#"{{"invocationId":"{at_hub}",{members}}}"#));
        let result = session.expect("SESSION_CALL_RESULT");
        assert_eq!((result.get("id"), result.code()), (json!(id), "lost".to_owned()), "{result}");
        assert_eq!(session.expect("SESSION_LOST").code(), "protocol");
    }
}

/// Reads a call of `unitLocation`. Returns its locations and its id.
fn locations(wire: &mut Wire) -> (Value, String) {
    let call = wire.read_record().expect("a call");
    assert_eq!(call["target"], "unitLocation", "{call}");
    (call["arguments"][0].clone(), call["invocationId"].as_str().expect("a text").to_owned())
}

fn unit(number: usize) -> String {
    format!(r#"[{{"identId":{number},"location":"L"}}]"#)
}

#[test]
fn a_refusal_of_a_unit_is_told_once_and_names_it() {
    let _process = Process::shared();
    for refusal in [
        r#""result":{"success":false,"error":"Tracking is off for the-api-key","count":0}"#,
        r#""error":"Tracking is off for the-api-key""#,
    ] {
        let peer = Peer::start();
        let (session, mut wire) = live(&peer, &json!({}));
        assert_eq!(session.send_unit_locations(&unit(7)), Ok(0));
        let (units, id) = locations(&mut wire);
        assert_eq!(units, json!([{"identId": 7, "location": "L"}]));
        wire.record(&format!(r#"{{"type":3,"invocationId":"{id}",{refusal}}}"#));
        wait_until("it is refused", || session.figure("asideUnits") == 1);
        assert_eq!(session.send_unit_locations(&unit(7)), Ok(0), "it waits until its time is up");
        assert_eq!(session.figure("pendingUnits"), 0);
        let rejected = session.expect("SESSION_UNITS_REJECTED");
        assert_eq!(
            rejected.message(),
            "The hub refused the location of the unit with identId 7, now set aside for 60 s: \
             Tracking is off for (apiKey)."
        );
        assert_eq!((rejected.get("count"), rejected.get("suppressed")), (json!(1), json!(0)));
        assert_eq!((rejected.get("unit"), rejected.get("retryInMs")), (json!({"identId": 7}), json!(60000)));
        assert_eq!((session.poll(), session.state()), (None, ffi::SONORAN_STATE_READY));
    }
}

#[test]
fn a_hub_that_finds_them_too_fast_gets_them_again() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({}));
    assert_eq!(session.send_unit_locations(&unit(1)), Ok(0));
    for _ in 0..2 {
        let (units, id) = locations(&mut wire);
        assert_eq!(units, json!([{"identId": 1, "location": "L"}]));
        wire.complete(
            &id,
            r#"{"success":false,"error":"UNIT_LOCATION updates are limited to every 200ms."}"#,
        );
    }
    let (_, id) = locations(&mut wire);
    wire.complete(&id, r#"{"success":true}"#);
    wait_until("it is accepted", || session.figure("pendingUnits") == 0);
    assert_eq!(session.poll(), None, "that is between the library and the hub");
}

#[test]
fn locations_wait_for_the_login_and_survive_the_link() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({})));
    let two = json!([{"identId": 1, "location": "L"}, {"identId": 2, "location": "L"}]);
    assert_eq!(session.send_unit_locations(&two.to_string()), Ok(0));
    let mut wire = peer.accept();
    let id = wire.until_authenticate().expect("credentials");
    wire.expect_silence(Duration::from_millis(100)).expect("not before the hub knows who we are");
    wire.accept_credentials(&id);
    session.expect("SESSION_READY");
    assert_eq!(locations(&mut wire).0, two);

    // it got no answer, and one of its units has a newer location
    assert_eq!(
        session.send_unit_locations(r#"[{"identId":1,"location":"M"},{"apiId":"a","location":"N"}]"#),
        Ok(0)
    );
    wire.reset();
    session.expect("SESSION_LOST");
    let mut wire = peer.accept();
    let id = wire.until_authenticate().expect("credentials");
    wire.expect_silence(Duration::from_millis(100)).expect("not before the hub knows who we are");
    wire.accept_credentials(&id);
    session.expect("SESSION_READY");
    // units that a lost link took with it go out in smaller calls
    for newest in [
        json!([{"apiId": "a", "location": "N"}]),
        json!([{"identId": 1, "location": "M"}]),
        json!([{"identId": 2, "location": "L"}]),
    ] {
        let (units, id) = locations(&mut wire);
        assert_eq!(units, newest);
        wire.complete(&id, r#"{"success":true}"#);
    }
    wait_until("it is accepted", || session.figure("pendingUnits") == 0);
}

fn give(session: &Session, units: std::ops::Range<u64>) {
    let updates: Vec<_> = units.map(|unit| json!({"identId": unit, "location": "L"})).collect();
    assert_eq!(session.send_unit_locations(&Value::from(updates).to_string()), Ok(0));
}

fn ids(units: &Value) -> BTreeSet<u64> {
    units.as_array().expect("a list").iter().map(|unit| unit["identId"].as_u64().expect("a number")).collect()
}

#[test]
fn one_unit_that_the_hub_refuses_keeps_no_other_from_it() {
    let _process = Process::shared();
    thread::scope(|scope| {
        for count in [25, 50] {
            scope.spawn(move || {
                let peer = Peer::start();
                let (session, mut wire) = live(&peer, &json!({}));
                give(&session, 0..count);
                let (mut accepted, mut refused) = (BTreeSet::new(), 0);
                while accepted.len() < count as usize - 1 || refused < 3 {
                    let (units, id) = locations(&mut wire);
                    if ids(&units).contains(&13) {
                        refused += 1;
                        wire.complete(&id, r#"{"success":false,"error":"Bad update"}"#);
                    } else {
                        accepted.extend(ids(&units));
                        wire.complete(&id, r#"{"success":true}"#);
                    }
                }
                assert_eq!(accepted, (0..count).filter(|unit| *unit != 13).collect());
                assert_eq!(session.expect("SESSION_UNITS_REJECTED").get("count"), json!(25));
                let named = session.expect("SESSION_UNITS_REJECTED");
                assert_eq!(
                    (named.get("unit"), named.code()),
                    (json!({"identId": 13}), "rejected".to_owned())
                );
                wait_until("all are told", || session.figure("pendingUnits") == 0);
                assert_eq!(session.poll(), None);
            });
        }
    });
}

#[test]
fn a_unit_over_which_the_hub_hangs_up_costs_three_links_and_no_more() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({}));
    give(&session, 0..25);
    let (mut accepted, mut links) = (BTreeSet::new(), 0);
    while accepted.len() < 24 || links < 3 {
        let (units, id) = locations(&mut wire);
        if ids(&units).contains(&13) {
            links += 1;
            wire.record(r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#);
            wire.until_gone();
            wire = peer.accept();
            wire.ready().expect("it comes back");
        } else {
            accepted.extend(ids(&units));
            wire.complete(&id, r#"{"success":true}"#);
        }
    }
    assert_eq!(accepted, (0..25).filter(|unit| *unit != 13).collect());
    let told: Vec<_> = (0..7).map(|_| session.next()).collect();
    let named: Vec<_> = told.iter().filter(|event| event.kind() == "SESSION_UNITS_REJECTED").collect();
    assert_eq!(told.iter().filter(|event| event.kind() == "SESSION_LOST").count(), 3);
    assert!(named.len() == 1 && named[0].code() == "lost", "{named:?}");
    assert_eq!(named[0].get("unit"), json!({"identId": 13}));
    // whatever the host hears of it, the link stays
    give(&session, 13..14);
    wire.expect_silence(Duration::from_millis(500)).expect("it is set aside");
    assert_eq!((session.poll(), session.figure("asideUnits")), (None, 1));
}

#[test]
fn locations_without_an_answer_are_told_of() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({"callTimeoutMs": 300}));
    give(&session, 0..2);
    locations(&mut wire);
    let told = session.expect("SESSION_UNITS_REJECTED");
    assert_eq!(
        (told.code(), told.get("count"), told.get("unit")),
        ("timeout".to_owned(), json!(2), Value::Null)
    );
    for unit in 0..2 {
        let (units, id) = locations(&mut wire);
        assert_eq!(units[0]["identId"], unit);
        wire.complete(&id, r#"{"success":true}"#);
    }
    wait_until("all are told", || session.figure("pendingUnits") == 0);
}

#[test]
fn a_hub_that_has_forgotten_who_calls_is_told_again() {
    let _process = Process::shared();
    for by_units in [true, false] {
        let peer = Peer::start();
        let (session, mut wire) = live(&peer, &json!({}));
        let forgotten = r#"{"success":false,"error":"Unauthenticated. Call authenticate first.","count":0}"#;
        if by_units {
            give(&session, 0..2);
            let (_, id) = locations(&mut wire);
            wire.complete(&id, forgotten);
        } else {
            let (_, at_hub) = call(&session, &mut wire);
            wire.complete(&at_hub, forgotten);
            assert_eq!(session.expect("SESSION_CALL_RESULT").code(), "ok");
        }
        let id = wire.read_authenticate().expect("on the same connection");
        let lost = session.expect("SESSION_LOST");
        assert_eq!((lost.code(), lost.get("retryInMs")), ("unauthenticated".to_owned(), json!(0)));
        assert_eq!(session.invoke("m", "[]").expect_err("not now").0, ffi::SONORAN_E_NOT_READY);
        wire.accept_credentials(&id);
        session.expect("SESSION_READY");
        if by_units {
            let (units, id) = locations(&mut wire);
            assert_eq!(units.as_array().map(Vec::len), Some(2), "{units}");
            wire.complete(&id, r#"{"success":true}"#);
            wait_until("all are told", || session.figure("pendingUnits") == 0);
        }
        assert_eq!((session.poll(), session.state()), (None, ffi::SONORAN_STATE_READY));
    }
}

#[test]
fn a_hub_that_forgets_at_once_again_is_left_for_a_while() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({"authRetryMinMs": 60_000, "authRetryMaxMs": 60_000}));
    give(&session, 0..1);
    for _ in 0..2 {
        let (_, id) = locations(&mut wire);
        wire.complete(&id, r#"{"success":false,"error":"Unauthenticated. Call authenticate first."}"#);
        if let Ok(id) = wire.read_authenticate() {
            wire.accept_credentials(&id);
            session.expect("SESSION_LOST");
            session.expect("SESSION_READY");
        }
    }
    let lost = session.expect("SESSION_LOST");
    assert_eq!(lost.code(), "unauthenticated", "{lost}");
    assert!(lost.get("retryInMs").as_u64() >= Some(30_000), "{lost}");
}

#[test]
fn a_result_that_has_no_room_is_told_without_it() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({"queueBytes": 1_000_000}));
    let mut codes = Vec::new();
    for size in [600_000, 600_000, 1_000] {
        let (_, at_hub) = call(&session, &mut wire);
        wire.complete(&at_hub, &Value::from("x".repeat(size)).to_string());
    }
    wait_until("all have come", || session.figure("queuedEvents") == 3);
    for _ in 0..3 {
        let result = session.expect("SESSION_CALL_RESULT");
        let has_result = result.get("result") != Value::Null;
        assert_eq!(has_result, result.code() == "ok", "{result}");
        codes.push(result.code());
    }
    assert_eq!(codes, ["ok", "too-large", "ok"]);
}

#[test]
fn the_words_of_a_long_winded_hub_are_cut() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({"log": "debug"}));
    let words = format!("{KEY} {}", "\u{e9}".repeat(1_000_000));
    let cut = |event: &Event| {
        assert!(event.0.len() < 3_000 && event.message().contains("(cut here, of 2000"), "{event}");
        assert!(!event.0.contains(KEY) && event.message().ends_with("bytes)."), "{event}");
    };
    while session.poll().is_some() {}
    let (_, at_hub) = call(&session, &mut wire);
    wire.record(&format!(r#"{{"type":3,"invocationId":"{at_hub}","error":"{words}"}}"#));
    cut(&session.expect("SESSION_CALL_RESULT"));
    wire.record(&format!(r#"{{"type":1,"target":"{words}","arguments":[]}}"#));
    cut(&session.expect("SESSION_LOG"));
    wire.record(&format!(r#"{{"type":7,"error":"{words}"}}"#));
    cut(&session.expect("SESSION_LOST"));
    let stats = session.stats().expect("it lives");
    assert!(stats["lastError"].as_str().expect("a text").len() < 3_000);
}

#[test]
fn the_log_is_bounded_as_pushes_are_and_takes_no_room_of_theirs() {
    let _process = Process::shared();
    let peer = Peer::start();
    let (session, mut wire) = live(&peer, &json!({"log": "debug", "queueEvents": 5}));
    while session.poll().is_some() {}
    let event = |number: u64| format!(r#"{{"type":"EVENT_{number}"}}"#);
    let unknown = "{\"type\":1,\"target\":\"unknown\",\"arguments\":[]}\u{1e}".repeat(1_000);
    for number in 0..5 {
        wire.text(&unknown);
        wire.push(&event(number));
    }
    wait_until("all have come", || {
        session.figure("unknownMessages") == 5_000 && session.figure("pushes") == 5
    });
    assert_eq!((session.figure("queuedEvents"), session.figure("dropped")), (5, 0));
    for number in 0..5 {
        session.expect_text(&event(number));
    }
    // the next line tells what was lost
    wire.text("{\"type\":1,\"target\":\"unknown\",\"arguments\":[]}\u{1e}");
    let lost = session.expect("SESSION_LOG");
    assert_eq!(lost.message(), "5000 lines of the log were dropped here because the queue was full.");
    assert!(session.expect("SESSION_LOG").message().contains("unknown"));
}

#[test]
fn no_location_goes_to_a_hub_that_refused_the_credentials() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({})));
    let one = json!([{"identId": 1, "location": "L"}]);
    assert_eq!(session.send_unit_locations(&one.to_string()), Ok(0));
    for _ in 0..2 {
        let mut wire = peer.accept();
        let id = wire.until_authenticate().expect("credentials");
        wire.record(&format!(r#"{{"type":3,"invocationId":"{id}","error":"because"}}"#));
        let rejected = session.expect("SESSION_REJECTED");
        assert!(rejected.message().contains("because"), "{rejected}");
        assert!(rejected.get("retryInMs").as_u64().is_some_and(|delay| delay >= 1_000), "{rejected}");
        // its goodbye is all that follows
        while let Ok((opcode, payload)) = wire.read_frame() {
            let text = String::from_utf8_lossy(&payload).into_owned();
            assert!(opcode != crate::wire::TEXT || !text.contains("unitLocation"), "{text}");
        }
    }
    assert_eq!(session.figure("pendingUnits"), 1);
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    assert_eq!(locations(&mut wire).0, one);
}
