//! A session: one task that keeps a connection to the hub up, and the handle that the host's calls use.

mod authentication;
mod backoff;
mod failure;
mod link;
mod mailbox;
mod notice;
mod pump;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{Config, LogLevel};
use crate::error::Error;
use crate::net::Dialer;
use crate::runtime;
use crate::stats::Stats;
use mailbox::Writer;
use notice::Notice;

pub(crate) use mailbox::{Mailbox, Taken};

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

async fn sleep_or_never(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
