//! What a hub has shown itself to think of one set of credentials, and the patience it gets for that.
//!
//! It belongs to the hub, community, server and key, not to a session: a host that connects anew on every
//! refusal is as patient as one that waits. No clock and no randomness of its own.

use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::failure::Failure;
use crate::config::Config;

/// The first link that ends instead of answering the credentials may be chance.
const UNANSWERED_BY_CHANCE: u32 = 1;

/// A hub sends a client away for many reasons, but not so often in a row.
const DISMISSALS_BY_CHANCE: u32 = 3;

/// How far a link had come when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The credentials had not gone out.
    Opening,
    /// They had, and the hub had not answered them.
    Authenticating,
    /// The hub had accepted them this long ago.
    Ready(Duration),
}

/// Why a hub is asked slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It refused the credentials.
    Refused,
    /// It ended this many links in a row instead of answering them.
    Unanswered(u32),
    /// It let the session in and sent it away this many times in a row.
    Displaced(u32),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Reputation {
    refusals: Backoff,
    unanswered: u32,
    dismissals: u32,
    displacement: Backoff,
    /// A link that held this long was displaced by nobody: longer than a rival may wait between attempts.
    calm: Duration,
    touched: Instant,
}

impl Reputation {
    pub(crate) fn new(now: Instant, config: &Config) -> Self {
        let slow = || Backoff::slow(config.auth_retry);
        Self {
            refusals: slow(),
            unanswered: 0,
            dismissals: 0,
            displacement: slow(),
            calm: config.auth_retry.max * 2,
            touched: now,
        }
    }

    /// Another session goes on with it, with delays of its own.
    pub(crate) fn adopt(&mut self, now: Instant, config: &Config) {
        self.refusals.set_delays(config.auth_retry);
        self.displacement.set_delays(config.auth_retry);
        self.calm = config.auth_retry.max * 2;
        self.touched = now;
    }

    /// Takes the end of a link or of an attempt. Returns why the next attempt has to wait longer than an
    /// outage asks for, and how long, if it has to.
    pub(crate) fn ended(
        &mut self,
        now: Instant,
        stage: Stage,
        failure: &Failure,
        random: u32,
    ) -> Option<(Reason, Duration)> {
        self.touched = now;
        match stage {
            Stage::Ready(held) => {
                self.refusals.reset();
                self.unanswered = 0;
                if held >= self.calm {
                    self.dismissals = 0;
                    self.displacement.reset();
                }
                if !failure.is_dismissal() {
                    return None;
                }
                self.dismissals = self.dismissals.saturating_add(1);
                let displaced = self.dismissals > DISMISSALS_BY_CHANCE;
                displaced.then(|| (Reason::Displaced(self.dismissals), self.displacement.next(random)))
            }
            _ if failure.is_refusal() => {
                self.unanswered = 0;
                Some((Reason::Refused, self.refusals.next(random)))
            }
            Stage::Authenticating if failure.is_hangup() => {
                self.unanswered = self.unanswered.saturating_add(1);
                let meant = self.unanswered > UNANSWERED_BY_CHANCE;
                meant.then(|| (Reason::Unanswered(self.unanswered), self.refusals.next(random)))
            }
            _ => None,
        }
    }

    /// Whether nothing in it would make the next attempt wait.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        let blank = self.refusals.failures() == 0 && self.unanswered == 0 && self.dismissals == 0;
        blank || now >= self.touched + self.calm
    }
}
