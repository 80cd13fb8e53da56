//! A session: one task that keeps a connection to the hub up, and the handle that the host's calls use.

mod authentication;
mod backoff;
mod failure;
mod link;
mod mailbox;
mod notice;
mod outbox;
mod pump;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, LogLevel};
use crate::error::Error;
use crate::json::Scanner;
use crate::net::Dialer;
use crate::stats::Stats;
use crate::units::UnitError;
use crate::{hub, push, runtime, units};
use mailbox::Writer;
use notice::Notice;
use outbox::{Call, Outbox};

pub(crate) use mailbox::{Mailbox, Taken};

/// The largest number of the host's calls that wait for their result.
const MAX_CALLS: usize = 256;

/// So many results and other notices may wait to be polled before further calls are refused.
const MANY_NOTICES: usize = 4096;

/// What a session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Connecting,
    Authenticating,
    Ready,
    Retrying,
    Closed,
}

impl State {
    const ALL: [Self; 5] =
        [Self::Connecting, Self::Authenticating, Self::Ready, Self::Retrying, Self::Closed];

    /// As `sonoran_stats` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Ready => "ready",
            Self::Retrying => "retrying",
            Self::Closed => "closed",
        }
    }
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The host asked for it.
    Disconnected,
    /// Nobody used it for too long.
    Idle,
    /// Another session took its place, or the library shuts down: nobody is left to be told.
    Superseded,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    config: Arc<Config>,
    dialer: Dialer,
    mailbox: Arc<Mailbox>,
    writer: Writer,
    outbox: Mutex<Outbox>,
    outbox_filled: Notify,
    /// Calls of the host that have no result yet.
    unanswered: AtomicUsize,
    state: AtomicU8,
    ending: watch::Sender<Option<Ending>>,
    ended: Mutex<bool>,
    has_ended: Condvar,
    task: Mutex<Option<JoinHandle<()>>>,
    pub(crate) stats: Stats,
}

