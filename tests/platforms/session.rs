//! Sessions: what they do, and how they reconnect.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    ops::Deref,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use sonoran_hub::{Burst, Options, Shape};
use support::{hub::lasting_port, not_run, scratch, wait_for};

use crate::{Test, platform::Platform};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("events", events),
    ("wait_handle", wait_handle),
    ("calls", calls),
    ("units", units),
    ("reconnect", reconnect),
    ("tls", tls),
    ("names", names),
    ("ipv6", ipv6),
];

pub(crate) struct Hub {
    hub: sonoran_hub::Hub,
}

impl Hub {
    pub(crate) fn start() -> Self {
        Self::start_with(Options::default())
    }

    pub(crate) fn start_with(options: Options) -> Self {
        Self { hub: sonoran_hub::Hub::start(options).expect("the hub starts") }
    }

    /// A session's options for this hub.
    pub(crate) fn options(&self, more: Value) -> Value {
        options(self.url(), more)
    }

    /// Pushes this to the session.
    pub(crate) fn push(&self, event: &str) {
        let delivered = self.wait(self.hub.push("demo", 1, event, Shape::Verbatim));
        assert_eq!(delivered.to_string(), "websocket");
    }

    /// Pushes this many numbered events.
    pub(crate) fn burst(&self, count: u64) {
        let report = self.wait(self.hub.burst(Burst::new("demo", 1, count)));
        assert_eq!(report.websocket, count);
    }
}

impl Deref for Hub {
    type Target = sonoran_hub::Hub;

    fn deref(&self) -> &sonoran_hub::Hub {
        &self.hub
    }
}

/// A session's options for the hub at this URL.
pub(crate) fn options(url: &str, more: Value) -> Value {
    let mut options = json!({
        "communityId": "demo", "apiKey": "demo-key", "serverId": 1, "url": url, "retryMinMs": 10, "retryMaxMs": 200,
    });
    let Value::Object(more) = more else { panic!("{more} is no object") };
    options.as_object_mut().expect("it is one").extend(more);
    options
}

/// A thousand events arrive in order, and one with its exact bytes.
fn events(platform: &Platform) {
    const COUNT: u64 = 1000;
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    hub.burst(COUNT);
    for number in 0..COUNT {
        assert_eq!(host.expect(session, "EVENT_UNIT_STATUS")["data"]["seq"], number);
    }
    let exact =
        r#"{ "type" :"EVENT_911","data":{"x":1E+2,"n":123456789012345678901234567890,"t":"é😀 \u00e9\/"} }"#;
    hub.push(exact);
    assert_eq!(host.tell(&format!("wait {session} 120000")).text, exact);
    let stats: Value = serde_json::from_str(&host.tell(&format!("stats {session}")).text).expect("JSON");
    assert_eq!((&stats["pushes"], &stats["state"]), (&(COUNT + 1).into(), &"ready".into()), "{stats}");
    host.close(session);
}

