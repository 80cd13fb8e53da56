//! On the wire this hub must do what an ASP.NET Core SignalR server was seen to do.
//!
//! `SONORAN_HUB_URL=http://127.0.0.1:PORT cargo test -p sonoran-hub --test wire` tests another hub, which must be
//! started with a keep-alive of 1 s and a client timeout of 3 s.

mod common;

use std::time::Duration;

use common::{Client, End, RS, Subject};
use serde_json::{Value, json};
use sonoran_hub::Options;
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}";
const CLOSED_WITH_ERROR: &str =
    "{\"type\":7,\"error\":\"Connection closed with an error.\",\"allowReconnect\":true}";

fn normal() -> End {
    End::Closed(1000)
}

#[tokio::test]
async fn handshake_that_is_accepted() {
    let hub = Subject::start();
    for request in [
        HANDSHAKE,
        "{\"version\":2,\"protocol\":\"json\"}",
        "{\"type\":1,\"protocol\":\"json\",\"version\":1,\"more\":[1]}",
        " {\"protocol\":\"JSON\",\"version\":0}\n",
    ] {
        let mut client = Client::connect(&hub.ws()).await;
        client.send(request).await;
        assert_eq!(client.record().await.as_deref(), Ok("{}"), "{request}");
    }
}

#[tokio::test]
async fn handshake_that_is_refused() {
    let hub = Subject::start();
    let unexpected = "An unexpected error occurred during connection handshake.";
    for (request, error) in [
        (
            "{\"protocol\":\"json\",\"version\":3}",
            "The server does not support version 3 of the 'json' protocol.",
        ),
        ("{\"protocol\":\"messagepack\",\"version\":1}", "The protocol 'messagepack' is not supported."),
        ("{\"protocol\":\"x\",\"version\":1}", "The protocol 'x' is not supported."),
        ("{\"protocol\":\"json\"}", unexpected),
        ("{\"protocol\":\"json\",\"version\":\"1\"}", unexpected),
        ("{\"version\":1}", unexpected),
        ("hello", unexpected),
        ("[]", unexpected),
        ("", unexpected),
    ] {
        let mut client = Client::connect(&hub.ws()).await;
        client.send(request).await;
        let expected = json!({ "error": error }).to_string();
        assert_eq!(client.end().await, (vec![expected], normal()), "{request}");
    }
}

#[tokio::test]
async fn handshake_that_does_not_come() {
    let hub =
        Subject::start_with(Options { handshake_timeout: Duration::from_millis(300), ..Options::default() });
    for (begun, rest) in [("", ""), ("{\"protocol\":", ""), ("{", &*" ".repeat(33_000))] {
        let mut client = Client::connect(&hub.ws()).await;
        client.message(Message::text(begun)).await;
        client.message(Message::text(rest)).await;
        let canceled = "{\"error\":\"Handshake was canceled.\"}".to_owned();
        assert_eq!(client.end().await, (vec![canceled], normal()), "{begun}");
    }
}

#[tokio::test]
async fn records_and_messages_are_cut_independently() {
    let hub = Subject::start();
    let call = "{\"type\":1,\"invocationId\":\"7\",\"target\":\"echo\",\"arguments\":[\"é\"]}";
    let text = format!("{HANDSHAKE}{RS}{call}{RS}");
    let answer = "{\"type\":3,\"invocationId\":\"7\",\"result\":\"é\"}";

    let mut client = Client::connect(&hub.ws()).await;
    client.message(Message::text(text.clone())).await;
    assert_eq!((client.next().await.as_deref(), client.next().await.as_deref()), (Ok("{}"), Ok(answer)));

    // Every byte by itself, in binary messages, with a text message and an empty one among them.
    let mut client = Client::connect(&hub.ws()).await;
    client.message(Message::text("{")).await;
    client.message(Message::text("")).await;
    for byte in &text.as_bytes()[1..] {
        client.message(Message::Binary(Bytes::copy_from_slice(&[*byte]))).await;
    }
    assert_eq!((client.next().await.as_deref(), client.next().await.as_deref()), (Ok("{}"), Ok(answer)));
}

#[tokio::test]
async fn a_record_that_breaks_the_protocol_ends_the_connection() {
    let hub = Subject::start();
    for record in [
        "{\"type\":1,\"invocationId\":1,\"target\":\"echo\",\"arguments\":[1]}",
        "{\"type\":1,\"invocationId\":null,\"target\":\"echo\",\"arguments\":[1]}",
        "{\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[1]}",
        "{\"type\":\"1\",\"target\":\"echo\",\"arguments\":[1]}",
        "{\"type\":1.5,\"target\":\"echo\",\"arguments\":[1]}",
        "{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\"}",
        "{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":{}}",
        "{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":null}",
        "{\"type\":1,\"invocationId\":\"1\",\"target\":5,\"arguments\":[1]}",
        "{\"type\":1,\"target\":\"echo\",\"arguments\":[1],\"headers\":{\"a\":1}}",
        "{\"type\":3,\"invocationId\":\"1\",\"result\":1,\"error\":\"both\"}",
        "{\"type\":3,\"result\":1}",
        "{\"type\":2,\"invocationId\":\"1\"}",
        "{\"type\":6}{\"type\":6}",
        "[]",
        "junk",
        "",
    ] {
        let mut client = hub.client().await;
        client.send(record).await;
        assert_eq!(client.end().await, (vec![CLOSED_WITH_ERROR.to_owned()], normal()), "{record}");
    }
}

