//! The hub as Rust tests and benchmarks use it.

mod common;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Duration,
};

use common::{Client, DEADLINE, End, within};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use sonoran_hub::{Auth, Burst, Community, Delivered, Hub, Methods, Options, Sessions, Shape};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

fn start(options: Options) -> Hub {
    Hub::start(options).expect("a hub starts on a free port")
}

async fn connect(hub: &Hub) -> Client {
    let mut client = Client::connect(hub.url()).await;
    client.shake_hands().await;
    client
}

async fn session(hub: &Hub, community: &str, server: u32) -> Client {
    let mut client = connect(hub).await;
    let reply = client.call("authenticatev2", &format!("\"{community}\",\"{community}-key\",{server}")).await;
    assert_eq!(reply["result"]["success"], true, "{reply}");
    client
}

async fn event(client: &mut Client) -> Value {
    let record: Value = serde_json::from_str(&client.next().await.unwrap()).unwrap();
    assert_eq!(record["target"], "pushEvent");
    record["arguments"][0].clone()
}

#[tokio::test]
async fn a_push_goes_to_its_community_and_server_only() {
    let communities = ["demo:demo-key", "second:second-key"].map(|text| text.parse::<Community>().unwrap());
    let hub = start(Options { communities: communities.into(), ..Options::default() });
    let mut first = session(&hub, "demo", 1).await;
    let mut second = session(&hub, "second", 1).await;
    assert_eq!(hub.push("second", 1, "{\"n\": 1}", Shape::Object).await, Delivered::WebSocket);
    assert_eq!(hub.push("demo", 1, "{\"n\": 2}", Shape::Object).await, Delivered::WebSocket);
    assert_eq!(hub.push("demo", 2, "{}", Shape::Object).await, Delivered::Nowhere);
    assert_eq!((event(&mut first).await, event(&mut second).await), (json!({ "n": 2 }), json!({ "n": 1 })));
    let who: Vec<_> = hub.sessions().into_iter().map(|session| (session.community, session.server)).collect();
    assert_eq!(who, [("demo".to_owned(), Some(1)), ("second".to_owned(), Some(1))]);

    drop(second);
    assert!(hub.until(DEADLINE, |hub| hub.sessions().len() == 1).await);
    assert_eq!(hub.push("second", 1, "{}", Shape::Object).await, Delivered::Nowhere);
}

#[tokio::test]
async fn the_newest_of_several_sessions_gets_the_pushes_if_only_one_shall() {
    for (sessions, both) in [(Sessions::Many, true), (Sessions::Last, false)] {
        let hub = start(Options { sessions, ..Options::default() });
        let (mut old, mut new) = (session(&hub, "demo", 1).await, session(&hub, "demo", 1).await);
        hub.push("demo", 1, "{\"n\":1}", Shape::Verbatim).await;
        assert_eq!(event(&mut new).await["n"], 1);
        drop(new);
        assert!(hub.until(DEADLINE, |hub| hub.sessions().len() == 1).await);
        hub.push("demo", 1, "{\"n\":2}", Shape::Verbatim).await;
        assert_eq!(event(&mut old).await["n"], if both { 1 } else { 2 });
    }
}

#[tokio::test]
async fn without_a_session_a_push_is_posted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/sonorancad/event", listener.local_addr().unwrap());
    let hub = start(Options { fallback: Some(url), ..Options::default() });
    let body = "{\"type\": \"EVENT_TONE\"}";
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(body.as_bytes()) {
            let mut buffer = [0; 1024];
            let length = socket.read(&mut buffer).unwrap();
            assert!(length > 0);
            request.extend_from_slice(&buffer[..length]);
        }
        socket.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    });
    assert_eq!(hub.push("demo", 1, body, Shape::Object).await, Delivered::Http(202));
    assert!(server.join().unwrap().starts_with("POST /sonorancad/event HTTP/1.1\r\n"));
    // Nobody listens there now.
    assert!(matches!(hub.push("demo", 1, body, Shape::Object).await, Delivered::HttpFailed(_)));
}

