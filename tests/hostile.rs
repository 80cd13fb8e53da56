//! Peers that are no good hub: what the host hears of each, and that the session comes back to a good one.
//!
//! The cases follow the conformance list of the hub protocol: handshake, records and frames, messages,
//! authentication and calls, liveness, closing, upgrade, TLS, network, names.

mod client;

#[path = "hostile/authentication.rs"]
mod authentication;
#[path = "hostile/calls.rs"]
mod calls;
#[path = "hostile/case.rs"]
mod case;
#[path = "hostile/closing.rs"]
mod closing;
#[path = "hostile/flood.rs"]
mod flood;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/handshake.rs"]
mod handshake;
#[path = "hostile/liveness.rs"]
mod liveness;
#[path = "hostile/messages.rs"]
mod messages;
#[path = "hostile/network.rs"]
mod network;
#[path = "hostile/records.rs"]
mod records;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[path = "hostile/resolver.rs"]
mod resolver;
#[path = "hostile/tls.rs"]
mod tls;
#[path = "hostile/upgrade.rs"]
mod upgrade;
#[path = "hostile/wire.rs"]
mod wire;