/// What an event loop waits on is set while an event waits, also after a takeover and at the end.
fn wait_handle(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let options = hub.options(json!({}));
    let mut session = host.ready(&options);
    for _ in 0..2 {
        let mut is_set = |timeout_ms: u32| host.tell(&format!("handle {session} {timeout_ms}")).number;
        assert_eq!(is_set(0), 0);
        hub.push(r#"{"type":"EVENT_TONE"}"#);
        // it stays set until the event is taken
        assert_eq!((is_set(120_000), is_set(0)), (1, 1));
        host.expect(session, "EVENT_TONE");
        assert_eq!(host.tell(&format!("handle {session} 0")).number, 0);
        session = host.connect(&options);
        assert_eq!(host.tell(&format!("handle {session} 120000")).number, 1);
        assert_eq!(host.expect(session, "SESSION_READY")["resumed"], true);
    }
    host.tell(&format!("disconnect {session}"));
    assert_eq!(host.tell(&format!("handle {session} 120000")).number, 1);
    host.expect(session, "SESSION_CLOSED");
    assert_eq!(host.tell(&format!("handle {session} 0")).number, -10);
    host.end();
}

/// Calls to the hub end with its answer.
fn calls(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    for (call, code, result) in [
        (r#"echo [{"a":[1.50,"é"]}]"#, "ok", json!({"a": [1.50, "é"]})),
        (r#"fail ["because"]"#, "error", Value::Null),
    ] {
        let id = host.tell(&format!("invoke {session} {call}")).number;
        assert!(id > 0);
        let ended = host.expect(session, "SESSION_CALL_RESULT");
        assert_eq!((&ended["id"], &ended["code"], &ended["result"]), (&id.into(), &code.into(), &result));
    }
    let refused = host.tell(&format!("invoke {session} echo no-json"));
    assert!(refused.number == -2 && !refused.text.is_empty(), "{refused:?}");
    host.close(session);
}

/// Locations of more units than fit into one call all arrive, each once.
fn units(platform: &Platform) {
    const COUNT: usize = 60;
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    let units: Vec<_> = (0..COUNT)
        .map(|unit| json!({"identId": unit, "location": "Alta St", "coordinates": {"x": 0.5}}))
        .collect();
    assert_eq!(host.tell(&format!("units {session} {}", json!(units))).number, 0);
    let arrived = wait_for("location of each unit", || {
        let calls = hub.calls().into_iter().filter(|call| call.method == "unitLocation");
        let batches = calls.filter_map(|call| call.argument).map(|units| serde_json::from_str(units.get()));
        let batches: Vec<Vec<Value>> = batches.map(|batch| batch.expect("a list")).collect();
        (batches.iter().map(Vec::len).sum::<usize>() >= COUNT).then_some(batches)
    });
    assert!(arrived.iter().all(|batch| batch.len() <= 25), "{arrived:?}");
    assert_eq!(arrived.concat(), units);
    host.close(session);
}

/// The session outlives its hub and goes on with the next one at that address.
fn reconnect(platform: &Platform) {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, lasting_port()));
    let start = || Hub::start_with(Options { listen, ..Options::default() });
    let hub = start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    hub.push(r#"{"type":"EVENT_TONE","data":1}"#);
    assert_eq!(host.expect(session, "EVENT_TONE")["data"], 1);
    hub.hub.stop();
    host.expect(session, "SESSION_LOST");
    assert_eq!(host.expect(session, "SESSION_RETRY")["code"], "connect");
    let hub = start();
    host.expect_after_retries(session, "SESSION_READY");
    hub.push(r#"{"type":"EVENT_TONE","data":2}"#);
    assert_eq!(host.expect(session, "EVENT_TONE")["data"], 2);
    host.close(session);
}

/// A hub with a self-signed certificate, and the CA file for it.
pub(crate) fn tls_hub() -> (Hub, PathBuf) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let folder = scratch().join(format!("platforms/ca-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let hub = Hub::start_with(Options { self_signed: Some(folder.clone()), ..Options::default() });
    (hub, folder.join("ca.pem"))
}

/// The built-in roots refuse an unknown issuer, `caFile` accepts it, and a bad `caFile` fails at once.
fn tls(platform: &Platform) {
    let (hub, ca_file) = tls_hub();
    let mut host = platform.host();
    let stranger = host.connect(&hub.options(json!({})));
    let retry = host.expect(stranger, "SESSION_RETRY");
    assert_eq!(retry["code"], "tls", "{retry}");
    let with = |file: &Path| hub.options(json!({"caFile": platform.path(file), "serverId": 1}));
    let session = host.connect(&with(&ca_file));
    // it replaces the first session and gets its events
    host.expect_after_retries(session, "SESSION_READY");
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    let refused = host.tell(&format!("connect {}", with(&ca_file.with_file_name("key.pem"))));
    assert!(refused.number == -3 && refused.text.contains("caFile"), "{refused:?}");
    host.close(session);
    fs::remove_dir_all(ca_file.parent().expect("a folder")).expect("a folder of ours");
}

/// The system's resolver resolves names, and the host is told of an unknown one.
fn names(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let url = hub.url().replace("127.0.0.1", "localhost");
    let session = host.ready(&options(&url, json!({})));
    let nowhere =
        host.connect(&options("ws://no-such-host.invalid/apiWsHub", json!({"connectTimeoutMs": 20000})));
    let retry = host.expect(nowhere, "SESSION_RETRY");
    // a resolver without a name server may take longer than we wait
    assert!(retry["code"] == "dns" || retry["code"] == "timeout", "{retry}");
    assert!(retry["message"].as_str().is_some_and(|words| words.contains("no-such-host.invalid")), "{retry}");
    assert_eq!(host.tell(&format!("disconnect {nowhere}")).number, 0);
    host.expect_after_retries(nowhere, "SESSION_CLOSED");
    host.close(session);
}

fn ipv6(platform: &Platform) {
    let any = SocketAddr::from((IpAddr::from(Ipv6Addr::LOCALHOST), 0));
    if let Err(error) = TcpListener::bind(any) {
        return not_run(&format!("{}::ipv6: this machine has no IPv6: {error}", platform.rid));
    }
    let hub = Hub::start_with(Options { listen: any, ..Options::default() });
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    host.close(session);
}
