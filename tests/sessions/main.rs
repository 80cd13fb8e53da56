//! How sessions behave, through the C API, against the local hub.

mod authentication;
mod calls;
mod connecting;
mod ending;
mod events;
mod hub;
mod negotiation;
mod polling;
mod process;
mod readers;
mod replacing;
mod sequences;
mod stress;
mod units;
mod waiting;
