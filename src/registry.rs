//! The process's sessions, by number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use crate::config::Options;
use crate::error::Error;
use crate::net::Dialer;
use crate::runtime;
use crate::session::{Session, State, Taken, first, is_down};
use crate::sys::{self, Signal, Text};

static SESSIONS: RwLock<Sessions> =
    RwLock::new(Sessions { open: Vec::new(), last: 0, ended_signals: VecDeque::new() });

/// How many ended sessions' wait handles stay open: an event loop may still hold them.
const ENDED_SIGNALS: usize = 64;

struct Sessions {
    /// Sorted by number.
    open: Vec<(i32, Session)>,
    /// The last number used. No number is used twice.
    last: i32,
    /// The wait handles of sessions that have ended, the oldest first.
    ended_signals: VecDeque<Arc<Signal>>,
}

impl Sessions {
    fn position(&self, number: i32) -> Option<usize> {
        self.open.binary_search_by_key(&number, |(number, _)| *number).ok()
    }

    fn get(&self, number: i32) -> Result<&Session, Error> {
        match self.position(number).and_then(|position| self.open.get(position)) {
            Some((_, session)) => Ok(session),
            None => Err(Error::NoSession(number)),
        }
    }

    /// Returns the session whose place a new one takes: its position, its number and itself.
    fn old(&self, options: &Options) -> Option<(usize, i32, Session)> {
        let is_old = |(_, session): &(i32, Session)| {
            session.config().same_session(&options.config) && session.name() == options.reading.reader
        };
        let at = self.open.iter().position(is_old)?;
        self.open.get(at).map(|(number, session)| (at, *number, session.clone()))
    }

    /// Returns the newest session of the same hub, community and server. No other reads a newer connection.
    fn newest(&self, options: &Options) -> Option<Session> {
        let mut sessions = self.open.iter().rev().map(|(_, session)| session);
        sessions.find(|session| session.config().same_session(&options.config)).cloned()
    }

    /// Returns the number of a session that reads this connection under another name.
    fn beside(&self, connection: &Session, options: &Options) -> Option<i32> {
        let mut others = self.open.iter().filter(|(_, session)| {
            session.is_beside(connection)
                && session.name() != options.reading.reader
                && !session.is_stopping()
        });
        others.next().map(|(number, _)| *number)
    }

    fn next(&self) -> Result<i32, Error> {
        let none_left = || Error::System { what: "a session number", why: "all were used".to_owned() };
        self.last.checked_add(1).ok_or_else(none_left)
    }
}

/// Opens a session. It takes the place of the one that reads the same hub, community and server under the
/// same name, and joins those that read them under other names.
pub(crate) fn connect(options: &str) -> Result<i32, Error> {
    let options = Options::parse(options)?;
    let refused = |error: std::io::Error| Error::System { what: "random numbers", why: error.to_string() };
    sys::draw_hash_keys().map_err(refused)?;
    let dialer = Dialer::new(&options.config)?;
    let mut sessions = SESSIONS.write();
    let number = sessions.next()?;
    let old = sessions.old(&options);
    if let Some((_, old, session)) = &old
        && !options.replace
        && !session.is_stopping()
    {
        return Err(Error::Exists(*old));
    }
    let newest = sessions.newest(&options);
    let live = newest.as_ref().filter(|newest| !newest.is_connection_stopping());
    let heir_of = old.as_ref().map(|(_, _, session)| session);
    let live = live.map(|live| (live, live.config().difference(&options.config)));
    if let Some((live, Some(option))) = live
        && let Some(other) = sessions.beside(live, &options)
    {
        return Err(Error::Differs { option, other });
    }
    // even if the rest fails: what was told this number must not take another session for it
    sessions.last = number;
    let joined = match live {
        Some((live, None)) => live.join(number, &options, heir_of)?,
        Some((live, Some(_))) => {
            live.supersede();
            None
        }
        None => None,
    };
    let session = match joined {
        Some(session) => session,
        None => Session::start(number, &options, dialer, heir_of, newest.as_ref())?,
    };
    if let Some((at, ..)) = old {
        sessions.open.remove(at);
    }
    sessions.open.push((number, session.clone()));
    drop(sessions);
    // the rest may free much memory, and other sessions are polled meanwhile
    drop((old, newest));
    session.bound();
    Ok(number)
}

