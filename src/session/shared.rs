//! What the handles of a session's readers, its task and its pump share.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::lifecycle::{Leave, Lifecycle, StopReason};
use super::mailbox::Mailbox;
use super::notice::Notice;
use super::reader::Reader;
use super::reputation::{self, Reputation};
use super::state::State;
use super::stats::Stats;
use crate::config::{Config, LogLevel};
use crate::link::Outbox;
use crate::signalr::Outcome;
use crate::sys::Text;

/// The session itself: one connection and whoever reads it.
///
/// Locks are taken in this order: `outgoing`, `lifecycle`, a mailbox's. None is held over IO or an await.
#[derive(Debug)]
pub(crate) struct Shared {
    // never changes
    pub(crate) config: Arc<Config>,

    // each of these guards itself
    pub(crate) lifecycle: Lifecycle,
    pub(crate) stats: Stats,
    /// How the hub reacts to the credentials. Shared with the sessions before and after this one. No other
    /// lock is taken under its lock.
    pub(crate) reputation: Arc<Mutex<Reputation>>,

    pub(crate) outgoing: Mutex<Outgoing>,
    /// Wakes the pump when the outbox has something new.
    pub(crate) outbox_filled: Notify,
}

/// What the readers want to send, and who waits for a result.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) outbox: Outbox,
    /// Calls without a result, sent or not, by the host's number. Whoever removes a call from here reports its
    /// result under the same lock, so that there is exactly one, and none after its reader's last event.
    pub(crate) unanswered: BTreeMap<i32, Unanswered>,
}

/// A call without a result.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) method: String,
    /// Of the reader that called, or whoever has taken its place.
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Shared {
    /// Creates a session with one reader.
    pub(crate) fn new(config: Arc<Config>, first: Arc<Reader>) -> Self {
        let outbox = Outbox::new(config.unit_interval);
        Self {
            reputation: reputation::of(&config),
            lifecycle: Lifecycle::new(first),
            stats: Stats::default(),
            outgoing: Mutex::new(Outgoing { outbox, unanswered: BTreeMap::new() }),
            outbox_filled: Notify::new(),
            config,
        }
    }

    /// Sends all readers a notice.
    pub(crate) fn say(&self, notice: &Notice<'_>) {
        self.lifecycle.tell(|readers| self.tell(readers, notice));
    }

    /// Sends these readers a notice.
    pub(crate) fn tell(&self, readers: &[Arc<Reader>], notice: &Notice<'_>) {
        let another = matches!(notice, Notice::Retry(..) | Notice::UnitsRejected { .. });
        let text = notice.text(&self.config);
        for reader in readers {
            reader.say(text.clone(), another);
        }
    }

    /// Logs, to the readers that asked for it.
    pub(crate) fn log(&self, level: LogLevel, message: impl FnOnce() -> String) {
        self.lifecycle.tell(|readers| {
            let mut asked = readers.iter().filter(|reader| level <= reader.reading.log).peekable();
            if asked.peek().is_some() {
                let line = Notice::Log { level, message: &message() }.text(&self.config);
                asked.for_each(|reader| reader.log(line.clone()));
            }
        });
    }

    /// Tells the reader that called how its call ended, unless it has been told.
    pub(crate) fn tell_result(&self, request: i32, outcome: Option<&Outcome<'_>>) {
        let method = self.outgoing.lock().unanswered.get(&request).map(|call| call.method.clone());
        let Some(method) = method else { return };
        // outside the lock: a result may be large
        let text = Notice::CallResult { request, method: &method, outcome }.text(&self.config);
        let without = |bytes| Notice::LargeResult { request, method: &method, bytes }.text(&self.config);
        let mut outgoing = self.outgoing.lock();
        if let Some(call) = outgoing.unanswered.remove(&request) {
            call.mailbox.result(text, without);
        }
    }

    /// Ends all calls, because the link that could have answered them is gone.
    pub(crate) fn fail_calls(&self) {
        self.lose_calls(&mut self.outgoing.lock(), |_| true);
    }

    fn lose_calls(&self, outgoing: &mut Outgoing, which: impl Fn(&Unanswered) -> bool) {
        let Outgoing { outbox, unanswered } = outgoing;
        unanswered.retain(|request, call| {
            let lost = which(call);
            if lost {
                outbox.calls.retain(|waiting| waiting.request != *request);
                let notice = Notice::CallResult { request: *request, method: &call.method, outcome: None };
                call.mailbox.result(notice.text(&self.config), |_| notice.text(&self.config));
            }
            !lost
        });
    }

    /// Lets a reader leave if `condition` holds. The last one ends the session. Returns whether it was asked to.
    pub(crate) fn leave_if(
        &self,
        reader: &Arc<Reader>,
        reason: StopReason,
        condition: impl FnOnce() -> bool,
    ) -> bool {
        // a call takes this lock to see whether its reader is still there: none slips in after that
        let mut outgoing = self.outgoing.lock();
        let leave = self.lifecycle.leave_if(reader, reason, condition);
        if leave == Leave::Left {
            self.lose_calls(&mut outgoing, |call| Arc::ptr_eq(&call.mailbox, &reader.mailbox));
            reader.close(self.last_words(reason));
        }
        leave != Leave::No
    }

    /// The last thing a session does.
    pub(crate) fn finish(&self, reason: StopReason) {
        self.fail_calls();
        let last = self.last_words(reason);
        self.lifecycle.announce(State::Closed, |readers| {
            readers.iter().for_each(|reader| reader.close(last.clone()));
        });
    }

    /// Returns the last event of a reader.
    fn last_words(&self, reason: StopReason) -> Option<Text> {
        let (code, message) = match reason {
            StopReason::Disconnected => ("disconnected", "Disconnected as asked."),
            StopReason::Idle => {
                ("idle", "Closed because nobody polled this session for idleCloseMs: connect again to go on.")
            }
            StopReason::Superseded => return None,
        };
        Some(Notice::Closed { code, message }.text(&self.config))
    }
}
