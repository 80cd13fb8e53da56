//! What a session's handle, its task and its pump share.

use std::borrow::Cow;
use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::lifecycle::{Lifecycle, State, StopReason};
use super::mailbox::{Mailbox, Writer};
use super::notice::{self, Notice};
use super::reputation::{self, Reputation};
use super::stats::Stats;
use crate::config::{Config, LogLevel};
use crate::link::{Outbox, push};
use crate::signalr::Outcome;

/// The session itself.
///
/// Locks are taken in this order: `outbox`, `lifecycle`, `mailbox`. None is held over IO or an await.
#[derive(Debug)]
pub(crate) struct Shared {
    // never changes
    pub(crate) config: Arc<Config>,
    writer: Writer,

    // each of these guards itself
    pub(crate) lifecycle: Lifecycle,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) stats: Stats,
    /// How the hub reacts to the credentials. Shared with the sessions before and after this one. No other
    /// lock is taken under its lock.
    pub(crate) reputation: Arc<Mutex<Reputation>>,

    /// What the host wants to send. The lock guards nothing else.
    pub(crate) outbox: Mutex<Outbox>,
    /// Wakes the pump when the outbox has something new.
    pub(crate) outbox_filled: Notify,
}

impl Shared {
    /// Creates a session, which writes into `mailbox` from now on.
    pub(crate) fn new(config: Config, mailbox: Arc<Mailbox>) -> Self {
        let config = Arc::new(config);
        Self {
            writer: mailbox.take_over(&config.reading),
            reputation: reputation::of(&config),
            lifecycle: Lifecycle::new(),
            mailbox,
            stats: Stats::default(),
            outbox: Mutex::new(Outbox::new(config.unit_interval)),
            outbox_filled: Notify::new(),
            config,
        }
    }

    /// Sends the host a notice.
    pub(crate) fn say(&self, notice: &Notice<'_>) {
        let another = matches!(notice, Notice::Retry(..) | Notice::UnitsRejected { .. });
        self.mailbox.notice(self.writer, notice.text(&self.config), another);
    }

    /// Tells the host that a session with another API key left this many pushes, which are not for this one.
    pub(crate) fn withhold(&self, pushes: u64) {
        self.mailbox.notice(self.writer, notice::withheld(pushes), false);
    }

    /// Logs, if the host asked for it.
    pub(crate) fn log(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if level <= self.config.reading.log {
            let line = Notice::Log { level, message: &message() };
            self.mailbox.log(self.writer, line.text(&self.config));
        }
    }

    /// Applies the session's bounds to what waits.
    pub(crate) fn bound(&self) {
        self.mailbox.bound();
    }

    /// Returns an event's text as the host wants it, if it wants it.
    pub(crate) fn wanted(&self, event: push::Event<'_>) -> Option<CString> {
        let reading = &self.config.reading;
        if !event.is_wanted(&reading.types) {
            self.mailbox.left_out();
            return None;
        }
        // valid JSON has no raw NUL, so nothing is lost here
        Some(match event.text(reading.event_key) {
            Cow::Borrowed(text) => CString::new(text).unwrap_or_default(),
            Cow::Owned(text) => CString::new(text).unwrap_or_default(),
        })
    }

    /// Queues pushes for the host.
    pub(crate) fn push(&self, events: impl IntoIterator<Item = CString>) {
        self.mailbox.push(self.writer, events);
    }

    /// Tells the host how its call ended, unless it has been told.
    pub(crate) fn tell_result(&self, request: i32, outcome: Option<&Outcome<'_>>) {
        // a separate statement, to release the lock first
        let unanswered = self.outbox.lock().unanswered.remove(&request);
        if let Some(method) = unanswered {
            let notice = Notice::CallResult { request, method: &method, outcome };
            let without = |bytes| Notice::LargeResult { request, method: &method, bytes }.text(&self.config);
            self.mailbox.result(notice.text(&self.config), without);
        }
    }

    /// Ends all calls of the host, because the link that could have answered them is gone.
    pub(crate) fn fail_calls(&self) {
        let lost = {
            let mut outbox = self.outbox.lock();
            outbox.calls.clear();
            outbox.unanswered.keys().copied().collect::<Vec<_>>()
        };
        for request in lost {
            self.tell_result(request, None);
        }
    }

    /// The last thing a session does.
    pub(crate) fn finish(&self, reason: StopReason) {
        self.fail_calls();
        let last = match reason {
            StopReason::Disconnected => {
                Some(Notice::Closed { code: "disconnected", message: "Disconnected as asked." })
            }
            StopReason::Idle => Some(Notice::Closed {
                code: "idle",
                message: "Closed because nobody polled this session for idleCloseMs: connect again to go on.",
            }),
            StopReason::Superseded => None,
        };
        self.mailbox.close(self.writer, last.map(|notice| notice.text(&self.config)));
        self.lifecycle.set_state(State::Closed);
    }
}
