//! Events from Sonoran CAD's websocket hub for game servers, as a shared library with a C ABI.
//!
//! The product is the shared library and its manual, `include/sonoran.h`, which is generated from this
//! crate's exported functions. Calls go one way through the modules:
//!
//! `ffi` (C in and out) → `registry` (numbers) → `session` (one task each) → `link` (what one connection
//! means) → `signalr` (the protocol) → `config`, `json`, `error`. `session` also uses `net` (the way to the
//! hub) and `runtime`. `link` and `signalr` do no IO and have no clock.

#![deny(missing_docs, unsafe_code)]

mod config;
mod error;
#[allow(
    unsafe_code,
    clippy::missing_safety_doc,
    reason = "the boundary to C: STRINGS in its text is the contract"
)]
pub mod ffi;
#[cfg(any(test, feature = "internals"))]
#[doc(hidden)]
pub mod internals;
mod json;
mod link;
mod net;
mod registry;
mod runtime;
mod session;
mod signalr;
#[allow(unsafe_code, reason = "the boundary to the operating system")]
mod sys;

/// musl's own allocator asks the system for memory, and gives it back, for nearly every large push.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
