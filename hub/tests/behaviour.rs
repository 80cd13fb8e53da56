//! What the hub does for its clients and for its remote control. `SONORAN_HUB_URL` works as for the wire tests.

mod common;

use common::{Client, End, RS, Subject};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

const REFUSED: &str = "Each unit update requires identId, apiId, communityUserId, or roblox, and location.";

#[tokio::test]
async fn authenticate_takes_numbers_digits_and_null_and_says_no() {
    let hub = Subject::start();
    let mut client = hub.client().await;
    let no = |error: &str| json!({ "success": false, "error": error, "count": 0 });
    let yes = json!({ "success": true, "error": null, "count": 1 });
    for (target, arguments, result) in [
        ("authenticate", "\"demo\",\"demo-key\",11", yes.clone()),
        ("authenticatev2", "\"demo\",\"demo-key\",\"12\"", yes.clone()),
        ("AuthenticateV2", "\"demo\",\"demo-key\",null", yes),
        ("authenticate", "\"other\",\"demo-key\",11", no("Invalid community ID.")),
        ("authenticate", "null,null,11", no("Invalid community ID.")),
        ("authenticate", "\"demo\",\"wrong\",11", no("Invalid API key.")),
        ("authenticate", "\"demo\",\"demo-key\",0", no("Invalid server ID.")),
        ("authenticate", "\"demo\",\"demo-key\",\"one\"", no("Invalid server ID.")),
        ("authenticate", "\"demo\",\"demo-key\",1.5", no("Invalid server ID.")),
        ("authenticate", "\"demo\",\"demo-key\",{}", no("Invalid server ID.")),
    ] {
        assert_eq!(client.call(target, arguments).await["result"], result, "{target}({arguments})");
    }
}

#[tokio::test]
async fn unit_location_keeps_the_documented_rules() {
    let hub = Subject::start();
    let no = |error: &str| json!({ "success": false, "error": error, "count": 0 });
    let unit = "{\"identId\":1,\"location\":\"here\"}";
    let mut client = hub.client().await;
    assert_eq!(
        client.call("unitLocation", &format!("[{unit}]")).await["result"],
        no("Unauthenticated. Call authenticate first.")
    );
    for (updates, result) in [
        ("[]".to_owned(), no("Missing unit location updates.")),
        ("null".to_owned(), no("Missing unit location updates.")),
        (unit.to_owned(), no("Missing unit location updates.")),
        (format!("[{}]", vec![unit; 26].join(",")), no("Too many unit updates in one call. Max is 25.")),
        (format!("[{}]", vec![unit; 25].join(",")), json!({ "success": true, "error": null, "count": 25 })),
        (
            "[{\"apiId\":\"a\",\"location\":\"here\"}]".to_owned(),
            json!({ "success": true, "error": null, "count": 1 }),
        ),
        (
            "[{\"roblox\":5,\"location\":\"here\",\"coordinates\":{\"x\":1.0,\"y\":2,\"z\":3,\"w\":0}}]"
                .to_owned(),
            json!({ "success": true, "error": null, "count": 1 }),
        ),
        (format!("[{unit},{{\"location\":\"here\"}}]"), no(REFUSED)),
        ("[{\"identId\":1}]".to_owned(), no(REFUSED)),
        ("[{\"identId\":null,\"location\":\"here\"}]".to_owned(), no(REFUSED)),
        ("[7]".to_owned(), no(REFUSED)),
    ] {
        // A new session, so that no call comes too soon after another.
        let mut client = hub.session(20).await;
        assert_eq!(client.call("unitLocation", &updates).await["result"], result, "{updates}");
    }
}

#[tokio::test]
async fn unit_location_is_limited_in_rate() {
    let hub = Subject::start();
    // The hub sees two calls in one message together even on a slow machine. If it does not, try again.
    let call = "{\"type\":1,\"invocationId\":\"u\",\"target\":\"unitLocation\",\"arguments\":[[{\"identId\":1,\"location\":\"x\"}]]}";
    for _ in 0..20 {
        let mut client = hub.session(21).await;
        client.message(Message::text(format!("{call}{RS}{call}{RS}"))).await;
        let (first, second) = (client.next().await.unwrap(), client.next().await.unwrap());
        assert!(first.contains("\"success\":true"), "{first}");
        if second.contains("UNIT_LOCATION updates are limited to every 200ms.") {
            return;
        }
    }
    panic!("two calls in one message were never too close");
}

