//! The SignalR hub protocol, JSON over a message transport, without any IO.
//!
//! Bytes and the time go in; calls of a [`Handler`], records to send and the next deadline come out.
//! One [`Machine`] is one connection: nothing of it survives into the next.
//!
//! Source of the protocol: `HubProtocol.md` and `TransportProtocols.md` of ASP.NET Core, and what its
//! server and its clients do where the text is silent.

mod error;
mod machine;
mod message;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use error::Error;
pub(crate) use machine::{CallId, Handler, MAX_DEPTH, MAX_SENT, Machine, Outcome, call_size};
#[cfg(test)]
pub(crate) use message::test_arguments;
pub(crate) use message::{Arguments, NOTED};
pub(crate) use records::Part;
