//! What the tests share: a hub to test, a client that knows nothing of SignalR, and HTTP.

#![allow(dead_code, reason = "each test uses its part")]

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use sonoran_hub::{Hub, Options};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

/// Long enough for any machine: what takes longer never comes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const RS: char = '\u{1e}';

/// The options that the hub at `SONORAN_HUB_URL` must be started with, too.
pub(crate) fn options() -> Options {
    Options {
        keep_alive: Duration::from_secs(1),
        client_timeout: Duration::from_secs(3),
        // No client is too slow for these tests.
        handshake_timeout: DEADLINE,
        ..Options::default()
    }
}

/// The hub under test: a new one, or for comparison the one that `SONORAN_HUB_URL` (http://...) names, such as a
/// real ASP.NET hub with the same remote control.
pub(crate) struct Subject {
    hub: Option<Hub>,
    pub(crate) http: String,
}

impl Subject {
    pub(crate) fn start() -> Self {
        Self::start_with(options())
    }

    pub(crate) fn start_with(options: Options) -> Self {
        match std::env::var("SONORAN_HUB_URL") {
            Ok(http) => Self { hub: None, http },
            Err(_) => {
                let hub = Hub::start(options).expect("a hub starts on a free port");
                Self { http: hub.http().to_owned(), hub: Some(hub) }
            }
        }
    }

    pub(crate) fn ws(&self) -> String {
        format!("ws{}/apiWsHub", self.http.trim_start_matches("http"))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        http("GET", &format!("{}{path}", self.http), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> (u16, String) {
        http("POST", &format!("{}{path}", self.http), body).await
    }

    /// A connected client with its handshake done.
    pub(crate) async fn client(&self) -> Client {
        let mut client = Client::connect(&self.ws()).await;
        client.shake_hands().await;
        client
    }

    /// A client that is authenticated for `server`.
    pub(crate) async fn session(&self, server: u32) -> Client {
        let mut client = self.client().await;
        let reply = client.call("authenticate", &format!("\"demo\",\"demo-key\",{server}")).await;
        assert_eq!(reply["result"]["success"], true, "{reply}");
        client
    }
}

pub(crate) async fn http(method: &str, url: &str, body: &str) -> (u16, String) {
    let client: HttpClient<HttpConnector, Full<Bytes>> =
        HttpClient::builder(TokioExecutor::new()).build_http();
    let request = Request::builder().method(method).uri(url).body(Full::from(body.to_owned())).unwrap();
    let response = within(client.request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(DEADLINE, future).await.expect("it happens before the deadline")
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a WebSocket close of this code; 0 if it has none.
    Closed(u16),
    /// Without one.
    Broken,
}

/// A WebSocket that only splits records.
pub(crate) struct Client<S = MaybeTlsStream<TcpStream>> {
    pub(crate) socket: WebSocketStream<S>,
    records: VecDeque<String>,
    rest: String,
    calls: u32,
}

impl Client {
    pub(crate) async fn connect(url: &str) -> Self {
        Self::new(within(connect_async(url)).await.unwrap().0)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket, records: VecDeque::new(), rest: String::new(), calls: 0 }
    }

    pub(crate) async fn shake_hands(&mut self) {
        self.send("{\"protocol\":\"json\",\"version\":1}").await;
        assert_eq!(self.record().await.unwrap(), "{}");
    }

    /// Sends one record.
    pub(crate) async fn send(&mut self, record: &str) {
        self.message(Message::text(format!("{record}{RS}"))).await;
    }

    pub(crate) async fn message(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    /// The next record, pings included.
    pub(crate) async fn record(&mut self) -> Result<String, End> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Ok(record);
            }
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    self.rest.push_str(&text);
                    while let Some((record, rest)) = self.rest.split_once(RS) {
                        self.records.push_back(record.to_owned());
                        self.rest = rest.to_owned();
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(End::Closed(frame.map_or(0, |frame| frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(Error::Io(_) | Error::Protocol(_))) | None => return Err(End::Broken),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// The next record that is not a ping.
    pub(crate) async fn next(&mut self) -> Result<String, End> {
        loop {
            let record = self.record().await?;
            if record != "{\"type\":6}" {
                return Ok(record);
            }
        }
    }

    /// Calls a hub method and takes its completion.
    pub(crate) async fn call(&mut self, target: &str, arguments: &str) -> Value {
        self.calls += 1;
        let id = self.calls;
        self.send(&format!(
            "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"{target}\",\"arguments\":[{arguments}]}}"
        ))
        .await;
        let reply: Value = serde_json::from_str(&self.next().await.unwrap()).unwrap();
        assert_eq!(
            (&reply["type"], reply["invocationId"].as_str()),
            (&3.into(), Some(id.to_string().as_str()))
        );
        reply
    }

    /// Waits until the connection ends. Returns the records before that, and how it ended.
    pub(crate) async fn end(&mut self) -> (Vec<String>, End) {
        let mut records = Vec::new();
        loop {
            match self.next().await {
                Ok(record) => records.push(record),
                Err(end) => return (records, end),
            }
        }
    }
}
