//! A client as the rest of the hub sees it.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{outbox::Outbox, protocol};

/// The hub's end of a client's connection.
#[derive(Debug)]
pub(crate) struct Peer {
    id: String,
    pub(crate) outbox: Outbox,
    pub(crate) aborted: Notify,
    questions: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    asked: AtomicU64,
    last_unit_location: Mutex<Option<Instant>>,
}

/// A client's answer to an invocation of its method.
pub(crate) type Answer = Result<Option<Box<RawValue>>, String>;

impl Peer {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            outbox: Outbox::default(),
            aborted: Notify::new(),
            questions: Mutex::default(),
            asked: AtomicU64::new(0),
            last_unit_location: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Queues whole records, waiting while the client is behind.
    pub(crate) async fn send(&self, records: &str) -> bool {
        self.outbox.send(records).await
    }

    /// Queues whole records unless the client is behind.
    pub(crate) fn offer(&self, records: &str) -> bool {
        self.outbox.try_send(records) == Some(true)
    }

    pub(crate) fn abort(&self) {
        self.aborted.notify_one();
    }

    /// Invokes a method of the client and waits for the result. Returns `None` if the connection ended.
    pub(crate) async fn ask(&self, target: &str, arguments: &str) -> Option<Answer> {
        let id = format!("s{}", self.asked.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.questions.lock().insert(id.clone(), answer);
        if !self.send(&protocol::invocation(Some(&id), target, arguments)).await {
            return None;
        }
        answered.await.ok()
    }

    pub(crate) fn answer(&self, id: &str, outcome: Answer) {
        if let Some(question) = self.questions.lock().remove(id) {
            // The caller may have given up.
            let _ = question.send(outcome);
        }
    }

    /// Whether a call of `unitLocation` comes at least `spacing` after the last accepted one.
    pub(crate) fn unit_location_due(&self, spacing: Duration) -> bool {
        let mut last = self.last_unit_location.lock();
        let due = last.is_none_or(|last| last.elapsed() >= spacing);
        if due {
            *last = Some(Instant::now());
        }
        due
    }

    /// Records the end of the connection: nothing more is sent, and nobody gets an answer.
    pub(crate) fn end(&self) {
        self.outbox.finish("");
        self.questions.lock().clear();
    }
}
