//! A local hub for demos, tests and benchmarks of a client. It behaves as documented for Sonoran CAD's
//! `/apiWsHub` and, on the wire, like the ASP.NET Core SignalR server behind it.
//!
//! ```no_run
//! use sonoran_hub::{Hub, Options, Shape};
//!
//! let hub = Hub::start(Options::default())?;
//! println!("connect to {} as community demo with key demo-key", hub.url());
//! let delivered = hub.push("demo", 1, r#"{"key":"demo-key","type":"EVENT_TONE","data":{}}"#, Shape::Object);
//! println!("{}", hub.wait(delivered));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A hub runs on its own thread and serves a test even while the test blocks. Await its futures on any
//! executor, or pass them to [`Hub::wait`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod clock;
mod connection;
mod control;
mod endpoint;
mod faults;
mod guard;
mod hub;
mod journal;
mod methods;
mod options;
mod outbox;
mod page;
mod peer;
pub mod program;
mod protocol;
mod push;
pub mod recording;
mod registry;
mod replay;
mod response;
mod server;
mod shared;
mod stream;
mod tickets;
mod units;

pub use clock::now_ns;
pub use hub::Hub;
pub use options::{Community, Methods, Options, Sessions, Shape};
pub use push::{Burst, BurstReport, Delivered};
pub use registry::{Auth, Call, Request, Session};
pub use replay::Played;
