//! Peers that are bad hubs: what the host hears of each, and that the session comes back to a good one.
//!
//! The cases follow the conformance list of the hub protocol: handshake, records and frames, messages,
//! authentication and calls, liveness, closing, upgrade, negotiation, TLS, network, names, proxies.

mod authentication;
mod calls;
mod case;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
mod clock;
mod closing;
mod flood;
mod frames;
mod handshake;
mod liveness;
mod memory;
mod messages;
mod negotiation;
mod network;
mod proxy;
mod records;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod resolver;
mod rivals;
mod standstill;
mod tls;
mod upgrade;
mod wire;