#[tokio::test]
async fn pushes_reach_exactly_their_server_in_each_shape() {
    let hub = Subject::start();
    let (mut one, mut two) = (hub.session(31).await, hub.session(32).await);
    let body = "{\"key\": \"demo-key\", \"type\":\"EVENT_TONE\",\n\"data\":{\"n\":12345678901234567890123,\"m\":1e400,\"s\":\"a b\\n\"}}";
    let websocket = (200, "{\"delivered\":\"websocket\"}".to_owned());
    assert_eq!(hub.post("/control/push?serverId=31", body).await, websocket);
    assert_eq!(
        one.next().await.unwrap(),
        "{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[{\"key\":\"demo-key\",\"type\":\"EVENT_TONE\",\"data\":{\"n\":12345678901234567890123,\"m\":1e400,\"s\":\"a b\\n\"}}]}"
    );
    assert_eq!(hub.post("/control/push?serverId=32&shape=verbatim&community=demo", body).await, websocket);
    assert_eq!(
        two.next().await.unwrap(),
        format!("{{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[{body}]}}")
    );
    assert_eq!(hub.post("/control/push?serverId=31&shape=verbatim", "no JSON").await, websocket);
    assert_eq!(one.next().await.unwrap(), "{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[no JSON]}");
    assert_eq!(hub.post("/control/push?serverId=31&shape=string", body).await, websocket);
    let record: Value = serde_json::from_str(&one.next().await.unwrap()).unwrap();
    assert_eq!(record["arguments"], json!([body]));

    let nowhere = (200, "{\"delivered\":\"nowhere\"}".to_owned());
    assert_eq!(hub.post("/control/push?serverId=33", body).await, nowhere);
    assert_eq!(hub.post("/control/push?serverId=31&community=other", body).await, nowhere);
    assert_eq!(hub.post("/control/push", body).await.0, 400);
}

#[tokio::test]
async fn a_large_push_arrives_whole() {
    let hub = Subject::start();
    let mut client = hub.session(34).await;
    let body =
        json!({ "type": "EVENT_STATION_ALERT", "data": { "message": "A".repeat(3_000_000) } }).to_string();
    let pushed = hub.post("/control/push?serverId=34&shape=verbatim", &body).await;
    assert_eq!(pushed.1, "{\"delivered\":\"websocket\"}");
    let record = client.next().await.unwrap();
    assert_eq!(record, format!("{{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[{body}]}}"));
}

#[tokio::test]
async fn a_burst_is_numbered_and_in_order() {
    let hub = Subject::start();
    let mut client = hub.session(35).await;
    let burst = async { hub.post("/control/burst?serverId=35&count=2000&size=10", "").await };
    let events = async {
        for seq in 0..2000 {
            let record: Value = serde_json::from_str(&client.next().await.unwrap()).unwrap();
            let event = &record["arguments"][0];
            assert_eq!((&event["key"], &event["type"]), (&"demo-key".into(), &"EVENT_UNIT_STATUS".into()));
            assert_eq!((&event["data"]["seq"], &event["data"]["pad"]), (&seq.into(), &"xxxxxxxxxx".into()));
            assert!(event["data"]["sentNs"].is_u64());
        }
    };
    let ((status, report), ()) = tokio::join!(burst, events);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((status, &report["websocket"], &report["other"]), (200, &2000.into(), &0.into()));
    assert!(report["seconds"].is_f64());
}

#[tokio::test]
async fn the_hub_calls_its_clients() {
    let hub = Subject::start();
    let mut client = hub.session(36).await;
    assert_eq!(hub.post("/control/raw?serverId=36&target=any", "[1,\"a\",{}]").await.0, 200);
    assert_eq!(client.next().await.unwrap(), "{\"type\":1,\"target\":\"any\",\"arguments\":[1,\"a\",{}]}");

    for (answer, expected) in [
        ("\"result\":{\"a\":[1]}", json!({ "result": { "a": [1] }, "error": null })),
        ("\"error\":\"will not\"", json!({ "result": null, "error": "will not" })),
    ] {
        let asked = async { hub.post("/control/ask?serverId=36&target=question", "[5]").await };
        let answered = async {
            let question: Value = serde_json::from_str(&client.next().await.unwrap()).unwrap();
            assert_eq!((&question["target"], &question["arguments"]), (&"question".into(), &json!([5])));
            client
                .send(&format!("{{\"type\":3,\"invocationId\":{},{answer}}}", question["invocationId"]))
                .await;
        };
        let ((status, answer), ()) = tokio::join!(asked, answered);
        assert_eq!((status, serde_json::from_str::<Value>(&answer).unwrap()), (200, expected));
    }
}

