//! What one session's events must be, whatever happens to it.

use std::collections::BTreeSet;

use serde_json::Value;

/// One session's account.
///
/// A link is live from its SESSION_READY until its SESSION_LOST. Of two numbered events that a session polls one after
/// the other with no SESSION_LOST between them, the second has the next number, less what SESSION_EVENTS_DROPPED counts
/// between them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The hub process, and the number, of the last event.
    last: Option<(u64, u64)>,
    /// Whether the link of the last event is gone.
    broken: bool,
    dropped: u64,
    unanswered: BTreeSet<i64>,
    pub(crate) is_ready: bool,
    pub(crate) has_ended: bool,
    pub(crate) figures: Figures,
}

/// What all sessions together have seen, and what must not be.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) events: u64,
    pub(crate) calls: u64,
    pub(crate) links: u64,
    /// Events that a full queue dropped, and counted.
    pub(crate) counted: u64,
    /// Events that the hub sent while the session had no live link.
    pub(crate) between_links: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) unordered: u64,
    pub(crate) unanswered: u64,
    pub(crate) unknown_answers: u64,
    pub(crate) pending_units: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.calls += other.calls;
        self.links += other.links;
        self.counted += other.counted;
        self.between_links += other.between_links;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.unordered += other.unordered;
        self.unanswered += other.unanswered;
        self.unknown_answers += other.unknown_answers;
        self.pending_units += other.pending_units;
    }

    /// Whether nothing is wrong.
    pub(crate) fn are_clean(&self) -> bool {
        let wrong = [self.lost, self.doubled, self.unordered, self.unanswered, self.unknown_answers];
        wrong.iter().sum::<u64>() + self.pending_units == 0
    }
}

impl Ledger {
    pub(crate) fn take(&mut self, event: &Value) {
        let id = || event["id"].as_i64().unwrap_or_else(|| panic!("{event}"));
        match event["type"].as_str().unwrap_or_else(|| panic!("{event}")) {
            "EVENT_UNIT_STATUS" => self.numbered(event),
            "SESSION_READY" => {
                self.is_ready = true;
                self.figures.links += 1;
            }
            "SESSION_LOST" => (self.is_ready, self.broken) = (false, true),
            "SESSION_EVENTS_DROPPED" => self.dropped += event["count"].as_u64().expect("a count"),
            "HOST_CALL" => {
                self.figures.calls += 1;
                self.unanswered.insert(id());
            }
            "SESSION_CALL_RESULT" => {
                self.figures.unknown_answers += u64::from(!self.unanswered.remove(&id()));
            }
            "HOST_END" => {
                let waiting = u64::try_from(self.unanswered.len()).expect("a small number");
                self.figures.unanswered += waiting;
                self.figures.pending_units += event["pendingUnits"].as_u64().expect("a number");
            }
            "SESSION_CLOSED" => self.has_ended = true,
            _ => {}
        }
    }

    /// Whether it has read this event of this hub process, and none is missing before it.
    pub(crate) fn has_read(&self, hub: u64, number: u64) -> bool {
        self.last == Some((hub, number))
    }

    /// The host was killed, and what it knew with it.
    pub(crate) fn host_killed(&mut self) {
        *self = Self { figures: self.figures, ..Self::default() };
    }

    fn numbered(&mut self, event: &Value) {
        let number = event["data"]["seq"].as_u64().expect("a number");
        // each hub process pads its events differently
        let hub = event["data"]["pad"].as_str().expect("a text").len();
        let hub = u64::try_from(hub).expect("a small number");
        self.figures.events += 1;
        match self.last {
            Some((before, _)) if before > hub => self.figures.unordered += 1,
            Some((before, last)) if before == hub && number == last => self.figures.doubled += 1,
            Some((before, last)) if before == hub && number < last => self.figures.unordered += 1,
            Some((before, last)) if before == hub => {
                let missing = number - last - 1;
                if self.broken {
                    self.figures.between_links += missing.saturating_sub(self.dropped);
                } else {
                    self.figures.lost += missing.abs_diff(self.dropped);
                }
                self.figures.counted += self.dropped;
            }
            // a new hub process takes a new link
            Some(_) if !self.broken => self.figures.unordered += 1,
            _ => self.figures.counted += self.dropped,
        }
        (self.last, self.broken, self.dropped) = (Some((hub, number)), false, 0);
    }
}
