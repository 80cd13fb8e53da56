//! Locations of units, on their way to the hub.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sonoran_hub::Call;

use support::client::{Process, Session, ffi};
use support::wait_until;
use crate::hub::{Hub, lasting_port};

fn update(unit: usize, place: usize) -> String {
    format!(r#"{{"identId":{unit},"location":"{place}"}}"#)
}

#[track_caller]
fn give(session: &Session, units: impl Iterator<Item = usize>, place: usize) {
    let updates: Vec<_> = units.map(|unit| update(unit, place)).collect();
    assert_eq!(session.send_unit_locations(&format!("[{}]", updates.join(","))), Ok(0));
}

/// The locations that each call of `unitLocation` had.
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
    // from answer to call, so that the hub sees at least that whatever the network does
    assert!(calls.windows(2).all(|pair| pair[1].at_ms - pair[0].at_ms >= 200.0), "{calls:?}");
    let last: BTreeMap<_, _> = told.iter().flatten().cloned().collect();
    assert_eq!(last, (0..60).map(|unit| (unit, "9".to_owned())).collect());
    // only the first call may have left before the last update
    assert!(told.iter().skip(1).flatten().all(|(_, place)| place == "9"), "{told:?}");

    // what has not changed need not be told again
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
    for first in (0..10_000).step_by(1_000) {
        give(&session, first..first + 1_000, 1);
    }
    let failed = session.send_unit_locations(&format!(
        "[{}]",
        (20_000..20_100).map(|unit| update(unit, 1)).collect::<Vec<_>>().join(",")
    ));
    assert_eq!(failed.expect_err("too many wait").0, ffi::SONORAN_E_BUSY);
    assert_eq!(hub.called()[0], "authenticate");
}
