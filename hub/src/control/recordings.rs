//! Recordings of pushes: saving and playing them.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    journal::Kind,
    recording,
    registry::Pair,
    replay::without_key,
    response::{BadRequest, json_response},
    shared::Hub,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replay {
    server_id: u32,
    community: Option<String>,
    /// A factor, or `max`.
    speed: Option<String>,
    /// Whether to answer only after the last event.
    #[serde(default)]
    wait: bool,
}

pub(super) async fn replay(
    State(shared): Hub,
    Query(wanted): Query<Replay>,
    body: String,
) -> Result<Response, BadRequest> {
    let bad = |problem| (StatusCode::BAD_REQUEST, problem);
    let speed = recording::speed(wanted.speed.as_deref().unwrap_or("1")).map_err(bad)?;
    let events = recording::read(&body).map_err(|problem| bad(format!("the recording's {problem}")))?;
    let pair = Pair(shared.community_or_default(wanted.community), wanted.server_id);
    let count = events.len();
    shared.stop_replays();
    shared.journal.add(Kind::Control, Some(pair.1), None, format!("playing {count} events"));
    let playing = Arc::clone(&shared);
    let play = tokio::spawn(async move { playing.replay(&pair, &events, speed).await });
    if !wanted.wait {
        return Ok(json_response(&json!({ "events": count })));
    }
    // fails only when the hub stops
    let played = play.await.unwrap_or_default();
    Ok(json_response(&played))
}

pub(super) async fn stop(State(shared): Hub) {
    shared.stop_replays();
}

/// The pushes that are still in the log.
pub(super) async fn recording(State(shared): Hub) -> Response {
    let (entries, _) = shared.journal.from(0, usize::MAX);
    let pushes: Vec<_> = entries.iter().filter(|entry| entry.kind == Kind::Push).collect();
    let start = pushes.first().map(|first| first.after()).unwrap_or_default();
    let key = shared.options.communities.first().map_or("", |first| &first.key);
    let lines: String = pushes
        .iter()
        .map(|entry| {
            let text = without_key(&entry.text, key);
            recording::line(entry.after().saturating_sub(start), entry.time, &text) + "\n"
        })
        .collect();
    let disposition = "attachment; filename=\"recording.jsonl\"";
    let headers = [(header::CONTENT_TYPE, "application/jsonl"), (header::CONTENT_DISPOSITION, disposition)];
    (headers, lines).into_response()
}
