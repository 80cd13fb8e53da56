//! What happens when the system has no thread or descriptor left.

use serde_json::json;

use crate::{
    Test,
    platform::Platform,
    session::{Hub, options},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("no_thread_to_start", no_thread_to_start),
    ("no_thread_to_resolve", no_thread_to_resolve),
    ("no_descriptor_to_start", no_descriptor_to_start),
    ("no_descriptor_to_link", no_descriptor_to_link),
];

pub(crate) fn missing(platform: &Platform) -> Option<String> {
    let none = || "Windows limits neither the threads nor the handles of a process".to_owned();
    platform.missing().or_else(|| platform.is_windows().then(none)).or_else(|| {
        let emulated = platform.rid.ends_with("arm64") && !cfg!(target_arch = "aarch64");
        emulated.then(|| "an emulator needs threads and descriptors of its own".to_owned())
    })
}

/// The first connect gets no thread. It says so, and works once there is one.
fn no_thread_to_start(platform: &Platform) {
    nothing_to_start(platform, "threads");
}

fn no_descriptor_to_start(platform: &Platform) {
    nothing_to_start(platform, "files");
}

fn nothing_to_start(platform: &Platform, limit: &str) {
    let hub = Hub::start();
    let mut host = platform.host();
    assert_eq!(host.tell(&format!("limit {limit} 1")).number, 0);
    for _ in 0..3 {
        let refused = host.tell(&format!("connect {}", hub.options(json!({}))));
        assert!(refused.number == -21 && refused.text.len() > 20, "{refused:?}");
    }
    assert_eq!(host.tell(&format!("limit {limit} 0")).number, 0);
    let session = host.ready(&hub.options(json!({})));
    host.close(session);
}

/// Resolving a name needs a thread. Without one the session tries again, and others go on.
fn no_thread_to_resolve(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    assert_eq!(host.tell("limit threads 1").number, 0);
    let url = hub.url().replace("127.0.0.1", "localhost");
    let named = host.connect(&options(&url, json!({"serverId": 2, "connectTimeoutMs": 500})));
    for _ in 0..3 {
        let retry = host.expect(named, "SESSION_RETRY");
        assert!(retry["code"] == "dns" || retry["code"] == "timeout", "{retry}");
    }
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    assert_eq!(host.tell("limit threads 0").number, 0);
    host.expect_after_retries(named, "SESSION_READY");
    host.close(session);
}

/// A session cannot open a link without a descriptor, and opens it once there is one.
fn no_descriptor_to_link(platform: &Platform) {
    let hub = Hub::start();
    let mut host = platform.host();
    let session = host.ready(&hub.options(json!({})));
    // a second session, because the first one's next link would reuse its descriptor
    assert_eq!(host.tell("limit files 1").number, 0);
    let other = host.connect(&hub.options(json!({"serverId": 2})));
    for _ in 0..3 {
        assert_eq!(host.expect(other, "SESSION_RETRY")["code"], "connect");
    }
    hub.push(r#"{"type":"EVENT_TONE"}"#);
    host.expect(session, "EVENT_TONE");
    assert_eq!(host.tell("limit files 0").number, 0);
    host.expect_after_retries(other, "SESSION_READY");
    host.close(session);
}
