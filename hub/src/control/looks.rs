//! Requests that read or clear the hub's state.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::header,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    response::json_response,
    shared::{Hub, Shared},
};

pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// The most log entries in one response.
const LOG: usize = 500;
/// The minimum time between two states that the page gets.
const PACE: Duration = Duration::from_millis(100);

pub(super) async fn sessions(State(shared): Hub) -> Response {
    let sessions: Vec<_> = shared.registry.sessions().into_iter().map(|(session, _)| session).collect();
    json_response(&sessions)
}

pub(super) async fn calls(State(shared): Hub) -> Response {
    json_response(&shared.registry.calls())
}

pub(super) async fn requests(State(shared): Hub) -> Response {
    json_response(&shared.registry.requests())
}

pub(super) async fn units(State(shared): Hub) -> Response {
    json_response(&shared.units.shown())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// The number of the first log entry to return.
    #[serde(default)]
    from: u64,
}

pub(super) async fn log(State(shared): Hub, Query(wanted): Query<From>) -> Response {
    let (entries, next) = shared.journal.from(wanted.from, LOG);
    json_response(&json!({ "entries": entries, "next": next }))
}

pub(super) async fn state(State(shared): Hub, Query(wanted): Query<From>) -> Response {
    json_response(&whole(&shared, wanted.from).0)
}

/// Everything that the page shows, and the number of the log's next entry.
fn whole(shared: &Shared, from: u64) -> (Value, u64) {
    let sessions: Vec<_> = shared.registry.sessions().into_iter().map(|(session, _)| session).collect();
    let (entries, next) = shared.journal.from(from, LOG);
    let auth = shared.registry.auth();
    let rate = shared.stream.borrow().map_or(0.0, |period| 1.0 / period.as_secs_f64());
    let communities: Vec<_> = shared.options.communities.iter().map(|community| &community.id).collect();
    let state = json!({
        "communities": communities,
        "sessions": sessions,
        "units": shared.units.shown(),
        "faults": shared.faults.shown(),
        "auth": { "reject": auth.reject, "delaySeconds": auth.delay.as_secs_f64() },
        "streamRate": rate,
        "log": { "entries": entries, "next": next },
    });
    (state, next)
}

/// Streams the state as server-sent events, whenever it changes.
pub(super) async fn live(
    State(shared): Hub,
    Query(wanted): Query<From>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = (shared.journal.changes(), shared.registry.changes());
    let states = stream::unfold(
        (shared, changes, wanted.from, true),
        |(shared, mut changes, from, first)| async move {
            if !first {
                tokio::select! {
                    _ = changes.0.changed() => {}
                    _ = changes.1.changed() => {}
                }
                sleep(PACE).await;
            }
            // this state includes every change so far
            changes.0.mark_unchanged();
            changes.1.mark_unchanged();
            let (state, next) = whole(&shared, from);
            let event = Event::default().data(state.to_string());
            Some((Ok(event), (shared, changes, next, false)))
        },
    );
    Sse::new(states).keep_alive(KeepAlive::default())
}

pub(super) async fn clear(State(shared): Hub) {
    shared.registry.clear();
    shared.journal.clear();
    shared.units.clear();
    shared.journal.touch();
}

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