#[tokio::test]
async fn records_without_meaning_are_ignored() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    for record in [
        "{\"type\":6}",
        "{\"type\":8,\"sequenceId\":1}",
        "{\"type\":9,\"sequenceId\":1}",
        "{\"type\":3,\"invocationId\":\"nobody\",\"result\":{}}",
        "{\"type\":3,\"invocationId\":\"nobody\",\"error\":\"x\"}",
        "{\"type\":5,\"invocationId\":\"nobody\"}",
        "{\"type\":2,\"invocationId\":\"nobody\",\"item\":null}",
        "{\"type\":1,\"target\":\"nope\",\"arguments\":[]}",
        "{\"type\":1,\"invocationId\":\"\",\"target\":\"echo\",\"arguments\":[1]}",
    ] {
        client.send(record).await;
    }
    assert_eq!(client.call("echo", "\"still there\"").await["result"], "still there");
}

#[tokio::test]
async fn a_record_of_unknown_type_silences_the_connection_up_to_the_receive_limit() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    client.send("{\"type\":99}").await;
    client.send("{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[1]}").await;
    client.message(Message::text(" ".repeat(33_000))).await;
    assert_eq!(client.end().await, (vec![CLOSED_WITH_ERROR.to_owned()], normal()));
}

#[tokio::test]
async fn a_record_may_have_32_kib_with_its_separator() {
    let hub = Subject::start();
    let record = |length: usize| {
        let frame = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"\"]}";
        frame.replace("\"\"", &format!("\"{}\"", "x".repeat(length - frame.len())))
    };
    let mut client = hub.client().await;
    client.send(&record(32_767)).await;
    assert!(client.next().await.unwrap().starts_with("{\"type\":3,\"invocationId\":\"1\",\"result\":\"xxx"));
    client.send(&record(32_768)).await;
    assert_eq!(client.end().await, (vec![CLOSED_WITH_ERROR.to_owned()], normal()));
}

#[tokio::test]
async fn calls_that_fail() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    for (target, arguments, error) in [
        (
            "nope",
            "",
            "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.",
        ),
        ("", "", "Failed to invoke '' due to an error on the server. HubException: Method does not exist."),
        ("authenticate", "\"demo\"", "Failed to invoke 'authenticate' due to an error on the server."),
        ("authenticatev2", "1,2,3,4", "Failed to invoke 'authenticatev2' due to an error on the server."),
        (
            "authenticate",
            "1,\"demo-key\",1",
            "Failed to invoke 'authenticate' due to an error on the server.",
        ),
        ("UNITLOCATION", "", "Failed to invoke 'unitLocation' due to an error on the server."),
        ("slow", "\"1\"", "Failed to invoke 'slow' due to an error on the server."),
        (
            "fail",
            "\"because\"",
            "An unexpected error occurred invoking 'fail' on the server. HubException: because",
        ),
    ] {
        let reply = client.call(target, arguments).await;
        assert_eq!((&reply["error"], reply.get("result")), (&error.into(), None));
    }
    client.send("{\"type\":4,\"invocationId\":\"s\",\"target\":\"echo\",\"arguments\":[1]}").await;
    let error = "The client attempted to invoke the non-streaming 'echo' method with a streaming invocation.";
    let reply: Value = serde_json::from_str(&client.next().await.unwrap()).unwrap();
    assert_eq!(reply, json!({ "type": 3, "invocationId": "s", "error": error }));
}

#[tokio::test]
async fn calls_run_in_order_one_at_a_time() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    let calls = [("a", "slow", "0.3"), ("b", "echo", "1"), ("c", "slow", "0.1"), ("d", "echo", "2")];
    for (id, target, argument) in calls {
        client
            .send(&format!(
                "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{argument}]}}"
            ))
            .await;
    }
    for (id, ..) in calls {
        assert!(client.next().await.unwrap().contains(&format!("\"invocationId\":\"{id}\"")));
    }
}

#[tokio::test]
async fn a_client_says_goodbye() {
    let hub = Subject::start();
    for record in ["{\"type\":7}", "{\"type\":7,\"error\":\"enough\"}"] {
        let mut client = hub.client().await;
        client.send(record).await;
        assert_eq!(client.end().await, (vec!["{\"type\":7}".to_owned()], normal()), "{record}");
    }
    let mut client = hub.client().await;
    client.message(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }))).await;
    assert_eq!(client.end().await, (vec![], normal()));
}

#[tokio::test]
async fn the_hub_pings_and_answers_websocket_pings() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    assert_eq!(client.record().await.as_deref(), Ok("{\"type\":6}"));
    client.message(Message::Ping(Bytes::from_static(b"x"))).await;
    loop {
        match common::within(futures_util::StreamExt::next(&mut client.socket)).await {
            Some(Ok(Message::Pong(payload))) => break assert_eq!(payload, b"x".as_slice()),
            Some(Ok(Message::Text(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn only_a_client_that_has_pinged_is_timed_out() {
    let hub = Subject::start();
    let (mut silent, mut pinged) = (hub.client().await, hub.client().await);
    pinged.send("{\"type\":6}").await;
    assert_eq!(pinged.end().await, (vec![CLOSED_WITH_ERROR.to_owned()], normal()));
    // This one connected first, and never pinged.
    assert_eq!(silent.call("echo", "1").await["result"], 1);
}
