//! The send queue of one connection.
//!
//! Records that arrive while the socket is busy leave together in one WebSocket message, as in ASP.NET's pipe.
//! Once the pipe's size is queued, a sender waits.

use std::mem;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The size of ASP.NET's transport buffer.
const HIGH_WATER: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    text: String,
    /// Accepts no more records; queued ones are still sent.
    finished: bool,
}

impl Outbox {
    /// Adds whole records, waiting for room. Returns `false` if the connection is over.
    pub(crate) async fn send(&self, records: &str) -> bool {
        loop {
            // Created before the check so that no wake-up is lost.
            let emptied = self.emptied.notified();
            if let Some(accepted) = self.try_send(records) {
                return accepted;
            }
            emptied.await;
        }
    }

    /// Adds whole records if there is room. Returns `None` if there is none, `Some(false)` if the connection
    /// is over.
    pub(crate) fn try_send(&self, records: &str) -> Option<bool> {
        let mut state = self.state.lock();
        if state.finished {
            return Some(false);
        }
        if state.text.len() >= HIGH_WATER {
            return None;
        }
        state.text.push_str(records);
        drop(state);
        self.filled.notify_one();
        Some(true)
    }

    /// Adds the last record.
    pub(crate) fn finish(&self, last: &str) {
        let mut state = self.state.lock();
        if !mem::replace(&mut state.finished, true) {
            state.text.push_str(last);
        }
        drop(state);
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    /// Waits for records. Returns `None` once all are taken and no more will come.
    pub(crate) async fn take(&self) -> Option<String> {
        loop {
            {
                let mut state = self.state.lock();
                if !state.text.is_empty() {
                    let text = mem::take(&mut state.text);
                    drop(state);
                    self.emptied.notify_waiters();
                    return Some(text);
                }
                if state.finished {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }
}