#[tokio::test]
async fn authentication_can_be_refused_and_delayed() {
    let hub = start(Options::default());
    let mut client = connect(&hub).await;
    let arguments = "\"demo\",\"demo-key\",\"7\"";
    hub.set_auth(Auth { reject: Some("Not \"now\".".into()), ..Auth::default() });
    let reply = client.call("authenticate", arguments).await;
    assert_eq!(reply["result"], json!({ "success": false, "error": "Not \"now\".", "count": 0 }));
    let path = format!("{}/control/auth", hub.http());
    assert_eq!(common::http("POST", &format!("{path}?reject=true&error=By%20HTTP"), "").await.0, 200);
    assert_eq!(client.call("authenticate", arguments).await["result"]["error"], "By HTTP");
    assert!(hub.sessions().is_empty());

    assert_eq!(common::http("POST", &format!("{path}?delay=0.2"), "").await.0, 200);
    let before = std::time::Instant::now();
    assert_eq!(client.call("authenticate", arguments).await["result"]["success"], true);
    assert!(before.elapsed() >= Duration::from_millis(200));

    let calls = hub.calls();
    assert_eq!((calls.len(), calls[0].server_id.as_deref()), (3, Some("7")));
    hub.clear();
    assert!(hub.calls().is_empty() && hub.requests().is_empty());
}

#[tokio::test]
async fn a_hub_may_know_only_one_way_to_authenticate() {
    let missing = "HubException: Method does not exist.";
    for (methods, works, lacks) in
        [(Methods::V1, "authenticate", "authenticatev2"), (Methods::V2, "authenticatev2", "authenticate")]
    {
        let hub = start(Options { methods, servers: vec![5..=5, 7..=9], ..Options::default() });
        let mut client = connect(&hub).await;
        let reply = client.call(lacks, "\"demo\",\"demo-key\",5").await;
        assert_eq!(
            reply["error"],
            format!("Failed to invoke '{lacks}' due to an error on the server. {missing}")
        );
        for (server, success) in [(5, true), (6, false), (9, true)] {
            let reply = client.call(works, &format!("\"demo\",\"demo-key\",{server}")).await;
            assert_eq!(reply["result"]["success"], success);
        }
    }
}

#[tokio::test]
async fn a_stopped_hub_breaks_its_connections_and_leaves_its_address() {
    let hub = start(Options::default());
    let address = hub.http().trim_start_matches("http://").parse().unwrap();
    let mut client = session(&hub, "demo", 1).await;
    hub.stop();
    assert_eq!(client.end().await, (vec![], End::Broken));
    for _ in 0..3 {
        let hub = start(Options { listen: address, ..Options::default() });
        let mut client = session(&hub, "demo", 1).await;
        assert!(Hub::start(Options { listen: address, ..Options::default() }).is_err());
        hub.stop();
        assert_eq!(client.end().await, (vec![], End::Broken));
    }
}

#[tokio::test]
async fn the_stream_brings_every_documented_event() {
    let hub = start(Options { stream: Some(Duration::from_millis(1)), ..Options::default() });
    let mut client = session(&hub, "demo", 1).await;
    let mut types = std::collections::HashSet::new();
    while types.len() < 29 {
        let event = event(&mut client).await;
        assert_eq!(event["key"], "demo-key");
        types.insert(event["type"].as_str().unwrap().to_owned());
    }
    assert!(types.contains("EVENT_UNIT_STATUS") && types.contains("GET_LOGS"));
}

