//! Passes the steps of a link on to the readers.

use std::sync::Arc;
use std::time::Instant;

use super::notice::Notice;
use super::reader::Reader;
use super::shared::Shared;
use super::state::State;
use crate::config::{EventKey, LogLevel};
use crate::link::units::Answer;
use crate::link::{Step, push};
use crate::sys::{Batch, Text};

/// Flush once this many bytes are buffered.
const MAX_BYTES: usize = 256 * 1024;

/// Passes steps on. Buffers pushes, to take a mailbox's lock once for many.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    shared: &'a Shared,
    /// One for each reader, as of this change of readers.
    inboxes: Vec<Inbox>,
    as_of: u64,
    /// Whether each push is for all readers, in the same form.
    alike: bool,
    batch: Batch,
    push_bytes: usize,
}

/// The pushes for one reader.
#[derive(Debug)]
struct Inbox {
    reader: Arc<Reader>,
    pushes: Vec<Text>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        let mut delivery = Self {
            shared,
            inboxes: Vec::new(),
            as_of: 0,
            alike: true,
            batch: Batch::default(),
            push_bytes: 0,
        };
        delivery.look_around();
        delivery
    }

    pub(crate) fn step(&mut self, step: Step<'_>) {
        if let Step::Pushed(events) = step {
            return events.for_each(|event| self.push(&event));
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
                let notice = Notice::Ready { method, resumed: false };
                shared.lifecycle.announce(ready, |readers| shared.tell(readers, &notice));
            }
            Step::CallEnded(call, outcome) => shared.tell_result(call.request, outcome.as_ref()),
            Step::UnitsAnswered(answer) => {
                let failed = shared.outgoing.lock().outbox.units.answered(Instant::now(), &answer);
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

    /// Passes a push to every reader that wants it. All that want the same text get the same copy.
    pub(crate) fn push(&mut self, event: &push::Event<'_>) {
        // at each push: it came after whoever is there now
        if self.shared.lifecycle.changes() != self.as_of {
            self.flush();
            self.look_around();
        }
        let (mut kept, mut stripped) = (None, None);
        let Self { inboxes, batch, push_bytes, .. } = self;
        // what one reader keeps must not keep what another one has long read
        let mut copy_of = |text: &str| if self.alike { batch.add(text) } else { Text::new(text) };
        for Inbox { reader, pushes } in inboxes {
            if !event.is_wanted(&reader.reading.types) {
                reader.mailbox.left_out();
                continue;
            }
            let key = if event.is_keyed() { reader.reading.event_key } else { EventKey::Keep };
            let copy = match key {
                EventKey::Keep => &mut kept,
                EventKey::Strip => &mut stripped,
            };
            let text = copy.map_or_else(|| copy_of(&event.text(key)), Text::clone);
            *push_bytes += text.len();
            pushes.push(text);
            *copy = pushes.last();
        }
        if self.push_bytes >= MAX_BYTES {
            self.flush();
        }
    }

    /// Moves the buffered pushes into the mailboxes.
    pub(crate) fn flush(&mut self) {
        for Inbox { reader, pushes } in &mut self.inboxes {
            if !pushes.is_empty() {
                reader.push(pushes.drain(..));
            }
        }
        self.batch.end();
        self.push_bytes = 0;
    }

    fn look_around(&mut self) {
        let (changes, readers) = self.shared.lifecycle.readers();
        self.as_of = changes;
        let mut readings = readers.iter().map(|reader| &reader.reading);
        self.alike = readings.next().is_none_or(|first| {
            readings.all(|other| first.types == other.types && first.event_key == other.event_key)
        });
        self.inboxes = readers.into_iter().map(|reader| Inbox { reader, pushes: Vec::new() }).collect();
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        // whatever ended the link, no earlier push is lost
        self.flush();
    }
}
