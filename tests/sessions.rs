//! How sessions behave, through the C API, against the local hub.

mod client;

#[path = "sessions/authentication.rs"]
mod authentication;
#[path = "sessions/calls.rs"]
mod calls;
#[path = "sessions/connecting.rs"]
mod connecting;
#[path = "sessions/ending.rs"]
mod ending;
#[path = "sessions/events.rs"]
mod events;
#[path = "sessions/hub.rs"]
mod hub;
#[path = "sessions/polling.rs"]
mod polling;
#[path = "sessions/process.rs"]
mod process;
#[path = "sessions/replacing.rs"]
mod replacing;
#[path = "sessions/stress.rs"]
mod stress;
#[path = "sessions/units.rs"]
mod units;
