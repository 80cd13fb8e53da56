//! Requests that make things go wrong.

use std::time::Duration;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    journal::Kind,
    registry::Auth,
    response::{BadRequest, json_response},
    shared::Hub,
};

/// The longest duration that a fault can have.
const MAX_SECONDS: f64 = 3600.0;

fn seconds(name: &str, seconds: f64) -> Result<Duration, BadRequest> {
    let fits = (0.0..=MAX_SECONDS).contains(&seconds);
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|_| fits);
    duration.ok_or_else(|| (StatusCode::BAD_REQUEST, format!("{name}: expected 0 to {MAX_SECONDS} seconds")))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Abort {
    server_id: Option<u32>,
}

pub(super) async fn abort(State(shared): Hub, Query(wanted): Query<Abort>) -> Response {
    let aborted = shared.registry.abort(wanted.server_id);
    shared.journal.add(Kind::Control, wanted.server_id, None, format!("{aborted} sessions sent away"));
    json_response(&json!({ "aborted": aborted }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthParameters {
    #[serde(default)]
    reject: bool,
    error: Option<String>,
    #[serde(default)]
    delay: f64,
}

pub(super) async fn auth(State(shared): Hub, Query(wanted): Query<AuthParameters>) -> Result<(), BadRequest> {
    let error = wanted.error.unwrap_or_else(|| "Invalid API key.".into());
    let delay = seconds("delay", wanted.delay)?;
    let text = if wanted.reject {
        format!("credentials are refused: {error}")
    } else {
        "credentials are checked".into()
    };
    shared.registry.set_auth(Auth { reject: wanted.reject.then_some(error), delay });
    shared.journal.add(Kind::Control, None, None, text);
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slow {
    seconds: f64,
}

pub(super) async fn slow(State(shared): Hub, Query(wanted): Query<Slow>) -> Result<(), BadRequest> {
    shared.faults.set_delay(seconds("seconds", wanted.seconds)?);
    shared.journal.add(Kind::Control, None, None, format!("answers take {} s", wanted.seconds));
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freeze {
    on: bool,
}

pub(super) async fn freeze(State(shared): Hub, Query(wanted): Query<Freeze>) {
    shared.faults.freeze(wanted.on);
    let text = if wanted.on { "all links are frozen" } else { "all links move again" };
    shared.journal.add(Kind::Control, None, None, text);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    #[serde(default)]
    down: f64,
}

pub(super) async fn restart(State(shared): Hub, Query(wanted): Query<Restart>) -> Result<(), BadRequest> {
    shared.faults.restart(seconds("down", wanted.down)?);
    shared.journal.add(Kind::Control, None, None, format!("restarted, down for {} s", wanted.down));
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fallback {
    url: Option<String>,
    #[serde(default)]
    force: bool,
}

pub(super) async fn fallback(State(shared): Hub, Query(wanted): Query<Fallback>) -> Result<(), BadRequest> {
    let url = wanted.url.filter(|url| !url.is_empty());
    if url.as_ref().is_some_and(|url| !url.starts_with("http://")) {
        return Err((StatusCode::BAD_REQUEST, "url: expected an address that starts with http://".into()));
    }
    let text = match (&url, wanted.force) {
        (None, _) => "no fallback by HTTP".to_owned(),
        (Some(url), true) => format!("all pushes go to {url}"),
        (Some(url), false) => format!("pushes without a session go to {url}"),
    };
    shared.faults.set_fallback(url, wanted.force);
    shared.journal.add(Kind::Control, None, None, text);
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rival {
    server_id: u32,
    on: bool,
}

pub(super) async fn rival(State(shared): Hub, Query(wanted): Query<Rival>) {
    shared.faults.set_rival(wanted.server_id, wanted.on);
    let text = if wanted.on { "another client wants this server too" } else { "the other client is gone" };
    shared.journal.add(Kind::Control, Some(wanted.server_id), None, text);
    if wanted.on {
        shared.registry.abort(Some(wanted.server_id));
    }
}
