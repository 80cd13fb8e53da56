//! Events and calls to clients.

use std::time::Duration;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::time::timeout;

use crate::{
    journal::Kind,
    options::Shape,
    push::{Burst, PUSH_TARGET},
    registry::Pair,
    response::{BadRequest, json_response},
    shared::{Hub, Shared},
    stream,
};

/// Deadline for the client's answer to `/control/ask`.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// The fastest stream. `/control/burst` goes faster.
const MAX_RATE: f64 = 1000.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Push {
    server_id: u32,
    community: Option<String>,
    #[serde(default)]
    shape: Shape,
}

pub(super) async fn push(
    State(shared): Hub,
    Query(wanted): Query<Push>,
    body: String,
) -> Result<Response, BadRequest> {
    if wanted.shape == Shape::Object
        && let Err(error) = serde_json::from_str::<&RawValue>(&body)
    {
        let problem = format!("the body is no JSON: {error}; shape=verbatim sends it all the same");
        return Err((StatusCode::BAD_REQUEST, problem));
    }
    let pair = Pair(shared.community_or_default(wanted.community), wanted.server_id);
    let delivered = shared.push(&pair, &body, wanted.shape).await;
    Ok(json_response(&json!({ "delivered": delivered.to_string() })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BurstParameters {
    server_id: u32,
    community: Option<String>,
    count: u64,
    #[serde(default)]
    size: usize,
    rate: Option<f64>,
    #[serde(default)]
    shape: Shape,
}

pub(super) async fn burst(State(shared): Hub, Query(wanted): Query<BurstParameters>) -> Response {
    let burst = Burst {
        community: shared.community_or_default(wanted.community),
        server: wanted.server_id,
        count: wanted.count,
        size: wanted.size,
        rate: wanted.rate,
        shape: wanted.shape,
    };
    shared.journal.add(Kind::Control, Some(burst.server), None, format!("burst of {} events", burst.count));
    json_response(&shared.burst(&burst).await)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Call {
    server_id: u32,
    community: Option<String>,
    target: Option<String>,
}

impl Call {
    fn split(self, shared: &Shared) -> (Pair, String) {
        let pair = Pair(shared.community_or_default(self.community), self.server_id);
        (pair, self.target.unwrap_or_else(|| PUSH_TARGET.to_owned()))
    }
}

/// The elements of a JSON array, without its brackets.
fn arguments(body: &str) -> Result<String, BadRequest> {
    let bad =
        |error| (StatusCode::BAD_REQUEST, format!("the body must be a JSON array of arguments: {error}"));
    let arguments: Vec<&RawValue> = serde_json::from_str(body).map_err(bad)?;
    Ok(arguments.iter().map(|argument| argument.get()).collect::<Vec<_>>().join(","))
}

pub(super) async fn raw(
    State(shared): Hub,
    Query(call): Query<Call>,
    body: String,
) -> Result<(), BadRequest> {
    let (pair, target) = call.split(&shared);
    shared.call_client(&pair, &target, &arguments(&body)?).await;
    Ok(())
}

pub(super) async fn ask(
    State(shared): Hub,
    Query(call): Query<Call>,
    body: String,
) -> Result<Response, BadRequest> {
    let arguments = arguments(&body)?;
    let (pair, target) = call.split(&shared);
    let answer = shared.ask_client(&pair, &target, &arguments);
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
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    rate: f64,
}

pub(super) async fn stream(State(shared): Hub, Query(wanted): Query<Stream>) -> Result<(), BadRequest> {
    if !(0.0..=MAX_RATE).contains(&wanted.rate) {
        return Err((StatusCode::BAD_REQUEST, format!("rate: expected 0 to {MAX_RATE} events a second")));
    }
    let period = if wanted.rate > 0.0 { Duration::try_from_secs_f64(1.0 / wanted.rate).ok() } else { None };
    shared.stream.send_replace(period);
    shared.journal.add(Kind::Control, None, None, format!("stream of {} events a second", wanted.rate));
    Ok(())
}

/// One event of each documented type, to start from.
pub(super) async fn templates(State(shared): Hub) -> Response {
    let key = shared.options.communities.first().map_or("", |first| &first.key);
    let events: Vec<Box<RawValue>> =
        stream::examples(key).filter_map(|text| RawValue::from_string(text).ok()).collect();
    json_response(&events)
}
