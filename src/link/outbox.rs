//! What the host wants the hub to get: calls, and the locations of units.

use std::collections::VecDeque;
use std::time::Duration;

use super::units::Units;

/// A call of the host.
#[derive(Debug)]
pub(crate) struct Call {
    /// The host's number of it.
    pub(crate) request: i32,
    pub(crate) method: String,
    /// A JSON array.
    pub(crate) arguments: String,
}

/// What waits to be sent. It outlives links.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) units: Units,
    /// Calls that no link has taken.
    pub(crate) calls: VecDeque<Call>,
    /// Calls that have no result yet, on a link or not.
    pub(crate) unanswered: usize,
}

impl Outbox {
    pub(crate) fn new(unit_interval: Duration) -> Self {
        Self { units: Units::new(unit_interval), calls: VecDeque::new(), unanswered: 0 }
    }
}
