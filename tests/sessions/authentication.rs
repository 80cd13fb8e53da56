//! The hub's answer to the credentials, and what the host hears of it.

use std::time::Duration;

use serde_json::{Value, json};
use sonoran_hub::{Auth, Methods, Options};

use crate::hub::{Hub, KEY, event};
use support::client::{Process, Session, ffi, last_error};

/// The fastest settings for slow retries.
fn slowly() -> Value {
    json!({"authRetryMinMs": 1000, "authRetryMaxMs": 1100})
}

fn rejecting(words: &str) -> Auth {
    Auth { reject: Some(words.to_owned()), delay: Duration::ZERO }
}

#[test]
fn a_wrong_key_is_rejected_in_the_hubs_words_and_tried_slowly() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let mut options = hub.options(1, &slowly());
    options["apiKey"] = json!("wrong-key");
    let session = Session::connect(&options);
    for _ in 0..3 {
        let rejected = session.expect("SESSION_REJECTED");
        assert_eq!(rejected.code(), "rejected");
        assert!(rejected.message().contains("Invalid API key."), "{rejected}");
        assert!(!rejected.0.contains("wrong-key"), "{rejected}");
        assert!((1000..=1100).contains(&rejected.get("retryInMs").as_u64().expect("a number")), "{rejected}");
    }
    assert_eq!(session.figure("ready"), 0);
    assert!(session.stats().expect("it is open")["lastError"].to_string().contains("Invalid API key."));
    let failed = session.invoke("echo", "[1]").expect_err("nobody is logged in");
    assert_eq!(failed.0, ffi::SONORAN_E_NOT_READY);
    let calls = hub.calls();
    assert!(calls.len() >= 3, "{calls:?}");
    assert!(calls.windows(2).all(|pair| pair[1].at_ms - pair[0].at_ms >= 1000.0), "{calls:?}");
    assert!(hub.sessions().is_empty());
}

#[test]
fn a_host_that_connects_anew_on_every_refusal_is_no_faster() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let mut options = hub.options(1, &json!({"authRetryMinMs": 60_000, "authRetryMaxMs": 60_000}));
    options["apiKey"] = json!("wrong-key");
    for round in 0..20 {
        // with other options it is another session
        options["stableMs"] = json!(round / 2);
        let session = Session::connect(&options);
        let rejected = session.until("SESSION_REJECTED").pop().expect("one");
        assert!(rejected.message().contains("Invalid API key."), "{rejected}");
        assert!(rejected.get("retryInMs").as_u64().is_some_and(|left| left <= 60_000), "{rejected}");
        if round % 3 == 0 {
            assert_eq!(session.disconnect(), Ok(0));
            session.expect("SESSION_CLOSED");
        }
    }
    assert_eq!(hub.called().len(), 1);
    // it is this key that the hub refused
    options["apiKey"] = json!(KEY);
    Session::connect(&options).until("SESSION_READY");
}

#[test]
fn once_the_hub_accepts_the_session_is_ready() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    hub.set_auth(rejecting("Down for maintenance"));
    let session = Session::connect(&hub.options(1, &slowly()));
    let rejected = session.expect("SESSION_REJECTED");
    assert!(rejected.message().contains("Down for maintenance"), "{rejected}");
    hub.set_auth(Auth::default());
    session.expect_after_retries("SESSION_READY");
    hub.push(1, &event(0));
    session.expect_text(&event(0));
}

#[test]
fn auto_finds_the_method_and_remembers_it() {
    let process = Process::shared();
    for (methods, method, tried) in [
        (Methods::V1, "authenticate", ["authenticate", "authenticate"].as_slice()),
        (Methods::V2, "authenticatev2", &["authenticate", "authenticatev2", "authenticatev2"]),
        (Methods::Both, "authenticate", &["authenticate", "authenticate"]),
    ] {
        let hub = Hub::start_with(&process, Options { methods, ..Options::default() });
        let session = Session::connect(&hub.options(1, &json!({"log": "debug"})));
        let mut events = session.until("SESSION_READY");
        hub.abort(None);
        events.extend(session.until("SESSION_READY"));
        let ready: Vec<_> = events.iter().filter(|event| event.kind() == "SESSION_READY").collect();
        assert!(ready.iter().all(|ready| ready.get("method") == method), "{ready:?}");
        // read from the log: the hub does not list calls of methods that it does not know
        let calling =
            |event: &support::client::Event| Some(event.message().split_once("Calling ")?.1.to_owned());
        let calling: Vec<_> = events.iter().filter_map(calling).collect();
        let expected: Vec<_> = tried.iter().map(|method| format!("{method}.")).collect();
        assert_eq!(calling, expected, "{methods:?}");
        assert_eq!(hub.called(), [method, method], "{methods:?}");
    }
}

