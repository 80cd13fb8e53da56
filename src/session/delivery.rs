//! Passes the steps of a link on to the host.

use std::ffi::CString;
use std::time::Instant;

use super::lifecycle::State;
use super::notice::Notice;
use super::shared::Shared;
use crate::config::LogLevel;
use crate::link::Step;
use crate::link::units::Answer;

/// Flush once this many bytes are buffered.
const MAX_BYTES: usize = 256 * 1024;

/// Passes steps on. Buffers pushes, to take the mailbox's lock once for many.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    shared: &'a Shared,
    pushes: Vec<CString>,
    push_bytes: usize,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared, pushes: Vec::new(), push_bytes: 0 }
    }

    pub(crate) fn step(&mut self, step: Step<'_>) {
        if let Step::Pushed(events) = step {
            return events.filter_map(|event| self.shared.wanted(event)).for_each(|event| self.push(event));
        }
        // everything else keeps its place among the pushes
        self.flush();
        let shared = self.shared;
        match step {
            Step::Pushed(_) => {}
            Step::Authenticating(method) => {
                let before = shared.lifecycle.set_state(State::Authenticating);
                if matches!(before, State::Ready { .. }) {
                    shared.say(&Notice::Forgotten);
                }
                shared.log(LogLevel::Debug, || format!("Calling {method}."));
            }
            Step::Ready(method) => {
                shared.stats.ready.add(1);
                let ready = State::Ready { since: Instant::now(), method };
                shared.lifecycle.announce(ready, || shared.say(&Notice::Ready { method, resumed: false }));
            }
            Step::CallEnded(call, outcome) => shared.tell_result(call.request, outcome.as_ref()),
            Step::UnitsAnswered(answer) => {
                let failed = shared.outbox.lock().units.answered(Instant::now(), &answer);
                if let Some(failed) = failed {
                    let words = if let Answer::Refused(words) = &answer { words } else { "" };
                    shared.say(&Notice::UnitsRejected { failed: &failed, words });
                }
            }
            Step::Ignored(what) => {
                shared.stats.unknown_messages.add(1);
                shared.log(LogLevel::Debug, || format!("Ignored from the hub: {what}."));
            }
        }
    }

    /// Moves the buffered pushes into the mailbox.
    pub(crate) fn flush(&mut self) {
        if !self.pushes.is_empty() {
            self.shared.push(self.pushes.drain(..));
            self.push_bytes = 0;
        }
    }

    fn push(&mut self, event: CString) {
        self.push_bytes += event.count_bytes();
        self.pushes.push(event);
        if self.push_bytes >= MAX_BYTES {
            self.flush();
        }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        // whatever ended the link, no earlier push is lost
        self.flush();
    }
}
