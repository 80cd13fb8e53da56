//! `negotiate: true` with hubs that do it well: the local one and ASP.NET Core's own.

use serde_json::json;
use support::client::{Process, Session};
use support::control::Shape;
use support::hub::{Hub, Kind, Setup};
use support::not_run;

/// Runs the test with each kind of hub that is here.
fn with_each(test: impl Fn(&Hub, Kind)) {
    let _process = Process::shared();
    for kind in [Kind::Local, Kind::AspNet] {
        match kind.missing() {
            Some(why) => not_run(&format!("a negotiation with {kind:?}: {why}")),
            None => test(&Hub::start(kind, Setup::default()), kind),
        }
    }
}

#[test]
fn a_session_negotiates_each_connection_anew() {
    with_each(|hub, kind| {
        let session = Session::connect(
            &serde_json::from_str(&hub.options(1, json!({"negotiate": true}))).expect("JSON"),
        );
        for round in 0..3 {
            session.expect("SESSION_READY");
            let event = format!(r#"{{"key":"k","type":"EVENT_TEST","data":{round}}}"#);
            hub.push(1, &event, Shape::Verbatim);
            session.expect_text(&event);
            hub.abort(1);
            session.expect("SESSION_LOST");
        }
        assert_eq!(session.figure("ready"), 3, "{kind:?}");
    });
}

#[test]
fn a_redirect_leads_on_with_its_token() {
    with_each(|hub, kind| {
        let mut options: serde_json::Value =
            serde_json::from_str(&hub.options(1, json!({"negotiate": true}))).expect("JSON");
        options["url"] = json!(hub.url().replace("/apiWsHub", "/redirect"));
        let session = Session::connect(&options);
        session.expect("SESSION_READY");
        if kind == Kind::AspNet {
            let requests = hub.requests();
            let shown = |request: &serde_json::Value| {
                ["method", "authorization"].map(|name| request[name].as_str().unwrap_or_default().to_owned())
            };
            let token = "Bearer redirect-token".to_owned();
            let shown: Vec<_> = requests.iter().map(shown).collect();
            assert_eq!(
                shown,
                [["POST".to_owned(), token.clone()], ["GET".to_owned(), token]],
                "{requests:?}"
            );
            assert!(
                requests[1]["target"].as_str().is_some_and(|target| target.contains("?via=redirect&id=")),
                "{requests:?}"
            );
        }
    });
}

#[test]
fn a_hub_that_is_not_there_is_told_by_its_negotiation() {
    with_each(|hub, _| {
        let mut options: serde_json::Value =
            serde_json::from_str(&hub.options(1, json!({"negotiate": true}))).expect("JSON");
        options["url"] = json!(hub.url().replace("/apiWsHub", "/nobody"));
        let session = Session::connect(&options);
        let retry = session.expect("SESSION_RETRY");
        assert_eq!(retry.code(), "http-404", "{retry}");
        assert!(retry.message().contains("answered the negotiation with HTTP 404"), "{retry}");
    });
}
