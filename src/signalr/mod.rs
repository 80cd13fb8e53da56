//! The SignalR hub protocol, JSON over a message transport, without any IO.
//!
//! Chunks of input and the time go in; [`Step`]s, records to send and the next deadline come out. A
//! [`Connection`] is one connection: none of its state survives into the next.
//!
//! Sources: `HubProtocol.md` and `TransportProtocols.md` of ASP.NET Core and, where they are silent, the
//! behaviour of its server and clients.

mod connection;
mod error;
mod message;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use connection::{CallId, Connection, MAX_DEPTH, MAX_SENT, Outcome, Step, call_size};
pub(crate) use error::Error;
#[cfg(test)]
pub(crate) use message::test_arguments;
pub(crate) use message::{Arguments, Method};
pub(crate) use records::Chunk;
