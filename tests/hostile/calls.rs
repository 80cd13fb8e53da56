//! Calls of the host, and locations of units, with a peer that answers as no hub would.

use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Peer, options};
use support::client::{Process, Session, ffi};
use support::wait_until;
use crate::wire::Wire;

/// A session that is ready, and the peer's end of it.
fn live(peer: &Peer, more: &Value) -> (Session, Wire) {
    let session = Session::connect(&options(&peer.url(), more));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    (session, wire)
}

/// Calls a method. Returns the host's number, and the hub's id.
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
    // an answer to them in another order
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

/// The locations that a call of `unitLocation` has, and its id.
fn locations(wire: &mut Wire) -> (Value, String) {
    let call = wire.read_record().expect("a call");
    assert_eq!(call["target"], "unitLocation", "{call}");
    (call["arguments"][0].clone(), call["invocationId"].as_str().expect("a text").to_owned())
}

fn unit(number: usize) -> String {
    format!(r#"[{{"identId":{number},"location":"L"}}]"#)
}

#[test]
fn a_refusal_of_locations_is_told_once() {
    let _process = Process::shared();
    for refusal in [
        r#""result":{"success":false,"error":"Tracking is off for the-api-key","count":0}"#,
        r#""error":"Tracking is off for the-api-key""#,
    ] {
        let peer = Peer::start();
        let (session, mut wire) = live(&peer, &json!({}));
        for round in 0..2 {
            assert_eq!(session.send_unit_locations(&unit(round)), Ok(0));
            let (units, id) = locations(&mut wire);
            assert_eq!(units, json!([{"identId": round, "location": "L"}]));
            wire.record(&format!(r#"{{"type":3,"invocationId":"{id}",{refusal}}}"#));
            wait_until("it is refused", || session.figure("pendingUnits") == 0);
        }
        let rejected = session.expect("SESSION_UNITS_REJECTED");
        assert!(rejected.message().contains("Tracking is off for (apiKey)"), "{rejected}");
        assert_eq!((rejected.get("count"), rejected.get("untold")), (json!(1), json!(0)));
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

    // that was not answered, and of one of them something newer has come
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
    let (units, id) = locations(&mut wire);
    let newest = json!([
        {"identId": 2, "location": "L"}, {"identId": 1, "location": "M"}, {"apiId": "a", "location": "N"},
    ]);
    assert_eq!(units, newest);
    wire.complete(&id, r#"{"success":true}"#);
    wait_until("it is accepted", || session.figure("pendingUnits") == 0);
}
