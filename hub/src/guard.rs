//! Who may use the page and the remote control: programs on this machine and the page itself, or anyone with the token.
//!
//! A browser on this machine may send requests for another site's page. `Origin` gives such a page away; `Host` gives
//! away a foreign name that resolves to this machine.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{response::Scheme, shared::Shared};

const COOKIE: &str = "sonoran-hub";

pub(crate) async fn check(
    State(shared): State<Arc<Shared>>,
    Extension(Scheme(scheme)): Extension<Scheme>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let host = text(headers, header::HOST);
    let refuse = |why: &str| (StatusCode::FORBIDDEN, why.to_owned()).into_response();
    let origin = text(headers, header::ORIGIN);
    if !origin.is_empty() && origin != format!("{scheme}://{host}") {
        return refuse("this hub takes no requests from other sites' pages");
    }
    let is_navigation =
        text(headers, HeaderName::from_static("sec-fetch-mode")) == "navigate" && request.method() == "GET";
    if text(headers, HeaderName::from_static("sec-fetch-site")) == "cross-site" && !is_navigation {
        return refuse("this hub takes no requests from other sites' pages");
    }
    let Some(token) = &shared.token else {
        let known = is_local(host) || shared.hosts.iter().any(|known| known == host);
        return if known {
            next.run(request).await
        } else {
            refuse("this name is not the hub's: use 127.0.0.1")
        };
    };
    let query = request.uri().query().unwrap_or_default();
    let from_query = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    let from_query = from_query.is_some_and(|given| is_same(given, token));
    let bearer = text(headers, header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    let cookies = text(headers, header::COOKIE).split(';');
    let cookie = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
    let by_cookie = cookie.is_some_and(|(_, given)| is_same(given, token));
    if !from_query && !by_cookie && !is_same(bearer, token) {
        let why = "this hub listens beyond this machine: send its token, as Authorization: Bearer TOKEN or the page with ?token=TOKEN";
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    let at_page = from_query && request.uri().path() == "/";
    let mut response = next.run(request).await;
    if at_page && let Ok(cookie) = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/").parse() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether a `Host` names this machine, on any port.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Compares in a time that does not reveal where the two differ.
fn is_same(given: &str, token: &str) -> bool {
    let differ = given.bytes().zip(token.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
    std::hint::black_box(differ) == 0 && given.len() == token.len()
}
