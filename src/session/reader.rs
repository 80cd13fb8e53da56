//! One of the readers of a session: what it wants, and the mailbox that it reads.

use std::sync::Arc;

use super::mailbox::{Mailbox, Writer};
use crate::config::Reading;
use crate::sys::Text;

/// A reader, from the call that connected it until it leaves or a later call takes its place.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) reading: Arc<Reading>,
    pub(crate) mailbox: Arc<Mailbox>,
    writer: Writer,
}

impl Reader {
    /// Lets a session read under this number. The mailbox may be one that an earlier session has read.
    pub(crate) fn new(number: i32, reading: Arc<Reading>, mailbox: Arc<Mailbox>) -> Self {
        mailbox.hand_over(number);
        let writer = mailbox.take_over(&reading);
        Self { reading, mailbox, writer }
    }

    /// Queues a notice. Once very many wait, one about yet `another` attempt may replace the previous one.
    pub(crate) fn say(&self, notice: Text, another: bool) {
        self.mailbox.notice(self.writer, notice, another);
    }

    /// Queues a log line.
    pub(crate) fn log(&self, line: Text) {
        self.mailbox.log(self.writer, line);
    }

    /// Queues pushes.
    pub(crate) fn push(&self, pushes: impl IntoIterator<Item = Text>) {
        self.mailbox.push(self.writer, pushes);
    }

    /// Queues the last event.
    pub(crate) fn close(&self, last: Option<Text>) {
        self.mailbox.close(self.writer, last);
    }
}
