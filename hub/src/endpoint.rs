//! The hub's own path: negotiation and the WebSocket upgrade.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension, Router,
    extract::{Query, Request, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, post},
};
use serde_json::json;

use crate::{
    connection, registry,
    response::{Scheme, json_response},
    shared::Shared,
    tickets::Refused,
};

/// The path that Sonoran documents.
pub(crate) const PATH: &str = "/apiWsHub";
/// The token that `/redirect/negotiate` hands out, as Azure SignalR Service does.
const REDIRECT_TOKEN: &str = "redirect-token";

type Parameters = Query<HashMap<String, String>>;

pub(crate) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route(PATH, any(connect))
        .route(&format!("{PATH}/negotiate"), post(negotiate))
        .route_layer(middleware::from_fn_with_state(Arc::clone(shared), record))
        .route("/redirect/negotiate", post(redirect))
}

async fn record(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    shared.registry.record_request(describe(&request, shared.registry.now_ms()));
    if shared.faults.down().is_some() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the hub is down, as asked").into_response();
    }
    next.run(request).await
}

fn describe(request: &Request, at_ms: f64) -> registry::Request {
    let header = |name| {
        let value = request.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        value.unwrap_or_default().into_owned()
    };
    registry::Request {
        method: request.method().to_string(),
        target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        user_agent: header(header::USER_AGENT),
        at_ms,
    }
}

/// ASP.NET ignores case in the names of query parameters.
fn parameter<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

async fn negotiate(State(shared): State<Arc<Shared>>, parameters: Parameters) -> Response {
    let transports = json!([{ "transport": "WebSockets", "transferFormats": ["Text", "Binary"] }]);
    let version =
        parameter(&parameters, "negotiateVersion").map_or(Some(0), |version| version.parse::<u32>().ok());
    let answer = match version {
        None => json!({ "error": "The client requested an invalid protocol version." }),
        Some(0) => {
            let id = shared.tickets.issue(false);
            json!({ "negotiateVersion": 0, "connectionId": id.id, "availableTransports": transports })
        }
        Some(_) => {
            let id = shared.tickets.issue(true);
            json!({
                "negotiateVersion": 1, "connectionId": id.id, "connectionToken": id.token,
                "availableTransports": transports,
            })
        }
    };
    json_response(&answer)
}

async fn redirect(Extension(Scheme(scheme)): Extension<Scheme>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    json_response(&json!({
        "url": format!("{scheme}://{host}{PATH}?via=redirect"), "accessToken": REDIRECT_TOKEN,
    }))
}

async fn connect(
    State(shared): State<Arc<Shared>>,
    method: Method,
    parameters: Parameters,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let token = parameter(&parameters, "id");
    let (upgrade, id) = match (upgrade, token) {
        (Ok(upgrade), Some(token)) => (upgrade, shared.tickets.redeem(token)),
        (Ok(upgrade), None) => (upgrade, Ok(shared.tickets.walk_in())),
        (Err(_), None) => return (StatusCode::BAD_REQUEST, "Connection ID required").into_response(),
        (Err(_), Some(_)) => return (StatusCode::NOT_FOUND, "No Connection with that ID").into_response(),
    };
    match id {
        Ok(id) => upgrade.on_upgrade(move |socket| connection::serve(socket, shared, id)),
        Err(Refused::Unknown) => (StatusCode::NOT_FOUND, "No Connection with that ID").into_response(),
        Err(Refused::InUse) => (StatusCode::CONFLICT, "").into_response(),
    }
}