/// Whether a session is known to have nothing to poll. Takes no lock and cannot fail.
#[inline]
pub(crate) fn has_nothing(number: i32) -> bool {
    !sys::forked() && is_down(number)
}

/// Returns a session's next event.
pub(crate) fn poll(number: i32) -> Result<Option<Text>, Error> {
    let taken = SESSIONS.read().get(number)?.mailbox().take();
    Ok(event(number, taken))
}

/// Waits for a session's next event.
pub(crate) fn wait(number: i32, timeout: Option<Duration>) -> Result<Option<Text>, Error> {
    let taken = get(number)?.mailbox().wait(number, timeout);
    Ok(event(number, taken))
}

/// Returns a session, for calls that may take longer than a look-up.
pub(crate) fn get(number: i32) -> Result<Session, Error> {
    SESSIONS.read().get(number).cloned()
}

/// Ends a session's current wait, or its next one.
pub(crate) fn wake(number: i32) -> Result<(), Error> {
    SESSIONS.read().get(number)?.mailbox().wake();
    Ok(())
}

/// Returns what an event loop waits on for a session.
pub(crate) fn wait_handle(number: i32) -> Result<isize, Error> {
    get(number)?.mailbox().wait_handle()
}

/// Waits for the first of these sessions that has something. Returns none if the time is up or one was woken.
pub(crate) fn wait_any(numbers: &[i32], timeout: Option<Duration>) -> Result<Option<i32>, Error> {
    let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let watched: Result<Vec<_>, Error> = {
        let sessions = SESSIONS.read();
        let watched = |number: &i32| Ok((*number, Arc::clone(sessions.get(*number)?.mailbox())));
        numbers.iter().map(watched).collect()
    };
    first(&watched?, until).map_err(Error::NoSession)
}

/// Asks a session to end.
pub(crate) fn disconnect(number: i32) -> Result<(), Error> {
    SESSIONS.read().get(number)?.disconnect();
    Ok(())
}

/// What a session is doing.
pub(crate) fn state(number: i32) -> Result<State, Error> {
    Ok(SESSIONS.read().get(number)?.state())
}

/// Returns a session's figures as JSON.
pub(crate) fn stats(number: i32) -> Result<String, Error> {
    Ok(get(number)?.stats(number))
}

/// Ends all sessions and the runtime. Returns how many events are dropped.
pub(crate) fn shutdown(timeout: Duration) -> Result<i32, Error> {
    let until = Instant::now() + timeout;
    // taken together, so that a session opened from now on starts a new runtime
    let (ended, runtime) = {
        let mut sessions = SESSIONS.write();
        sessions.open.iter().for_each(|(_, session)| session.mailbox().take_flag_down());
        (std::mem::take(&mut sessions.open), runtime::take())
    };
    for (_, session) in &ended {
        session.supersede();
    }
    let in_time = ended.iter().filter(|(_, session)| session.wait_ended(until)).count();
    for (_, session) in &ended {
        // release threads that still wait for an event
        session.mailbox().release_readers();
    }
    SESSIONS.write().ended_signals.extend(ended.iter().filter_map(|(_, session)| session.mailbox().signal()));
    let stopped =
        runtime.map_or(Ok(()), |runtime| runtime.stop(until.saturating_duration_since(Instant::now())));
    if in_time < ended.len() {
        return Err(Error::Timeout);
    }
    stopped?;
    let dropped: usize = ended.iter().map(|(_, session)| session.mailbox().queued().events).sum();
    Ok(i32::try_from(dropped).unwrap_or(i32::MAX))
}

/// Returns what was taken. With its last event a session goes.
fn event(number: i32, taken: Taken) -> Option<Text> {
    if taken.ended {
        forget_ended(number);
    }
    taken.event
}

/// Removes a session whose last event was taken.
#[cold]
fn forget_ended(number: i32) {
    let mut sessions = SESSIONS.write();
    let ended = sessions.position(number).map(|position| sessions.open.remove(position));
    if let Some((_, session)) = &ended {
        session.mailbox().take_flag_down();
        sessions.ended_signals.extend(session.mailbox().signal());
        let spare = sessions.ended_signals.len().saturating_sub(ENDED_SIGNALS);
        sessions.ended_signals.drain(..spare);
    }
    drop(sessions);
    drop(ended);
}
