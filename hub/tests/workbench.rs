//! What the page and the tests of plugins use: faults, recordings, the log, and access to them.

mod common;

use std::{net::SocketAddr, time::Duration};

use common::{DEADLINE, Subject, http, options, within};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::{client::legacy::Client as HttpClient, rt::TokioExecutor};
use serde_json::{Value, json};
use sonoran_hub::Options;
use tokio::time::{Instant, sleep, timeout};

fn subject() -> Subject {
    // only this hub has this remote control: there is nothing to compare it with
    Subject::start_with(Options { keep_alive: Duration::ZERO, ..options() })
}

async fn json_of(subject: &Subject, path: &str) -> Value {
    let (status, text) = subject.get(path).await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
}

async fn told(subject: &Subject, what: &str, body: &str) -> String {
    let (status, text) = subject.post(&format!("/control/{what}"), body).await;
    assert_eq!(status, 200, "{what}: {text}");
    text
}

#[tokio::test]
async fn a_frozen_link_stays_open_and_moves_again() {
    let subject = subject();
    let mut client = subject.session(1).await;
    told(&subject, "freeze?on=true", "").await;
    told(&subject, "push?serverId=1", "{}").await;
    assert!(timeout(Duration::from_millis(300), client.record()).await.is_err(), "something moved");
    told(&subject, "freeze?on=false", "").await;
    assert!(client.next().await.unwrap().contains("pushEvent"));
}

#[tokio::test]
async fn a_restart_ends_links_without_a_word_and_the_hub_stays_down() {
    let subject = subject();
    let mut client = subject.session(1).await;
    told(&subject, "restart?down=600", "").await;
    assert_eq!(client.end().await, (vec![], common::End::Broken));
    assert_eq!(subject.get("/apiWsHub").await.0, 503);
    told(&subject, "restart?down=0", "").await;
    assert_eq!(subject.get("/apiWsHub").await.0, 400);
    subject.session(1).await;
}

#[tokio::test]
async fn a_rival_sends_away_whoever_comes_for_its_server() {
    let subject = subject();
    told(&subject, "rival?serverId=1&on=true", "").await;
    let mut other = subject.session(2).await;
    let mut client = subject.session(1).await;
    assert_eq!(client.end().await.0, ["{\"type\":7}"]);
    told(&subject, "rival?serverId=1&on=false", "").await;
    let mut client = subject.session(1).await;
    sleep(Duration::from_millis(500)).await;
    for (server, client) in [(1, &mut client), (2, &mut other)] {
        told(&subject, &format!("push?serverId={server}"), "{}").await;
        assert!(client.next().await.unwrap().contains("pushEvent"));
    }
}

#[tokio::test]
async fn answers_can_be_slow_and_the_stream_can_change() {
    let subject = subject();
    let mut client = subject.session(1).await;
    told(&subject, "slow?seconds=0.3", "").await;
    let started = Instant::now();
    client.call("echo", "1").await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    told(&subject, "slow?seconds=0", "").await;
    told(&subject, "stream?rate=200", "").await;
    for _ in 0..3 {
        assert!(client.next().await.unwrap().contains("EVENT_"));
    }
    told(&subject, "stream?rate=0", "").await;
    assert_eq!(json_of(&subject, "/control/state").await["streamRate"], 0.0);
}

#[tokio::test]
async fn a_forced_fallback_takes_pushes_from_a_session() {
    let subject = subject();
    let _client = subject.session(1).await;
    // the hub itself answers the POST with 404
    let url = format!("{}/elsewhere", subject.http);
    told(&subject, &format!("fallback?force=true&url={url}"), "").await;
    assert_eq!(told(&subject, "push?serverId=1", "{}").await, "{\"delivered\":\"http 404\"}");
    told(&subject, &format!("fallback?url={url}"), "").await;
    assert_eq!(told(&subject, "push?serverId=1", "{}").await, "{\"delivered\":\"websocket\"}");
    told(&subject, "fallback", "").await;
    assert_eq!(told(&subject, "push?serverId=2", "{}").await, "{\"delivered\":\"nowhere\"}");
}