impl Session {
    /// Starts a session. It writes into `mailbox`, and connects once `predecessor` has ended.
    pub(crate) fn start(
        config: Config,
        dialer: Dialer,
        mailbox: Arc<Mailbox>,
        predecessor: Option<JoinHandle<()>>,
    ) -> Result<Arc<Self>, Error> {
        let session = Arc::new(Self {
            writer: mailbox.take_over(config.bounds),
            outbox: Mutex::new(Outbox::new(config.unit_interval)),
            outbox_filled: Notify::new(),
            unanswered: AtomicUsize::new(0),
            config: Arc::new(config),
            dialer,
            mailbox,
            state: AtomicU8::new(State::Connecting as u8),
            ending: watch::Sender::new(None),
            ended: Mutex::new(false),
            has_ended: Condvar::new(),
            task: Mutex::new(None),
            stats: Stats::default(),
        });
        let task = runtime::spawn(task::run(Arc::clone(&session), predecessor))?;
        *session.task.lock() = Some(task);
        Ok(session)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(crate) fn state(&self) -> State {
        let state = usize::from(self.state.load(Ordering::Relaxed));
        State::ALL.get(state).copied().unwrap_or(State::Closed)
    }

    /// Whether it has ended or is about to.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// Asks the session to end. The first reason counts.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(ending);
            first
        });
    }

    /// Ends the session if the host has not used it since the last time this was asked.
    fn end_if_unused(&self) -> bool {
        self.ending.send_if_modified(|current| {
            let idle = current.is_none() && !self.mailbox.was_used();
            if idle {
                *current = Some(Ending::Idle);
            }
            idle
        })
    }

    /// Another number of the host goes on with this session as it is. Fails when it is about to end.
    pub(crate) fn adopt(&self, number: i32) -> bool {
        let mut adopted = false;
        // under the lock that an idle session needs to end
        self.ending.send_if_modified(|current| {
            adopted = current.is_none();
            if adopted {
                self.mailbox.hand_over(number);
            }
            false
        });
        if adopted && self.state() == State::Ready {
            let method = self.stats.remembered_method().unwrap_or_default();
            self.say(&Notice::Ready { method, resumed: true });
        }
        adopted
    }

    /// Calls a method of the hub. Returns the number that its result will carry.
    pub(crate) fn invoke(&self, method: &str, arguments: &str) -> Result<i32, Error> {
        static LAST: AtomicI32 = AtomicI32::new(0);
        check_call(method, arguments)?;
        let busy =
            self.mailbox.notices() >= MANY_NOTICES || self.unanswered.load(Ordering::Relaxed) >= MAX_CALLS;
        // under the lock that a link, or the session, empties at its end: no call comes too late for that
        let mut outbox = self.outbox.lock();
        self.in_use()?;
        if self.state() != State::Ready {
            return Err(Error::NotReady);
        }
        if busy {
            return Err(Error::Busy("too many calls have no result yet: poll, then call again".to_owned()));
        }
        let next = |last: i32| Some(last.checked_add(1).unwrap_or(1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        let request = last.checked_add(1).unwrap_or(1);
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        outbox.calls.push_back(Call { request, method: method.to_owned(), arguments: arguments.to_owned() });
        drop(outbox);
        self.outbox_filled.notify_one();
        Ok(request)
    }

    /// Takes locations of units, to be sent when the hub may have them.
    pub(crate) fn send_unit_locations(&self, updates: &str) -> Result<(), Error> {
        let updates = units::parse(updates).map_err(unit_error)?;
        self.in_use()?;
        self.outbox.lock().units.update(Instant::now(), updates).map_err(unit_error)?;
        self.outbox_filled.notify_one();
        Ok(())
    }

    /// Takes a push that the host got by HTTP.
    pub(crate) fn ingest(&self, body: &str) -> Result<(), Error> {
        let most = self.config.max_message;
        if body.len() > most {
            return Err(Error::TooLarge { argument: "body", bytes: body.len(), most });
        }
        let event = push::ingest(body, self.config.api_key.reveal(), self.config.event_key)?;
        self.in_use()?;
        self.mailbox.push([link::event_text(event)]);
        Ok(())
    }

    /// How many units wait to be sent or for the hub's answer.
    pub(crate) fn pending_units(&self) -> usize {
        self.outbox.lock().units.pending()
    }

    /// Notes that the host uses the session, unless it has ended or is about to.
    fn in_use(&self) -> Result<(), Error> {
        self.mailbox.use_now();
        if self.is_ending() { Err(Error::Closed) } else { Ok(()) }
    }

    /// The task, for a successor to wait for.
    pub(crate) fn take_task(&self) -> Option<JoinHandle<()>> {
        self.task.lock().take()
    }

    /// Waits until the session has ended. Returns whether it did in time.
    pub(crate) fn wait_ended(&self, until: Instant) -> bool {
        let mut ended = self.ended.lock();
        while !*ended {
            if self.has_ended.wait_until(&mut ended, until).timed_out() {
                return *ended;
            }
        }
        true
    }

    /// Resolves when the session is to end.
    async fn ending(&self) -> Ending {
        /// An idle session ends after this many looks that found no use of it.
        const LOOKS: u32 = 4;
        let mut asked = self.ending.subscribe();
        let mut unused = 0;
        loop {
            let look = self.config.idle_close.map(|idle| idle / LOOKS);
            tokio::select! {
                ending = asked.wait_for(Option::is_some) => {
                    return ending.ok().and_then(|ending| *ending).unwrap_or(Ending::Superseded);
                }
                () = sleep_or_never(look) => {
                    unused += 1;
                    let used = if unused < LOOKS { self.mailbox.was_used() } else { !self.end_if_unused() };
                    if used {
                        unused = 0;
                    }
                }
            }
        }
    }

    fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Tells the host something.
    fn say(&self, notice: &Notice<'_>) {
        let another = matches!(notice, Notice::Retry { .. } | Notice::Rejected { .. } | Notice::Log { .. });
        self.mailbox.notice(self.writer, notice.text(&self.config), another);
    }

    /// Tells the host how its call ended.
    fn tell_result(&self, call: &Call, outcome: Option<&hub::Outcome<'_>>) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        self.say(&Notice::CallResult { call, outcome });
    }

    /// Ends the calls of the host that no link has taken.
    fn fail_calls(&self) {
        let calls = std::mem::take(&mut self.outbox.lock().calls);
        for call in &calls {
            self.tell_result(call, None);
        }
    }

    /// Tells the host what the session does, if it asked for that.
    fn log(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if level <= self.config.log {
            self.say(&Notice::Log { level, message: &message() });
        }
    }

    /// The last thing a session does.
    fn finish(&self, ending: Ending) {
        self.set_state(State::Closed);
        self.stats.lost();
        self.fail_calls();
        let last = match ending {
            Ending::Disconnected => {
                Some(Notice::Closed { code: "disconnected", message: "Disconnected as asked." })
            }
            Ending::Idle => Some(Notice::Closed {
                code: "idle",
                message: "Closed because nobody polled this session for idleCloseMs: connect again to go on.",
            }),
            Ending::Superseded => None,
        };
        self.mailbox.close(self.writer, last.map(|notice| notice.text(&self.config)));
        *self.ended.lock() = true;
        self.has_ended.notify_all();
    }
}

fn unit_error(error: UnitError) -> Error {
    match error {
        UnitError::Json(problem) => Error::Json { argument: "updates_json", problem },
        UnitError::Update { .. } => Error::Unit(error.to_string()),
        UnitError::TooMany => Error::Busy(error.to_string()),
    }
}

/// Checks a call of the host before it is put by.
fn check_call(method: &str, arguments: &str) -> Result<(), Error> {
    if method.is_empty() {
        return Err(Error::Json {
            argument: "method",
            problem: "empty: expected the name of a hub method".to_owned(),
        });
    }
    let problem = |problem: String| Error::Json { argument: "arguments_json", problem };
    let mut scanner = Scanner::new(arguments);
    if scanner.peek() != Some(b'[') {
        return Err(problem("no JSON array: expected the method's arguments in one".to_owned()));
    }
    let scanned = scanner.value_and_depth().and_then(|(_, depth)| scanner.end().map(|()| depth));
    let depth = scanned.map_err(|error| problem(format!("not valid JSON: {error}")))?;
    if depth > hub::MAX_DEPTH {
        let most = hub::MAX_DEPTH;
        return Err(problem(format!(
            "nested {depth} levels deep: a hub reads {most}, this array among them"
        )));
    }
    let bytes = hub::call_size(method, arguments);
    if bytes > hub::MAX_SENT {
        return Err(Error::TooLarge { argument: "method and arguments_json", bytes, most: hub::MAX_SENT });
    }
    Ok(())
}

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