#[tokio::test]
async fn a_blocking_test_is_served_too() {
    let hub = start(Options::default());
    let mut client = session(&hub, "demo", 1).await;
    thread::scope(|scope| {
        scope.spawn(|| {
            // No runtime here.
            assert!(hub.wait(hub.until(DEADLINE, |hub| !hub.sessions().is_empty())));
            assert!(!hub.wait(hub.until(Duration::from_millis(1), |hub| hub.sessions().is_empty())));
            assert_eq!(hub.wait(hub.push("demo", 1, "1", Shape::String)), Delivered::WebSocket);
            assert!(hub.wait(hub.send_raw("demo", 1, "{\"type\":99}\u{1e}")));
            assert!(hub.wait(hub.call_client("demo", 1, "any", "1,2")));
            let report = hub.wait(hub.burst(Burst { rate: Some(1000.0), ..Burst::new("demo", 1, 10) }));
            assert_eq!((report.websocket, report.other), (10, 0));
            assert_eq!(hub.wait(hub.burst(Burst::new("demo", 2, 10))).other, 10);
            assert_eq!(hub.abort(Some(2)), 0);
            assert_eq!(hub.abort(None), 1);
        });
    });
    let (records, end) = client.end().await;
    assert_eq!(end, End::Closed(1000));
    assert_eq!(records[0], "{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[\"1\"]}");
    assert_eq!(records[1..3], ["{\"type\":99}", "{\"type\":1,\"target\":\"any\",\"arguments\":[1,2]}"]);
    assert_eq!((records.len(), records[13].as_str()), (14, "{\"type\":7}"));
}

#[tokio::test]
async fn a_question_ends_with_its_client() {
    let hub = start(Options::default());
    assert!(hub.ask_client("demo", 1, "question", "").await.is_err());
    let mut client = session(&hub, "demo", 1).await;
    let answer = async {
        let question: Value = serde_json::from_str(&client.next().await.unwrap()).unwrap();
        client.send(&format!("{{\"type\":3,\"invocationId\":{}}}", question["invocationId"])).await;
    };
    let (answer, ()) = tokio::join!(hub.ask_client("demo", 1, "question", ""), answer);
    assert!(matches!(answer, Ok(None)));
    let leave = async move {
        client.next().await.unwrap();
        drop(client);
    };
    let (answer, ()) = tokio::join!(hub.ask_client("demo", 1, "question", ""), leave);
    assert_eq!(answer.unwrap_err(), "the client left");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nobody_else_up() {
    let hub = start(Options::default());
    let stuck = session(&hub, "demo", 1).await;
    let mut lively = session(&hub, "demo", 2).await;
    let body = "x".repeat(1_000_000);
    let flood = async {
        while hub.push("demo", 1, &body, Shape::String).await == Delivered::WebSocket {}
        std::future::pending().await
    };
    let lively = async {
        hub.push("demo", 2, "{}", Shape::Object).await;
        event(&mut lively).await
    };
    tokio::select! {
        never = flood => never,
        event = lively => assert_eq!(event, json!({})),
    }
    drop(stuck);
}

#[tokio::test]
async fn wss_with_a_certificate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let hub = start(Options {
        self_signed: Some(folder.path().join("tls")),
        plain: Some("127.0.0.1:0".parse().unwrap()),
        ..Options::default()
    });
    assert!(hub.url().starts_with("wss://127.0.0.1:") && hub.http().starts_with("https://127.0.0.1:"));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.path().join("tls/ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let address = hub.http().trim_start_matches("https://");
    for name in ["localhost", "127.0.0.1"] {
        let tcp = TcpStream::connect(address).await.unwrap();
        let tls = within(connector.connect(ServerName::try_from(name).unwrap(), tcp)).await.unwrap();
        let (socket, _) = within(tokio_tungstenite::client_async(hub.url(), tls)).await.unwrap();
        let mut client = Client::new(socket);
        client.shake_hands().await;
        assert_eq!(client.call("echo", "[1]").await["result"], json!([1]));
    }
    // The files that it wrote can be reused.
    let again = start(Options {
        cert: Some(folder.path().join("tls/cert.pem")),
        cert_key: Some(folder.path().join("tls/key.pem")),
        ..Options::default()
    });
    assert!(again.url().starts_with("wss://"));

    let (_, redirect) = common::http("POST", &format!("{}/redirect/negotiate", hub.addresses()[1]), "").await;
    assert!(redirect.contains(&format!("\"{}/apiWsHub?via=redirect\"", hub.addresses()[1])), "{redirect}");
    let broken =
        Options { cert: Some("missing.pem".into()), cert_key: Some("x".into()), ..Options::default() };
    assert!(Hub::start(broken).unwrap_err().to_string().contains("missing.pem"));
}