#[tokio::test]
async fn what_was_pushed_is_saved_and_played_byte_for_byte() {
    let subject = subject();
    let mut client = subject.session(1).await;
    let events = [
        r#"{"key":"demo-key","type":"EVENT_A","data":{"n":1.50e1, "s":"\u00e4/"} }"#,
        r#"{"type":"EVENT_B","key":"demo-key"}"#,
    ];
    let mut first = Vec::new();
    for event in events {
        told(&subject, "push?serverId=1&shape=verbatim", event).await;
        first.push(client.next().await.unwrap());
    }
    let (_, recording) = subject.get("/control/recording").await;
    assert_eq!(recording.lines().count(), 2);
    assert!(
        recording.contains("\"ms\":0.000") && !recording.lines().next().unwrap().contains("demo-key"),
        "{recording}"
    );
    let recording = format!("{{\"event\":{{\"type\":\"SESSION_READY\"}}}}\n{recording}");
    let played = told(&subject, "replay?serverId=1&speed=max&wait=true", &recording).await;
    assert_eq!(played, r#"{"websocket":2,"other":0,"skipped":1}"#);
    for record in first {
        assert_eq!(client.next().await.unwrap(), record);
    }
    // a replay ends when told to, even during a long pause
    told(&subject, "clear", "").await;
    let long = "{\"ms\":0,\"event\":{}}\n{\"ms\":3600000,\"event\":{}}\n";
    assert_eq!(told(&subject, "replay?serverId=1", long).await, r#"{"events":2}"#);
    assert!(client.next().await.unwrap().contains("pushEvent"));
    told(&subject, "replay/stop", "").await;
    let ended = async {
        while !json_of(&subject, "/control/log").await.to_string().contains("played: 1 to a session") {
            sleep(Duration::from_millis(10)).await;
        }
    };
    within(ended).await;
}

#[tokio::test]
async fn units_are_known_with_their_age_and_the_log_tells_all() {
    let subject = subject();
    let mut client = subject.session(1).await;
    let update = r#"[{"communityUserId":"u1","location":"A St","coordinates":{"x":1,"y":2}}]"#;
    assert_eq!(client.call("unitLocation", update).await["result"]["success"], true);
    let units = json_of(&subject, "/control/units").await;
    assert_eq!((&units[0]["unit"], &units[0]["serverId"]), (&json!("communityUserId u1"), &json!(1)));
    assert!(units[0]["ageMs"].as_u64().unwrap() < DEADLINE.as_millis() as u64);
    let log = json_of(&subject, "/control/log").await;
    let kinds: Vec<_> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["session", "call"]);
    let from = format!("/control/log?from={}", log["next"]);
    assert_eq!(json_of(&subject, &from).await["entries"], json!([]));
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let subject = subject();
    for (what, body, part) in [
        ("push", "{}", "serverId"),
        ("push?serverId=1&shap=object", "{}", "shap"),
        ("push?serverId=1", "{", "no JSON"),
        ("raw?serverId=1", "{}", "JSON array"),
        ("stream?rate=-1", "", "rate"),
        ("slow?seconds=1e9", "", "seconds"),
        ("restart?down=NaN", "", "down"),
        ("fallback?url=ftp://h", "", "http://"),
        ("replay?serverId=1&speed=fast", "", "speed is fast"),
        ("replay?serverId=1", "{}\n", "line 1"),
        ("freeze?on=maybe", "", "on"),
    ] {
        let (status, text) = subject.post(&format!("/control/{what}"), body).await;
        assert!(status == 400 && text.contains(part), "{what}: {status} {text}");
    }
    let file = json_of(&subject, "/control/openapi.json").await;
    for (path, methods) in file["paths"].as_object().unwrap() {
        if path == "/control/live" || path == "/control/health" || path.ends_with("replay/stop") {
            continue;
        }
        // the hub knows each parameter of the file by this name
        let Some(parameters) =
            methods["post"]["parameters"].as_array().or_else(|| methods["get"]["parameters"].as_array())
        else {
            continue;
        };
        for parameter in parameters {
            let name = parameter["name"].as_str().unwrap();
            let method = if methods["post"].is_null() { "GET" } else { "POST" };
            let url = format!("{}{path}?{name}=%00", subject.http);
            let (_, text) = http(method, &url, "").await;
            assert!(!text.contains("unknown field"), "{path} {name}: {text}");
        }
    }
}

async fn ask(url: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let client: HttpClient<_, Full<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = within(client.request(request.body(Full::default()).unwrap())).await.unwrap();
    let cookie = response.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    within(response.into_body().collect()).await.unwrap();
    (status, cookie)
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let subject = subject();
    let state = format!("{}/control/state", subject.http);
    let own = subject.http.as_str();
    assert_eq!(ask(&state, &[]).await.0, 200);
    assert_eq!(ask(&state, &[("origin", own)]).await.0, 200);
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("host", "evil.example")],
        &[("host", "127.0.0.1.evil.example:80")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(ask(&state, headers).await.0, 403, "{headers:?}");
        assert_eq!(ask(own, headers).await.0, 403, "{headers:?}");
    }
    // a link on another site may lead to the page
    assert_eq!(ask(own, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]).await.0, 200);
}

#[tokio::test]
async fn beyond_this_machine_a_token_is_asked_for() {
    let listen: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let hub = sonoran_hub::Hub::start(Options { listen, ..options() }).unwrap();
    let page = hub.page().replace("0.0.0.0", "127.0.0.1");
    let (own, token) = page.split_once("/?token=").unwrap();
    assert!(token.len() >= 32, "{token}");
    let state = format!("{own}/control/state");
    assert_eq!(ask(&state, &[]).await.0, 401);
    assert_eq!(ask(own, &[]).await.0, 401);
    let wrong = format!("Bearer {}", "0".repeat(token.len()));
    assert_eq!(ask(&state, &[("authorization", &wrong)]).await.0, 401);
    assert_eq!(ask(&state, &[("authorization", &format!("Bearer {token}"))]).await.0, 200);
    let (status, cookie) = ask(&page, &[]).await;
    let cookie = cookie.unwrap();
    assert!(status == 200 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(ask(&state, &[("cookie", cookie)]).await.0, 200);
    assert_eq!(ask(&state, &[("cookie", cookie), ("origin", "http://evil.example")]).await.0, 403);
}
