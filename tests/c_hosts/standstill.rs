//! A host that is suspended (by SIGSTOP, as in a debugger or on a paused machine) while the hub goes on.

use std::{thread, time::Duration};

use serde_json::json;
use support::{
    hub::{Hub, Kind, Setup},
    relay::Relay,
};

use crate::stream::HubTest;

pub(crate) const TESTS: &[(&str, HubTest)] =
    &[("stood_still", stood_still), ("hub_gone_meanwhile", hub_gone_meanwhile)];

const SILENCE: Duration = Duration::from_secs(2);

/// A suspended host that calls a link dead after [`SILENCE`], with a more patient hub.
fn frozen(kind: Kind) -> (Hub, Relay) {
    let hub = Hub::start(kind, Setup { keep_alive: 1, client_timeout: 60, ..Setup::default() });
    let silence = u64::try_from(SILENCE.as_millis()).expect("small");
    let mut relay = Relay::start(&[hub.options(1, json!({"serverTimeoutMs": silence, "keepAliveMs": 500}))]);
    relay.expect(0, "SESSION_READY");
    relay.stop();
    (hub, relay)
}

fn expect_burst(relay: &mut Relay, count: usize) {
    for number in 0..count {
        let event = relay.next(0).json();
        assert_eq!(event["data"]["seq"], number, "{event}");
    }
}

/// The library reads what came meanwhile before it judges the link, and keeps the link.
fn stood_still(kind: Kind) {
    let (hub, mut relay) = frozen(kind);
    let connections = hub.connections(1);
    hub.burst(1, 200);
    thread::sleep(2 * SILENCE);
    relay.go_on();
    expect_burst(&mut relay, 200);
    relay.expect_nothing(2 * SILENCE);
    assert_eq!(hub.connections(1), connections);
    relay.end();
}

/// If the hub dies meanwhile, the library reads what the hub had sent before it reports the loss.
fn hub_gone_meanwhile(kind: Kind) {
    let (hub, mut relay) = frozen(kind);
    hub.burst(1, 800);
    drop(hub);
    thread::sleep(2 * SILENCE);
    relay.go_on();
    expect_burst(&mut relay, 800);
    let lost = relay.expect(0, "SESSION_LOST");
    assert_eq!(lost["code"], "lost", "{lost}");
    relay.expect(0, "SESSION_RETRY");
}
