//! Closes a session that nobody polls.

use std::pin::pin;
use std::sync::Arc;

use super::lifecycle::StopReason;
use super::reader::Reader;
use super::shared::Shared;

/// An idle session ends after this many looks without use.
const LOOKS: u32 = 4;

/// Lets a reader leave that has been idle for too long. Returns once it has left.
pub(crate) async fn watch(shared: Arc<Shared>, reader: Arc<Reader>) {
    let Some(idle) = reader.reading.idle_close else { return };
    let mut left = pin!(shared.lifecycle.left(&reader));
    let unused_now = || !reader.mailbox.was_used();
    let mut unused = 0;
    loop {
        tokio::select! {
            () = &mut left => return,
            () = tokio::time::sleep(idle / LOOKS) => unused += 1,
        }
        let used = if unused < LOOKS {
            !unused_now()
        } else {
            !shared.leave_if(&reader, StopReason::Idle, unused_now)
        };
        if used {
            unused = 0;
        }
    }
}
