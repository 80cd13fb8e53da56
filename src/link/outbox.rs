//! What the host wants to send: calls and unit locations.

use std::collections::VecDeque;
use std::time::Duration;

use super::units::Units;

/// A call of the host.
#[derive(Debug)]
pub(crate) struct Call {
    /// The host's number for it.
    pub(crate) request: i32,
    pub(crate) method: String,
    /// A JSON array.
    pub(crate) arguments: String,
}

/// What waits to be sent. Outlives links.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) units: Units,
    /// Calls that no link has taken yet.
    pub(crate) calls: VecDeque<Call>,
}

impl Outbox {
    pub(crate) fn new(unit_interval: Duration) -> Self {
        Self { units: Units::new(unit_interval), calls: VecDeque::new() }
    }
}