#[test]
fn a_chosen_method_is_the_only_one() {
    let process = Process::shared();
    for (methods, method) in [
        (Methods::Both, "authenticate"),
        (Methods::Both, "authenticatev2"),
        (Methods::V1, "authenticate"),
        (Methods::V2, "authenticatev2"),
    ] {
        let hub = Hub::start_with(&process, Options { methods, ..Options::default() });
        let session = Session::connect(&hub.options(1, &json!({"authMethod": method})));
        assert_eq!(session.expect("SESSION_READY").get("method"), method);
        assert_eq!(hub.called(), [method]);
    }
    let hub = Hub::start_with(&process, Options { methods: Methods::V1, ..Options::default() });
    let session = Session::connect(&hub.options(1, &json!({"authMethod": "authenticatev2"})));
    let rejected = session.expect("SESSION_REJECTED");
    assert!(rejected.message().contains("authenticatev2"), "{rejected}");
    assert!(rejected.message().contains("Method does not exist"), "{rejected}");
    assert!(hub.called().is_empty());
}

#[test]
fn the_credentials_go_out_as_documented() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let mut options = hub.options(1, &json!({}));
    options["serverId"] = json!("12");
    let text = Session::connect(&options);
    assert_eq!(text.expect("SESSION_READY").get("serverId"), 12);
    options.as_object_mut().expect("an object").remove("serverId");
    let none = Session::connect(&options);
    assert_eq!(none.expect("SESSION_READY").get("serverId"), Value::Null);
    let shown: Vec<_> = hub.calls().into_iter().map(|call| call.server_id).collect();
    assert_eq!(shown, [Some("12".to_owned()), Some("null".to_owned())]);
}

#[test]
fn the_api_key_is_in_nothing_that_the_library_says() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let words = format!("the key {KEY} is on the list of {KEY}s");
    hub.set_auth(rejecting(&words));
    let mut more = slowly();
    more["log"] = json!("debug");
    let session = Session::connect(&hub.options(1, &more));
    let mut said = session.until("SESSION_REJECTED");
    let stats = |session: &Session| session.stats().expect("it is open").to_string();
    let mut texts = vec![stats(&session)];
    assert!(texts[0].contains("is on the list"), "{texts:?}");
    hub.set_auth(Auth::default());
    said.extend(session.until("SESSION_READY"));
    let _ = session.invoke("fail", &json!([words]).to_string()).expect("it is ready");
    said.extend(session.until("SESSION_CALL_RESULT"));
    assert!(said.last().is_some_and(|result| result.message().contains("is on the list")), "{said:?}");
    hub.wait(hub.call_client("demo", 1, KEY, "1"));
    hub.wait(hub.send_raw("demo", 1, &format!("{}\u{1e}", json!({"type": 7, "error": words}))));
    said.extend(session.until("SESSION_LOST"));
    assert!(said.last().is_some_and(|lost| lost.message().contains("is on the list")), "{said:?}");
    texts.push(stats(&session));

    for wrong in [
        json!({"apiKey": KEY, "communityId": "demo", "url": 7}),
        json!({"apiKey": KEY, "communityId": "demo", "serverId": "one"}),
        json!({"apiKey": KEY}),
        json!({"apiKey": [KEY], "communityId": "demo"}),
    ] {
        let failed = Session::try_connect(&wrong.to_string()).expect_err("something is wrong with it");
        texts.extend([failed.1, last_error()]);
    }
    texts.extend(said.into_iter().map(|event| event.0));
    for text in &texts {
        assert!(!text.contains(KEY), "{text}");
    }
}
