//! Waiting for the first of several sessions that has something.

use std::sync::Arc;
use std::time::Instant;

use super::bell::Bell;
use super::mailbox::{Look, Mailbox};

/// Sessions to wait for: their numbers and mailboxes.
pub(crate) type Watched = [(i32, Arc<Mailbox>)];

/// Waits for the first session that has something. Returns its number, or none if the time is up or one of
/// them was woken. Fails with the number of a session that may no longer read.
pub(crate) fn first(watched: &Watched, until: Option<Instant>) -> Result<Option<i32>, i32> {
    if let Some(found) = look(watched) {
        return found;
    }
    let hung = Hung::new(watched);
    loop {
        if let Some(found) = look(watched) {
            return found;
        }
        if !hung.bell.wait(until) {
            return look(watched).unwrap_or(Ok(None));
        }
    }
}

/// Looks once. Of several that have something, that one is found which was not found for longest.
fn look(watched: &Watched) -> Option<Result<Option<i32>, i32>> {
    let mut found: Option<(u64, &(i32, Arc<Mailbox>))> = None;
    for session in watched {
        let (number, mailbox) = session;
        match mailbox.look(*number) {
            Look::Nothing => {}
            Look::Gone => return Some(Err(*number)),
            Look::Woken => return Some(Ok(None)),
            Look::Waiting { found_before } => {
                if found.is_none_or(|(before, _)| found_before < before) {
                    found = Some((found_before, session));
                }
            }
        }
    }
    found.map(|(_, (number, mailbox))| {
        mailbox.count_find();
        Ok(Some(*number))
    })
}

/// A bell that hangs at each mailbox until this is dropped.
struct Hung<'a> {
    bell: Arc<Bell>,
    at: &'a Watched,
}

impl<'a> Hung<'a> {
    fn new(at: &'a Watched) -> Self {
        let bell = Arc::new(Bell::default());
        for (_, mailbox) in at {
            mailbox.hang(&bell);
        }
        Self { bell, at }
    }
}

impl Drop for Hung<'_> {
    fn drop(&mut self) {
        for (_, mailbox) in self.at {
            mailbox.take_down(&self.bell);
        }
    }
}
