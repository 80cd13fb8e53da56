//! What a session's handle, its task and its pump share.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::lifecycle::{Lifecycle, State, StopReason};
use super::mailbox::{Mailbox, Writer};
use super::notice::Notice;
use super::stats::Stats;
use crate::config::{Config, LogLevel};
use crate::link::{Call, Outbox};
use crate::signalr::Outcome;

/// The session itself.
///
/// Where several locks are held they are taken in this order: `outbox`, `lifecycle`, `mailbox`. None is
/// held over IO or an await.
#[derive(Debug)]
pub(crate) struct Shared {
    // never changes
    pub(crate) config: Arc<Config>,
    writer: Writer,

    // each of these has a guard of its own
    pub(crate) lifecycle: Lifecycle,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) stats: Stats,

    /// What the host gives to be sent; its lock guards nothing else.
    pub(crate) outbox: Mutex<Outbox>,
    /// Wakes the pump when something was put into the outbox.
    pub(crate) outbox_filled: Notify,
}

impl Shared {
    /// A session that writes into `mailbox` from now on.
    pub(crate) fn new(config: Config, mailbox: Arc<Mailbox>) -> Self {
        Self {
            writer: mailbox.take_over(config.bounds),
            lifecycle: Lifecycle::new(),
            mailbox,
            stats: Stats::default(),
            outbox: Mutex::new(Outbox::new(config.unit_interval)),
            outbox_filled: Notify::new(),
            config: Arc::new(config),
        }
    }

    /// Tells the host something.
    pub(crate) fn say(&self, notice: &Notice<'_>) {
        let another = matches!(notice, Notice::Retry { .. } | Notice::Rejected { .. } | Notice::Log { .. });
        self.mailbox.notice(self.writer, notice.text(&self.config), another);
    }

    /// Tells the host what the session does, if it asked for that.
    pub(crate) fn log(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if level <= self.config.log {
            self.say(&Notice::Log { level, message: &message() });
        }
    }

    /// Tells the host how its call ended.
    pub(crate) fn tell_result(&self, call: &Call, outcome: Option<&Outcome<'_>>) {
        self.outbox.lock().unanswered -= 1;
        self.say(&Notice::CallResult { call, outcome });
    }

    /// Ends the calls of the host that no link has taken.
    pub(crate) fn fail_calls(&self) {
        let calls = std::mem::take(&mut self.outbox.lock().calls);
        for call in &calls {
            self.tell_result(call, None);
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
