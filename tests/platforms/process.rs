//! What the library does to its process, and what the process may do to the library.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use serde_json::json;
use support::wait_until;

use crate::{
    Test,
    platform::{Loader, Platform},
    session::{Hub, options, tls_hub},
};

pub(crate) const TESTS: &[(&str, Test)] =
    &[("shutdown", shutdown), ("exit", exit), ("unload", unload), ("startup", startup), ("panic", panic)];
pub(crate) const UNIX_TESTS: &[(&str, Test)] = &[("fork", fork)];

pub(crate) fn no_unix(platform: &Platform) -> Option<String> {
    platform.missing().or_else(|| platform.is_windows().then(|| "Windows has no fork".into()))
}

/// A shutdown ends the threads and the sessions in every state. A connect may follow it.
fn shutdown(platform: &Platform) {
    let hub = Hub::start();
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = format!("ws://{}/hub", silent.local_addr().expect("it has one"));
    let mut host = platform.host();
    assert_eq!(host.tell("shutdown 0").number, 0);
    for _ in 0..3 {
        let session = host.ready(&hub.options(json!({})));
        host.connect(&options(&silent, json!({"serverId": 2})));
        hub.push(r#"{"type":"EVENT_TONE"}"#);
        let stats = format!("stats {session}");
        wait_until("the event", || host.tell(&stats).text.contains(r#""queuedEvents":1"#));
        assert_eq!(host.tell("shutdown 60000").number, 1, "the event that nobody polled");
        assert_eq!(host.tell(&format!("state {session}")).number, -10);
        wait_until("the goodbye", || hub.sessions().is_empty());
        #[cfg(target_os = "linux")]
        if platform.loader != Loader::Wine {
            let tasks = format!("/proc/{}/task", host.id());
            // the system still lists an ended thread for a moment
            wait_until("the end of the threads", || std::fs::read_dir(&tasks).expect("it runs").count() == 1);
        }
    }
    host.end();
}

/// A process that exits without a shutdown ends at once and cleanly, whatever its sessions do.
fn exit(platform: &Platform) {
    let rounds = if platform.loader == Loader::Wine { 5 } else { 20 };
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let silent = format!("ws://{}/hub", silent.local_addr().expect("it has one"));
    let (hub, ca_file) = tls_hub();
    let ca_file = platform.path(&ca_file);
    for round in 0..rounds {
        let mut host = platform.host();
        host.connect(&options(&silent, json!({"serverId": 2})));
        let name = "ws://no-such-host.invalid/hub";
        host.connect(&options(name, json!({"serverId": 3})));
        let session = host.ready(&hub.options(json!({"caFile": ca_file})));
        hub.burst(2000);
        for _ in 0..round {
            host.expect(session, "EVENT_UNIT_STATUS");
        }
        host.end();
        wait_until("the end of the connection", || hub.sessions().is_empty());
    }
}

/// Unloading the file does nothing, and loading it again finds its state unchanged.
fn unload(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let load = format!("load {}", platform.path(&platform.library));
    for _ in 0..10 {
        assert_eq!(host.tell("unload").number, 0);
        assert_eq!(host.tell(&load).number, 0);
    }
    let session = host.ready(&hub.options(json!({})));
    assert_eq!(host.tell("unload").number, 0);
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    assert_eq!(host.tell(&load).number, 0);
    host.expect(session, "EVENT_TONE");
    host.close(session);
}

/// How long the library delays a server's start.
fn startup(platform: &Platform) {
    let hub = Hub::start();
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let mut host = platform.empty_host();
            let load = host.tell(&format!("load {}", platform.path(&platform.library)));
            let connect = host.tell(&format!("connect {}", hub.options(json!({}))));
            assert!(load.number == 0 && connect.number > 0, "{load:?}, {connect:?}");
            host.end();
            Duration::from_nanos(load.nanoseconds + connect.nanoseconds)
        })
        .collect();
    times.sort();
    let (best, median) = (times[0], times[times.len() / 2]);
    println!(
        "startup: {}: from loading to the first sonoran_connect's return: {best:.1?}, median {median:.1?}",
        platform.rid
    );
    // the best of several: the machine's other work does not count, nor does wine's loader
    let most = if platform.loader == Loader::Wine { 5000 } else { 100 };
    assert!(best < Duration::from_millis(most), "{times:?}");
}

/// A panic does not leave the function that it happens in, gives back what that had locked, and disturbs no session.
/// The host has the standard library panic in the file that is released: it breaks the clock for its own thread.
fn panic(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    let units = format!("units {session} {}", json!([{"identId": 1, "location": "Alta St"}]));
    for _ in 0..100 {
        let caught = host.tell(&format!("without clock {units}"));
        assert!(caught.number == -29 && caught.text.contains("internal error"), "{caught:?}");
    }
    assert_eq!(host.tell(&units).number, 0);
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    host.close(session);
}

/// A forked child gets an error at once, and its parent goes on.
fn fork(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    let options = hub.options(json!({"serverId": 2}));
    assert_eq!(host.tell(&format!("fork {session} {options}")).number, -20);
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    host.close(session);
}
