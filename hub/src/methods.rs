//! The hub's methods, as Sonoran documents them, and a few more for testing calls.

use std::{sync::Arc, time::Duration, time::SystemTime};

use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::{
    faults::RIVAL_AFTER,
    journal::Kind,
    options::Methods,
    peer::Peer,
    protocol::{self, Invocation},
    registry::Session,
    shared::Shared,
};

/// The largest number of units in a call of `unitLocation`.
const MAX_UNITS: usize = 25;
/// The minimum time between two calls of `unitLocation`.
const UNIT_LOCATION_SPACING: Duration = Duration::from_millis(200);

/// A result as JSON text, or an error message.
type Outcome = Result<String, String>;

/// Runs a call and answers it, if the client wants an answer.
pub(crate) async fn answer(shared: Arc<Shared>, peer: Arc<Peer>, call: Invocation) {
    let delay = shared.faults.delay();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    // Never wait between a session's start and the answer: a push would come first.
    let outcome = run(&shared, &peer, &call).await;
    shared.note(format_args!("{} called {}: {outcome:?}", peer.id(), call.target));
    if let Some(id) = &call.id {
        peer.send(&protocol::completion(id, outcome)).await;
    }
}

async fn run(shared: &Shared, peer: &Arc<Peer>, call: &Invocation) -> Outcome {
    let knows = |methods| shared.options.methods == Methods::Both || shared.options.methods == methods;
    let arguments = call.arguments.as_slice();
    // Names match in any letter case; errors use the server's spelling.
    let name = match call.target.to_ascii_lowercase().as_str() {
        "authenticate" if knows(Methods::V1) => "authenticate",
        "authenticatev2" if knows(Methods::V2) => "authenticatev2",
        "unitlocation" => "unitLocation",
        "echo" => "echo",
        "fail" => "fail",
        "slow" => "slow",
        _ => {
            let target = &call.target;
            return Err(format!(
                "Failed to invoke '{target}' due to an error on the server. HubException: Method does not exist."
            ));
        }
    };
    if call.streaming {
        return Err(format!(
            "The client attempted to invoke the non-streaming '{name}' method with a streaming invocation."
        ));
    }
    let unbound = || format!("Failed to invoke '{name}' due to an error on the server.");
    match (name, arguments) {
        ("authenticate" | "authenticatev2", [community, key, server]) => {
            let community: Option<String> = bind(community).ok_or_else(unbound)?;
            let key: Option<String> = bind(key).ok_or_else(unbound)?;
            Ok(authenticate(shared, peer, name, community, key, server).await)
        }
        ("unitLocation", [updates]) => Ok(unit_location(shared, peer, updates)),
        ("echo", [value]) => Ok(value.get().to_owned()),
        ("fail", [message]) => {
            let message: Option<String> = bind(message).ok_or_else(unbound)?;
            let message = message.unwrap_or_default();
            Err(format!(
                "An unexpected error occurred invoking 'fail' on the server. HubException: {message}"
            ))
        }
        ("slow", [seconds]) => {
            let seconds: f64 = bind(seconds).ok_or_else(unbound)?;
            let pause = Duration::try_from_secs_f64(seconds)
                .map_err(|_| "An unexpected error occurred invoking 'slow' on the server.".to_owned())?;
            tokio::time::sleep(pause).await;
            Ok("1".to_owned())
        }
        _ => Err(unbound()),
    }
}

fn bind<T: DeserializeOwned>(argument: &RawValue) -> Option<T> {
    serde_json::from_str(argument.get()).ok()
}

async fn authenticate(
    shared: &Shared,
    peer: &Arc<Peer>,
    method: &str,
    community: Option<String>,
    key: Option<String>,
    server: &RawValue,
) -> String {
    // A number or a string of digits: game servers store it as text.
    let server = bind::<String>(server).unwrap_or_else(|| server.get().to_owned());
    shared.registry.record_call(method, peer, Some(server.clone()), None);
    let auth = shared.registry.auth();
    tokio::time::sleep(auth.delay).await;
    if let Some(error) = auth.reject {
        shared.journal.add(Kind::Session, None, None, format!("refused, as asked: {error}"));
        return refuse(&error);
    }
    let Some(community) =
        shared.options.communities.iter().find(|known| Some(&known.id) == community.as_ref())
    else {
        return refuse("Invalid community ID.");
    };
    if Some(&community.key) != key.as_ref() {
        return refuse("Invalid API key.");
    }
    let server = match server.as_str() {
        "null" => None,
        text => {
            match text.parse().ok().filter(|id| shared.options.servers.iter().any(|ids| ids.contains(id))) {
                Some(id) => Some(id),
                None => return refuse("Invalid server ID."),
            }
        }
    };
    let session = Session {
        connection_id: peer.id().to_owned(),
        community: community.id.clone(),
        server,
        since: SystemTime::now(),
    };
    shared.journal.add(Kind::Session, server, None, format!("{} authenticated by {method}", peer.id()));
    shared.registry.join(session, peer);
    if server.is_some_and(|server| shared.faults.has_rival(server)) {
        let peer = Arc::clone(peer);
        tokio::spawn(async move {
            tokio::time::sleep(RIVAL_AFTER).await;
            peer.abort();
        });
    }
    accept(1)
}

fn unit_location(shared: &Shared, peer: &Arc<Peer>, updates: &RawValue) -> String {
    let session = shared.registry.session_of(peer);
    let server =
        session.as_ref().map(|session| session.server.map_or_else(|| "null".into(), |id| id.to_string()));
    shared.registry.record_call("unitLocation", peer, server, Some(updates));
    if session.is_none() {
        return refuse("Unauthenticated. Call authenticate first.");
    }
    let updates: Vec<Value> = bind(updates).unwrap_or_default();
    if updates.is_empty() {
        return refuse("Missing unit location updates.");
    }
    if updates.len() > MAX_UNITS {
        return refuse("Too many unit updates in one call. Max is 25.");
    }
    if !peer.unit_location_due(UNIT_LOCATION_SPACING) {
        return refuse("UNIT_LOCATION updates are limited to every 200ms.");
    }
    let complete = |update: &Value| {
        let has = |name| update.get(name).is_some_and(|value| !value.is_null());
        has("location") && ["identId", "apiId", "communityUserId", "roblox"].into_iter().any(has)
    };
    if !updates.iter().all(complete) {
        return refuse("Each unit update requires identId, apiId, communityUserId, or roblox, and location.");
    }
    if let Some(server) = session.and_then(|session| session.server) {
        shared.units.take(server, &updates);
        shared.journal.add(
            Kind::Call,
            Some(server),
            None,
            format!("unitLocation with {} units", updates.len()),
        );
    }
    accept(updates.len())
}

fn accept(count: usize) -> String {
    format!("{{\"success\":true,\"error\":null,\"count\":{count}}}")
}

fn refuse(error: &str) -> String {
    format!("{{\"success\":false,\"error\":{},\"count\":0}}", protocol::quoted(error))
}
