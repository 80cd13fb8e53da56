//! Unit locations, on their way to the hub.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sonoran_hub::Call;

use crate::hub::{Hub, lasting_port};
use support::client::{Process, Session, ffi};
use support::hub::{Kind, Setup};
use support::wait_until;

fn update(unit: usize, place: usize) -> String {
    format!(r#"{{"identId":{unit},"location":"{place}"}}"#)
}

#[track_caller]
fn give(session: &Session, units: impl Iterator<Item = usize>, place: usize) {
    let updates: Vec<_> = units.map(|unit| update(unit, place)).collect();
    assert_eq!(session.send_unit_locations(&format!("[{}]", updates.join(","))), Ok(0));
}

/// Returns the locations in each call of `unitLocation`.
fn locations(calls: &[Call]) -> Vec<Vec<(u64, String)>> {
    let of_call = |call: &Call| {
        let argument: Value = serde_json::from_str(call.argument.as_ref()?.get()).expect("JSON");
        let one = |update: &Value| {
            (
                update["identId"].as_u64().expect("an id"),
                update["location"].as_str().expect("a text").to_owned(),
            )
        };
        Some(argument.as_array().expect("a list").iter().map(one).collect())
    };
    calls.iter().filter_map(of_call).collect()
}

#[test]
fn the_newest_of_each_unit_goes_out_in_calls_that_the_hub_accepts() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for place in 0..10 {
        give(&session, 0..60, place);
    }
    wait_until("all are told", || session.figure("pendingUnits") == 0);
    let calls: Vec<_> = hub.calls().into_iter().filter(|call| call.method == "unitLocation").collect();
    let told = locations(&calls);
    assert!(told.iter().all(|units| (1..=25).contains(&units.len())), "{told:?}");
    // measured from answer to call, so that the hub sees at least this much whatever the network does
    assert!(calls.windows(2).all(|pair| pair[1].at_ms - pair[0].at_ms >= 200.0), "{calls:?}");
    let last: BTreeMap<_, _> = told.iter().flatten().cloned().collect();
    assert_eq!(last, (0..60).map(|unit| (unit, "9".to_owned())).collect());
    // only the first call may leave before the last update
    assert!(told.iter().skip(1).flatten().all(|(_, place)| place == "9"), "{told:?}");

    // what has not changed is not sent again
    give(&session, 0..60, 9);
    assert_eq!(session.figure("pendingUnits"), 0);
    assert_eq!(session.poll(), None, "nothing was refused");
}

#[test]
fn locations_survive_a_restart_of_the_hub() {
    let process = Process::shared();
    let port = lasting_port();
    let hub = Hub::start_on(&process, port);
    let session = hub.ready(1, &json!({}));
    hub.stop();
    session.expect("SESSION_LOST");
    give(&session, 0..30, 1);
    give(&session, 0..10, 2);
    assert_eq!(session.figure("pendingUnits"), 30);

    let hub = Hub::start_on(&process, port);
    session.expect_after_retries("SESSION_READY");
    wait_until("all are told", || session.figure("pendingUnits") == 0);
    assert_eq!(hub.called()[0], "authenticate");
    let last: BTreeMap<_, _> = locations(&hub.calls()).into_iter().flatten().collect();
    let expected = |unit| if unit < 10 { "2" } else { "1" };
    assert_eq!(last, (0..30).map(|unit| (unit, expected(unit).to_owned())).collect());
}

#[test]
fn what_a_hub_can_read_arrives_and_what_is_nested_deeper_is_refused() {
    let process = Process::shared();
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for kind in [Kind::Local, Kind::AspNet] {
        if let Some(why) = kind.missing() {
            support::not_run(&why);
            continue;
        }
        let hub = support::hub::Hub::start(kind, Setup::default());
        let session = Session::try_connect(&hub.options(1, json!({}))).expect("good options");
        session.expect("SESSION_READY");
        // an update has 61 levels, itself among them
        let update =
            |levels: usize| format!(r#"[{{"identId":1,"location":"L","x":{}}}]"#, nested(levels - 1));
        let failed = session.send_unit_locations(&update(62)).expect_err("no hub reads it");
        assert_eq!(failed.0, ffi::SONORAN_E_UNIT, "{}", failed.1);
        assert!(failed.1.contains("unit update 0: it is nested 62 levels deep"), "{}", failed.1);
        assert_eq!(session.send_unit_locations(&update(61)), Ok(0));
        wait_until("it is told", || session.figure("pendingUnits") == 0);
        // the arguments of a call have 63, their array among them
        let failed = session.invoke("echo", &nested(64)).expect_err("no hub reads it");
        assert_eq!(failed.0, ffi::SONORAN_E_JSON, "{}", failed.1);
        assert!(failed.1.contains("arguments_json is nested 64 levels deep"), "{}", failed.1);
        session.invoke("echo", &nested(63)).expect("it is ready");
        let result = session.expect("SESSION_CALL_RESULT");
        assert_eq!(result.code(), "ok", "{kind:?}: {result}");
        assert_eq!((session.poll(), session.figure("ready")), (None, 1), "{kind:?}");
    }
    drop(process);
}

#[test]
fn one_bad_update_refuses_all() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for (updates, code, part) in [
        (format!("[{},{{\"identId\":1}}]", update(1, 1)), ffi::SONORAN_E_UNIT, "unit update 1: location"),
        (r#"[{"location":"L"}]"#.to_owned(), ffi::SONORAN_E_UNIT, "unit update 0"),
        ("{}".to_owned(), ffi::SONORAN_E_JSON, "updates_json"),
        ("[".to_owned(), ffi::SONORAN_E_JSON, "updates_json"),
        (format!("[{}]", " ".repeat(1 << 20)), ffi::SONORAN_E_TOO_LARGE, "updates_json"),
    ] {
        let failed = session.send_unit_locations(&updates).expect_err("it is bad");
        assert_eq!(failed.0, code, "{}", failed.1);
        assert!(failed.1.contains(part), "{}", failed.1);
    }
    assert_eq!(session.figure("pendingUnits"), 0);
    // the hub takes 100 a second of them meanwhile
    let thousand =
        |first: usize| (first..first + 1_000).map(|unit| update(unit, 1)).collect::<Vec<_>>().join(",");
    let mut refused = (0..100_000)
        .step_by(1_000)
        .filter_map(|first| session.send_unit_locations(&format!("[{}]", thousand(first))).err());
    assert_eq!(refused.next().expect("too many wait").0, ffi::SONORAN_E_BUSY);
    assert!(session.figure("pendingUnits") > 9_000);
    assert_eq!(hub.called()[0], "authenticate");
}
