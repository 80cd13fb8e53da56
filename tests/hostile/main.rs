//! Peers that are no good hub: what the host hears of each, and that the session comes back to a good one.
//!
//! The cases follow the conformance list of the hub protocol: handshake, records and frames, messages,
//! authentication and calls, liveness, closing, upgrade, TLS, network.

mod authentication;
mod calls;
mod case;
mod closing;
mod flood;
mod frames;
mod handshake;
mod liveness;
mod messages;
mod network;
mod records;
mod tls;
mod upgrade;
mod wire;
