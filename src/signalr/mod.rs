//! The SignalR hub protocol, JSON over a message transport, without any IO.
//!
//! Chunks of what the hub sent and the time go in; [`Step`]s, records to send and the next deadline come
//! out. One [`Connection`] is one connection: nothing of it survives into the next.
//!
//! Source of the protocol: `HubProtocol.md` and `TransportProtocols.md` of ASP.NET Core, and what its
//! server and its clients do where the text is silent.

mod connection;
mod error;
mod message;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use connection::{CallId, Connection, MAX_SENT, Outcome, Step, call_size};
pub(crate) use error::Error;
#[cfg(test)]
pub(crate) use message::test_arguments;
pub(crate) use message::{Arguments, Method};
pub(crate) use records::Chunk;
