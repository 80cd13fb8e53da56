//! The remote control: plain HTTP under `/control`, not part of the documented hub.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::time::timeout;

use crate::{
    options::Shape,
    push::{Burst, PUSH_TARGET},
    registry::{Auth, Pair},
    response::json_response,
    shared::Shared,
};

/// Deadline for the client's answer to `/control/ask`.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

type Hub = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/control/push", post(push))
        .route("/control/burst", post(burst))
        .route("/control/raw", post(raw))
        .route("/control/ask", post(ask))
        .route("/control/abort", post(abort))
        .route("/control/auth", post(auth))
        .route("/control/clear", post(|State(shared): Hub| async move { shared.registry.clear() }))
        .route("/control/sessions", get(sessions))
        .route(
            "/control/calls",
            get(|State(shared): Hub| async move { json_response(&shared.registry.calls()) }),
        )
        .route("/control/requests", get(requests))
        .route("/control/health", get(|| async { "ok" }))
        // The hub may send any amount.
        .layer(DefaultBodyLimit::disable())
}

/// The addressee, and the form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    server_id: u32,
    community: Option<String>,
    target: Option<String>,
    #[serde(default)]
    shape: Shape,
}

impl Address {
    fn pair(&self, shared: &Shared) -> Pair {
        Pair(shared.community_or_default(self.community.clone()), self.server_id)
    }

    fn target(&self) -> &str {
        self.target.as_deref().unwrap_or(PUSH_TARGET)
    }
}

async fn push(State(shared): Hub, Query(address): Query<Address>, body: String) -> Response {
    if address.shape == Shape::Object && serde_json::from_str::<&RawValue>(&body).is_err() {
        return (StatusCode::BAD_REQUEST, "the body is no JSON; shape=verbatim sends it all the same")
            .into_response();
    }
    let delivered = shared.push(&address.pair(&shared), &body, address.shape).await;
    json_response(&json!({ "delivered": delivered.to_string() }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BurstParameters {
    server_id: u32,
    community: Option<String>,
    count: u64,
    #[serde(default)]
    size: usize,
    rate: Option<f64>,
    #[serde(default)]
    shape: Shape,
}

async fn burst(State(shared): Hub, Query(wanted): Query<BurstParameters>) -> Response {
    let burst = Burst {
        community: shared.community_or_default(wanted.community),
        server: wanted.server_id,
        count: wanted.count,
        size: wanted.size,
        rate: wanted.rate,
        shape: wanted.shape,
    };
    json_response(&shared.burst(&burst).await)
}

type BadRequest = (StatusCode, &'static str);

/// The inside of a JSON array.
fn arguments(body: &str) -> Result<String, BadRequest> {
    let bad = |_| (StatusCode::BAD_REQUEST, "the body must be a JSON array of arguments");
    let arguments: Vec<&RawValue> = serde_json::from_str(body).map_err(bad)?;
    Ok(arguments.iter().map(|argument| argument.get()).collect::<Vec<_>>().join(","))
}

async fn raw(State(shared): Hub, Query(address): Query<Address>, body: String) -> Result<(), BadRequest> {
    shared.call_client(&address.pair(&shared), address.target(), &arguments(&body)?).await;
    Ok(())
}

async fn ask(
    State(shared): Hub,
    Query(address): Query<Address>,
    body: String,
) -> Result<Response, BadRequest> {
    let arguments = arguments(&body)?;
    let pair = address.pair(&shared);
    let answer = shared.ask_client(&pair, address.target(), &arguments);
    let answer = match timeout(ASK_TIMEOUT, answer).await {
        Ok(answer) => answer,
        Err(_) => Err("Invocation canceled by the server.".to_owned()),
    };
    Ok(json_response(&match answer {
        Ok(result) => json!({ "result": result, "error": null }),
        Err(error) => json!({ "result": null, "error": error }),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AbortParameters {
    server_id: Option<u32>,
}

async fn abort(State(shared): Hub, Query(wanted): Query<AbortParameters>) -> Response {
    json_response(&json!({ "aborted": shared.registry.abort(wanted.server_id) }))
}

#[derive(Debug, Deserialize)]
struct AuthParameters {
    #[serde(default)]
    reject: bool,
    error: Option<String>,
    #[serde(default)]
    delay: f64,
}

async fn auth(State(shared): Hub, Query(wanted): Query<AuthParameters>) {
    let error = wanted.error.unwrap_or_else(|| "Invalid API key.".into());
    shared.registry.set_auth(Auth {
        reject: wanted.reject.then_some(error),
        delay: Duration::try_from_secs_f64(wanted.delay).unwrap_or_default(),
    });
}

async fn sessions(State(shared): Hub) -> Response {
    let sessions: Vec<_> = shared.registry.sessions().into_iter().map(|(session, _)| session).collect();
    json_response(&sessions)
}

async fn requests(State(shared): Hub) -> Response {
    json_response(&shared.registry.requests())
}
