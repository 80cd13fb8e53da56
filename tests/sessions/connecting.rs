//! Connecting and reconnecting.

use std::time::Duration;

use serde_json::json;
use sonoran_hub::Options;

use crate::hub::{Hub, event, lasting_port, options, url};
use support::client::{Process, Session, ffi};
use support::wait_until;

#[test]
fn a_session_waits_for_a_hub_that_is_not_up_yet() {
    let process = Process::shared();
    let port = lasting_port();
    let session = Session::connect(&options(&url(port), 1, &json!({"retryMaxMs": 40})));
    for attempt in 1..=4 {
        let retry = session.expect("SESSION_RETRY");
        assert_eq!((retry.code(), retry.get("attempt")), ("connect".to_owned(), json!(attempt)), "{retry}");
        assert!(retry.get("retryInMs").as_u64().is_some_and(|delay| delay <= 40), "{retry}");
        assert!(retry.message().contains(&format!("127.0.0.1:{port}")), "{retry}");
    }
    assert_eq!(session.figure("ready"), 0);
    let hub = Hub::start_on(&process, port);
    let ready = session.expect_after_retries("SESSION_READY");
    assert_eq!((ready.get("serverId"), ready.get("resumed")), (json!(1), json!(false)), "{ready}");
    assert_eq!(ready.get("method"), "authenticate");
    assert_eq!(session.state(), ffi::SONORAN_STATE_READY);
    hub.push(1, &event(0));
    session.expect_text(&event(0));
}

#[test]
fn a_killed_hub_is_lost_and_found_in_place() {
    let process = Process::shared();
    let port = lasting_port();
    let hub = Hub::start_on(&process, port);
    let session = hub.ready(7, &json!({}));
    hub.push(7, &event(1));
    // once it has arrived: a reset may destroy what is still on the way
    wait_until("the push arrives", || session.figure("pushes") == 1);
    hub.stop();
    session.expect_text(&event(1));
    let lost = session.expect("SESSION_LOST");
    assert_eq!(lost.code(), "lost", "{lost}");
    assert!(lost.get("retryInMs").is_u64() && lost.message().contains("broke"), "{lost}");
    let retry = session.expect("SESSION_RETRY");
    assert_eq!(retry.code(), "connect", "{retry}");

    let hub = Hub::start_on(&process, port);
    session.expect_after_retries("SESSION_READY");
    assert_eq!(hub.called(), ["authenticate"]);
    hub.push(7, &event(2));
    session.expect_text(&event(2));
    assert_eq!(session.figure("ready"), 2);
}

#[test]
fn a_client_that_is_sent_away_comes_back() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let session = hub.ready(1, &json!({}));
    for round in 1..=3 {
        hub.push(1, &event(round));
        assert_eq!(hub.abort(Some(1)), 1);
        session.expect_text(&event(round));
        let lost = session.expect("SESSION_LOST");
        assert_eq!(lost.code(), "closed", "{lost}");
        session.expect("SESSION_READY");
        assert_eq!((hub.called().len(), hub.sessions().len()), (round + 1, 1));
    }
}

#[test]
fn sessions_get_only_their_own_events() {
    let process = Process::shared();
    let communities = ["one:key-one", "two:key-two"].map(|community| community.parse().expect("ID:KEY"));
    let hub = Hub::start_with(&process, Options { communities: communities.into(), ..Options::default() });
    let mut sessions = Vec::new();
    for (community, server) in [("one", 1), ("one", 2), ("two", 1)] {
        let more = json!({"communityId": community, "apiKey": format!("key-{community}")});
        sessions.push((community, server, hub.ready(server, &more)));
    }
    let text = |community, server, number| {
        format!(r#"{{"type":"EVENT_TONE","data":"{community} {server} {number}"}}"#)
    };
    for number in 0..20 {
        for (community, server, _) in &sessions {
            let text = text(*community, *server, number);
            hub.wait(sonoran_hub::Hub::push(&hub, community, *server, &text, sonoran_hub::Shape::Verbatim));
        }
    }
    for (community, server, session) in &sessions {
        for number in 0..20 {
            session.expect_text(&text(*community, *server, number));
        }
        assert_eq!(session.poll(), None);
    }
}

#[test]
fn fifty_sessions_share_the_threads() {
    let process = Process::shared();
    let hub = Hub::start(&process);
    let sessions: Vec<_> = (1..=50).map(|server| (server, hub.options(server, &json!({})))).collect();
    let sessions: Vec<_> =
        sessions.into_iter().map(|(server, options)| (server, Session::connect(&options))).collect();
    for (server, session) in &sessions {
        assert_eq!(session.expect("SESSION_READY").get("serverId"), *server);
    }
    assert_eq!(hub.sessions().len(), 50);
    for (server, _) in &sessions {
        hub.push(*server, &event(usize::try_from(*server).expect("small")));
    }
    for (server, session) in &sessions {
        session.expect_text(&event(usize::try_from(*server).expect("small")));
    }
    #[cfg(target_os = "linux")]
    {
        // one for all sessions, and up to sixteen for DNS
        let threads = support::client::library_threads().len();
        assert!((1..=17).contains(&threads), "{threads}");
    }
}

#[test]
fn an_idle_link_stays_up_and_says_nothing() {
    let process = Process::shared();
    let seconds = Duration::from_secs_f64;
    let hub = Hub::start_with(
        &process,
        Options { keep_alive: seconds(0.3), client_timeout: seconds(3.0), ..Options::default() },
    );
    let session = hub.ready(1, &json!({"keepAliveMs": 300, "serverTimeoutMs": 3000}));
    let connections = hub.connections();
    assert_eq!(session.wait(4_500), None, "longer than either side waits for a sign of life");
    assert_eq!(hub.connections(), connections);
    assert!(session.figure("readyMs") >= 4_500);
    hub.push(1, &event(0));
    session.expect_text(&event(0));
}
