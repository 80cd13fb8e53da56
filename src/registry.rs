//! The sessions of the process by number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::config::Config;
use crate::error::Error;
use crate::net::Dialer;
use crate::runtime;
use crate::session::{Mailbox, Session, State, StopReason, Taken};

static SESSIONS: RwLock<Sessions> = RwLock::new(Sessions { open: Vec::new(), last: 0 });

struct Sessions {
    /// In the order of their numbers.
    open: Vec<(i32, Session)>,
    /// The last number given out: none is given out twice.
    last: i32,
}

impl Sessions {
    fn position(&self, number: i32) -> Result<usize, Error> {
        self.open.binary_search_by_key(&number, |(number, _)| *number).map_err(|_| Error::NoSession(number))
    }

    fn get(&self, number: i32) -> Result<&Session, Error> {
        let position = self.position(number)?;
        self.open.get(position).map(|(_, session)| session).ok_or(Error::NoSession(number))
    }

    fn next(&self) -> Result<i32, Error> {
        let none_left = || Error::System { what: "a session number", why: "all were used".to_owned() };
        self.last.checked_add(1).ok_or_else(none_left)
    }
}

/// Opens a session, or takes over the one there is for the same hub, community and server.
pub(crate) fn connect(options: &str) -> Result<i32, Error> {
    let config = Config::parse(options)?;
    let dialer = Dialer::new(&config)?;
    let mut sessions = SESSIONS.write();
    let number = sessions.next()?;
    let existing = sessions.open.iter().position(|(_, session)| session.config().same_session(&config));
    let existing = existing.and_then(|at| sessions.open.get(at).cloned().map(|entry| (at, entry)));
    let session = match &existing {
        None => {
            let mailbox = Arc::new(Mailbox::new(config.bounds, number));
            Session::start(config, dialer, mailbox, None)?
        }
        Some((_, (old, session))) if !config.replace && !session.is_stopping() => {
            return Err(Error::Exists(*old));
        }
        Some((_, (_, session))) if *session.config() == config && session.adopt(number) => session.clone(),
        Some((_, (_, session))) => {
            session.stop(StopReason::Superseded);
            let mailbox = Arc::clone(session.mailbox());
            mailbox.hand_over(number);
            Session::start(config, dialer, mailbox, Some(session))?
        }
    };
    if let Some((at, _)) = existing {
        sessions.open.remove(at);
    }
    sessions.open.push((number, session));
    sessions.last = number;
    Ok(number)
}

/// The next event of a session.
pub(crate) fn poll(number: i32) -> Result<Option<std::ffi::CString>, Error> {
    let taken = SESSIONS.read().get(number)?.mailbox().take();
    Ok(forget_ended(number, taken))
}

/// The next event of a session, waiting for it.
pub(crate) fn wait(number: i32, timeout: Option<Duration>) -> Result<Option<std::ffi::CString>, Error> {
    let taken = get(number)?.mailbox().wait(number, timeout);
    Ok(forget_ended(number, taken))
}

/// A session, for calls that may take longer than a look.
pub(crate) fn get(number: i32) -> Result<Session, Error> {
    SESSIONS.read().get(number).cloned()
}

/// Ends the current wait of a session, or the next one.
pub(crate) fn wake(number: i32) -> Result<(), Error> {
    SESSIONS.read().get(number)?.mailbox().wake();
    Ok(())
}

/// Asks a session to end.
pub(crate) fn disconnect(number: i32) -> Result<(), Error> {
    SESSIONS.read().get(number)?.stop(StopReason::Disconnected);
    Ok(())
}

/// What a session is doing.
pub(crate) fn state(number: i32) -> Result<State, Error> {
    Ok(SESSIONS.read().get(number)?.state())
}

/// The figures of a session as JSON.
pub(crate) fn stats(number: i32) -> Result<String, Error> {
    Ok(get(number)?.stats(number))
}

/// Ends all sessions and the runtime. Returns how many events nobody will get.
pub(crate) fn shutdown(timeout: Duration) -> Result<i32, Error> {
    let until = Instant::now() + timeout;
    // taken together, so that a session opened from now on has a runtime of its own
    let (ended, runtime) = {
        let mut sessions = SESSIONS.write();
        (std::mem::take(&mut sessions.open), runtime::take())
    };
    for (_, session) in &ended {
        session.stop(StopReason::Superseded);
    }
    let in_time = ended.iter().filter(|(_, session)| session.wait_ended(until)).count();
    for (_, session) in &ended {
        // who still waits for an event is let go
        session.mailbox().release_readers();
    }
    let stopped =
        runtime.map_or(Ok(()), |runtime| runtime.stop(until.saturating_duration_since(Instant::now())));
    if in_time < ended.len() {
        return Err(Error::Timeout);
    }
    stopped?;
    let dropped: usize = ended.iter().map(|(_, session)| session.mailbox().queued().events).sum();
    Ok(i32::try_from(dropped).unwrap_or(i32::MAX))
}

/// A session whose last event was taken is no more.
fn forget_ended(number: i32, taken: Taken) -> Option<std::ffi::CString> {
    if taken.ended {
        let mut sessions = SESSIONS.write();
        if let Ok(position) = sessions.position(number) {
            sessions.open.remove(position);
        }
    }
    taken.event
}
