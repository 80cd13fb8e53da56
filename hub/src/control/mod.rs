//! The remote control: plain HTTP under `/control`, not part of the documented hub.

mod events;
mod faults;
mod looks;
mod recordings;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodRouter, get, post},
};

use crate::shared::Shared;

/// The routes of the remote control, each named by method and path. A test compares them with `hub/openapi.json`.
fn all() -> Vec<(String, MethodRouter<Arc<Shared>>)> {
    let posted = |path, handler| (format!("POST {path}"), handler);
    let got = |path, handler| (format!("GET {path}"), handler);
    vec![
        posted("/control/push", post(events::push)),
        posted("/control/burst", post(events::burst)),
        posted("/control/raw", post(events::raw)),
        posted("/control/ask", post(events::ask)),
        posted("/control/stream", post(events::stream)),
        posted("/control/abort", post(faults::abort)),
        posted("/control/auth", post(faults::auth)),
        posted("/control/slow", post(faults::slow)),
        posted("/control/freeze", post(faults::freeze)),
        posted("/control/restart", post(faults::restart)),
        posted("/control/fallback", post(faults::fallback)),
        posted("/control/rival", post(faults::rival)),
        posted("/control/replay", post(recordings::replay)),
        posted("/control/replay/stop", post(recordings::stop)),
        posted("/control/clear", post(looks::clear)),
        got("/control/recording", get(recordings::recording)),
        got("/control/events", get(events::templates)),
        got("/control/sessions", get(looks::sessions)),
        got("/control/calls", get(looks::calls)),
        got("/control/requests", get(looks::requests)),
        got("/control/units", get(looks::units)),
        got("/control/log", get(looks::log)),
        got("/control/state", get(looks::state)),
        got("/control/live", get(looks::live)),
        got("/control/health", get(|| async { "ok" })),
        got("/control/openapi.json", get(looks::openapi)),
    ]
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let router = all().into_iter().fold(Router::new(), |router, (name, handler)| {
        let path = name.trim_start_matches(|character| character != '/');
        router.route(path, handler)
    });
    // A push may have any size.
    router.layer(DefaultBodyLimit::disable())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_openapi_file_has_each_route_and_no_other() {
        let file: Value = serde_json::from_str(looks::OPENAPI).unwrap();
        assert_eq!(file["info"]["version"], env!("CARGO_PKG_VERSION"));
        let described: BTreeSet<_> = file["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let routes: BTreeSet<_> = all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(described, routes);
    }
}