#[tokio::test]
async fn abort_sends_a_client_away_without_inviting_it_back() {
    let hub = Subject::start();
    let (mut one, mut two) = (hub.session(41).await, hub.session(42).await);
    assert_eq!(hub.post("/control/abort?serverId=41", "").await, (200, "{\"aborted\":1}".to_owned()));
    assert_eq!(one.end().await, (vec!["{\"type\":7}".to_owned()], End::Closed(1000)));
    assert_eq!(two.call("echo", "1").await["result"], 1);
}

#[tokio::test]
async fn the_hub_tells_who_is_there_and_what_they_did() {
    let hub = Subject::start();
    let mut client = hub.session(51).await;
    client.call("unitLocation", "[{\"identId\":1,\"location\":\"here\"}]").await;
    let of = |text: (u16, String), key: &str, value: &str| -> Vec<Value> {
        let all: Vec<Value> = serde_json::from_str(&text.1).unwrap();
        all.into_iter().filter(|one| one[key] == value).collect()
    };
    let sessions = of(hub.get("/control/sessions").await, "serverId", "51");
    assert_eq!((sessions.len(), &sessions[0]["community"]), (1, &"demo".into()));
    assert!(sessions[0]["since"].as_str().unwrap().contains('T'));
    let connection = sessions[0]["connectionId"].as_str().unwrap();

    let calls = of(hub.get("/control/calls").await, "connectionId", connection);
    let methods: Vec<_> = calls.iter().map(|call| (&call["method"], &call["serverId"])).collect();
    assert_eq!(methods, [(&"authenticate".into(), &"51".into()), (&"unitLocation".into(), &"51".into())]);
    assert_eq!(calls[1]["argument"], json!([{ "identId": 1, "location": "here" }]));
    assert!(calls[0]["argument"].is_null() && calls[0]["atMs"].is_f64());

    let requests = of(hub.get("/control/requests").await, "target", "/apiWsHub");
    assert_eq!((&requests[0]["method"], &requests[0]["authorization"]), (&"GET".into(), &"".into()));
    assert_eq!(hub.get("/control/health").await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn negotiation_gives_an_id_for_one_connection() {
    let hub = Subject::start();
    let negotiate = async |query: &str| -> Value {
        let (status, body) = hub.post(&format!("/apiWsHub/negotiate{query}"), "").await;
        assert_eq!(status, 200);
        serde_json::from_str(&body).unwrap()
    };
    let v1 = negotiate("?NegotiateVersion=1").await;
    assert_eq!(v1["negotiateVersion"], 1);
    assert_eq!(v1["availableTransports"][0]["transport"], "WebSockets");
    assert_eq!(v1["availableTransports"][0]["transferFormats"], json!(["Text", "Binary"]));
    assert_ne!(v1["connectionId"], v1["connectionToken"]);
    let v0 = negotiate("").await;
    assert_eq!((v0.get("connectionToken"), &v0["negotiateVersion"]), (None, &0.into()));

    for id in [&v1["connectionToken"], &v0["connectionId"]] {
        let url = format!("{}?id={}", hub.ws(), id.as_str().unwrap());
        let mut client = Client::connect(&url).await;
        client.shake_hands().await;
        assert_eq!(refusal(&url).await, 409);
    }
    assert_eq!(refusal(&format!("{}?id={}", hub.ws(), v1["connectionId"].as_str().unwrap())).await, 404);
    assert_eq!(refusal(&format!("{}?id=unknown", hub.ws())).await, 404);
}

async fn refusal(url: &str) -> u16 {
    match tokio_tungstenite::connect_async(url).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn plain_http_to_the_hub_is_answered_as_by_aspnet() {
    let hub = Subject::start();
    assert_eq!(hub.get("/apiWsHub").await, (400, "Connection ID required".to_owned()));
    assert_eq!(hub.get("/apiWsHub?id=unknown").await, (404, "No Connection with that ID".to_owned()));
    assert_eq!(hub.get("/apiWsHub/negotiate").await.0, 405);
    let (status, body) = hub.post("/redirect/negotiate?negotiateVersion=1", "").await;
    let url = format!("{}/apiWsHub?via=redirect", hub.http);
    let expected = json!({ "url": url, "accessToken": "redirect-token" });
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()), (200, expected));
}
