//! Events from Sonoran CAD's websocket hub for game servers, as a shared library with a C ABI.
//!
//! The product is the shared library and `include/sonoran.h`, its manual, which is generated from the
//! exported functions of this crate. Calls go one way through the modules:
//!
//! `ffi` (C in and out) → `registry` (numbers) → `session` (one task each) → `hub`, `push`, `queue` (the
//! protocol and the events, without IO) and `net` (the way to the hub) → `config`, `error`.

#![deny(missing_docs, unsafe_code)]

mod config;
mod error;
#[allow(unsafe_code, clippy::not_unsafe_ptr_arg_deref, reason = "the boundary to C")]
pub mod ffi;
mod hub;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod json;
mod net;
mod push;
mod queue;
mod registry;
mod runtime;
mod session;
mod stats;
#[allow(unsafe_code, reason = "the boundary to the operating system")]
mod sys;
mod units;
