//! Pushes: to the sessions of one server, or by HTTP if there is none.

use std::{
    fmt::{self, Write as _},
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Request, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::{clock::now_ns, journal::Kind, options::Shape, protocol, registry::Pair, shared::Shared};

/// Deadline for the fallback URL's answer.
const HTTP_TIMEOUT: Duration = Duration::from_secs(3);

/// The client method that takes pushes.
pub(crate) const PUSH_TARGET: &str = "pushEvent";

/// Where a push went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// To at least one session.
    WebSocket,
    /// To the fallback URL, which answered with this status.
    Http(u16),
    /// To the fallback URL, which did not answer for this reason.
    HttpFailed(String),
    /// There was no session and no fallback URL.
    Nowhere,
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSocket => f.write_str("websocket"),
            Self::Http(status) => write!(f, "http {status}"),
            Self::HttpFailed(reason) => write!(f, "http failed: {reason}"),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

/// Many numbered events in a row: `EVENT_UNIT_STATUS` with `seq`, `sentNs` and `pad` in its data.
#[derive(Clone, Debug)]
pub struct Burst {
    /// The community.
    pub community: String,
    /// The server.
    pub server: u32,
    /// The number of events.
    pub count: u64,
    /// The length of `pad`.
    pub size: usize,
    /// Events per second; `None` means as fast as possible.
    pub rate: Option<f64>,
    /// How an event becomes an argument.
    pub shape: Shape,
}

impl Burst {
    /// `count` small events, as fast as possible.
    pub fn new(community: &str, server: u32, count: u64) -> Self {
        Self { community: community.to_owned(), server, count, size: 0, rate: None, shape: Shape::Object }
    }
}

/// The outcome of a burst.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BurstReport {
    /// Events that went to a session.
    pub websocket: u64,
    /// Events that did not.
    pub other: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Shared {
    /// Pushes an event and logs it.
    pub(crate) async fn push(&self, pair: &Pair, body: &str, shape: Shape) -> Delivered {
        let delivered = self.deliver(pair, body, shape).await;
        // The log shows what a session gets.
        let body = if shape == Shape::Object { protocol::compact(body) } else { body.to_owned() };
        self.journal.add(Kind::Push, Some(pair.1), Some(delivered.to_string()), body);
        delivered
    }

    async fn deliver(&self, pair: &Pair, body: &str, shape: Shape) -> Delivered {
        let argument = match shape {
            Shape::Object => protocol::compact(body),
            Shape::Verbatim => body.to_owned(),
            Shape::String => protocol::quoted(body),
        };
        if !self.faults.is_fallback_forced()
            && self.send_to(pair, &protocol::invocation(None, PUSH_TARGET, &argument)).await
        {
            return Delivered::WebSocket;
        }
        let Some(url) = self.faults.fallback() else { return Delivered::Nowhere };
        // On the hub's own runtime: the caller may have another one, or none.
        let posted = self.handle.spawn(post(url, body.to_owned())).await;
        posted.unwrap_or_else(|_| Delivered::HttpFailed("the hub stopped".into()))
    }

    pub(crate) async fn burst(&self, burst: &Burst) -> BurstReport {
        let pair = Pair(burst.community.clone(), burst.server);
        let mut report = BurstReport { websocket: 0, other: 0, seconds: 0.0 };
        let key = self.options.communities.iter().find(|known| known.id == burst.community);
        let key = protocol::quoted(key.map_or("", |known| &known.key));
        let pad = "x".repeat(burst.size);
        let started = Instant::now();
        let mut body = String::new();
        for seq in 0..burst.count {
            if let Some(rate) = burst.rate {
                let due = Duration::try_from_secs_f64(seq as f64 / rate).unwrap_or_default();
                let early = due.saturating_sub(started.elapsed());
                if early > Duration::from_millis(1) {
                    sleep(early).await;
                }
            }
            body.clear();
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                "{{\"key\":{key},\"type\":\"EVENT_UNIT_STATUS\",\"data\":{{\"seq\":{seq},\"sentNs\":{},\"pad\":\"{pad}\"}}}}",
                now_ns()
            );
            // It has no whitespace to remove.
            let shape = if burst.shape == Shape::Object { Shape::Verbatim } else { burst.shape };
            match self.deliver(&pair, &body, shape).await {
                Delivered::WebSocket => report.websocket += 1,
                _ => report.other += 1,
            }
        }
        report.seconds = started.elapsed().as_secs_f64();
        report
    }
}

async fn post(url: String, body: String) -> Delivered {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::post(url).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    let request = match request.body(Full::from(body)) {
        Ok(request) => request,
        Err(error) => return Delivered::HttpFailed(error.to_string()),
    };
    match timeout(HTTP_TIMEOUT, client.request(request)).await {
        Ok(Ok(response)) => Delivered::Http(response.status().as_u16()),
        Ok(Err(error)) => Delivered::HttpFailed(error.to_string()),
        Err(_) => Delivered::HttpFailed("no answer in time".into()),
    }
}
