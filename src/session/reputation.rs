//! How a hub has reacted to one set of credentials, and how patient the next attempt has to be.
//!
//! It belongs to the hub, community, server and key, not to a session: a host that reconnects on every
//! refusal is no faster than one that waits. Time and randomness are passed in, except where old entries are
//! forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::backoff::Backoff;
use super::failure::Failure;
use super::waiting::{Reason, Waiting};
use crate::config::Config;

/// The first link that ends instead of answering the credentials may be chance.
const UNANSWERED_BY_CHANCE: u32 = 1;

/// A hub sends a client away for many reasons, but not more often than this in a row.
const DISMISSALS_BY_CHANCE: u32 = 3;

/// The largest number of reputations kept for credentials that no session uses.
const MAX_KEPT: usize = 256;

/// Credentials, as one of their sessions has them, and their reputation.
type Known = (Arc<Config>, Arc<Mutex<Reputation>>);

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// Returns the reputation of a session's credentials, shared with the sessions before and after it.
pub(crate) fn of(config: &Arc<Config>) -> Arc<Mutex<Reputation>> {
    let now = Instant::now();
    let mut known = KNOWN.lock();
    known.retain(|(_, reputation)| is_used(reputation) || !reputation.lock().is_spent(now));
    if let Some((_, reputation)) = known.iter().find(|(of, _)| of.same_credentials(config)) {
        reputation.lock().adopt(now, config);
        return Arc::clone(reputation);
    }
    if known.len() >= MAX_KEPT
        && let Some(oldest) = known.iter().position(|(_, reputation)| !is_used(reputation))
    {
        known.remove(oldest);
    }
    let reputation = Arc::new(Mutex::new(Reputation::new(now, config)));
    known.push((Arc::clone(config), Arc::clone(&reputation)));
    reputation
}

/// Whether a session uses it.
fn is_used(reputation: &Arc<Mutex<Reputation>>) -> bool {
    Arc::strong_count(reputation) > 1
}

/// How far a link got before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The credentials had not gone out.
    Opening,
    /// The credentials had gone out, without an answer.
    Authenticating,
    /// The hub had accepted the credentials this long ago.
    Ready(Duration),
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Reputation {
    refusals: Backoff,
    unanswered: u32,
    dismissals: u32,
    displacement: Backoff,
    /// No rival displaced a link that held this long, which is longer than a rival waits between attempts.
    calm: Duration,
    touched: Instant,
    /// The wait that no session with these credentials may cut short.
    waiting: Option<Arc<Waiting>>,
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
            waiting: None,
        }
    }

    /// Lets another session continue it, with its own delays.
    pub(crate) fn adopt(&mut self, now: Instant, config: &Config) {
        self.refusals.set_delays(config.auth_retry);
        self.displacement.set_delays(config.auth_retry);
        self.calm = config.auth_retry.max * 2;
        self.touched = now;
    }

    /// Records the end of a link or an attempt. Returns why, and how long, the next attempt has to wait
    /// beyond an outage's delay, if it has to.
    pub(crate) fn ended(
        &mut self,
        now: Instant,
        stage: Stage,
        failure: &Failure,
        random: u32,
    ) -> Option<(Reason, Duration)> {
        self.touched = now;
        match stage {
            _ if failure.is_refusal() => {
                self.unanswered = 0;
                Some((Reason::Refused, self.refusals.next(random)))
            }
            Stage::Ready(held) => {
                self.refusals.reset();
                self.unanswered = 0;
                if held >= self.calm {
                    self.dismissals = 0;
                    self.displacement.reset();
                }
                if failure.allow_reconnect() != Some(false) {
                    return None;
                }
                self.dismissals = self.dismissals.saturating_add(1);
                let displaced = self.dismissals > DISMISSALS_BY_CHANCE;
                displaced.then(|| (Reason::Displaced(self.dismissals), self.displacement.next(random)))
            }
            Stage::Authenticating if failure.is_hangup() => {
                self.unanswered = self.unanswered.saturating_add(1);
                let meant = self.unanswered > UNANSWERED_BY_CHANCE;
                meant.then(|| (Reason::Unanswered(self.unanswered), self.refusals.next(random)))
            }
            _ => None,
        }
    }

    /// Records a wait that outlives the session.
    pub(crate) fn hold(&mut self, waiting: Arc<Waiting>) {
        self.waiting = Some(waiting);
    }

    /// Returns the wait that an earlier session left, if it still lasts.
    pub(crate) fn held(&self, now: Instant) -> Option<Arc<Waiting>> {
        self.waiting.clone().filter(|waiting| now < waiting.until)
    }

    /// The number of failures since the hub last accepted a session.
    pub(crate) fn failures(&self) -> u32 {
        self.refusals.failures()
    }

    /// Whether it would not delay the next attempt.
    pub(crate) fn is_spent(&self, now: Instant) -> bool {
        let blank = self.refusals.failures() == 0 && self.unanswered == 0 && self.dismissals == 0;
        (blank || now >= self.touched + self.calm) && self.held(now).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::link::Error as LinkError;
    use crate::signalr::Error as HubError;

    const SECOND: Duration = Duration::from_secs(1);

    fn config(options: &str) -> Arc<Config> {
        Options::parse(&format!(r#"{{"communityId":"c","apiKey":"k","serverId":1{options}}}"#))
            .unwrap()
            .config
    }

    fn closed(allow_reconnect: bool) -> Failure {
        Failure::Link(LinkError::Hub(HubError::Closed { error: None, allow_reconnect }))
    }

    fn refused() -> Failure {
        Failure::Link(LinkError::Rejected("no".to_owned()))
    }

    /// Pseudo-random numbers.
    fn dice(state: &mut u32) -> u32 {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        *state
    }

    #[test]
    fn a_host_that_starts_over_on_every_refusal_shows_its_key_as_seldom_as_one_that_waits() {
        let (config, mut now) = (config(""), Instant::now());
        let mut reputation = Reputation::new(now, &config);
        let (start, mut shown) = (now, 0);
        while now < start + 600 * SECOND {
            // a session starts, hears of the wait, and the host starts the next one
            reputation.adopt(now, &config);
            if reputation.held(now).is_none() {
                shown += 1;
                let (_, wait) =
                    reputation.ended(now, Stage::Authenticating, &refused(), u32::MAX / 2).unwrap();
                let waiting = Waiting::new(&refused(), Some(Reason::Refused), Some(1), now + wait);
                reputation.hold(Arc::new(waiting));
            }
            now += SECOND / 20;
        }
        assert!((3..=8).contains(&shown), "{shown}");
    }

    #[test]
    fn one_hangup_may_be_chance_and_an_answer_ends_the_count() {
        let now = Instant::now();
        let mut reputation = Reputation::new(now, &config(""));
        let hangs_up = |reputation: &mut Reputation, failure: &Failure| {
            reputation.ended(now, Stage::Authenticating, failure, 0).map(|(reason, _)| reason)
        };
        assert_eq!(hangs_up(&mut reputation, &closed(false)), None);
        assert_eq!(hangs_up(&mut reputation, &closed(true)), None, "it asks to come back");
        assert_eq!(hangs_up(&mut reputation, &closed(false)), Some(Reason::Unanswered(2)));
        assert_eq!(hangs_up(&mut reputation, &refused()), Some(Reason::Refused));
        assert_eq!(hangs_up(&mut reputation, &closed(false)), None);
        assert_eq!(reputation.ended(now, Stage::Opening, &closed(false), 0), None);
        assert_eq!(hangs_up(&mut reputation, &closed(false)), Some(Reason::Unanswered(2)));
        assert_eq!(reputation.ended(now, Stage::Ready(SECOND), &Failure::Internal, 0), None);
        assert_eq!(hangs_up(&mut reputation, &closed(false)), None);
    }

    /// Two clients of one server, at a hub that keeps the newest. Counts how often one is sent away.
    fn rivals(lasts: Duration, seed: u32) -> u32 {
        struct Client {
            reputation: Reputation,
            retry: Backoff,
            /// When it took the place, or when it comes.
            holds: Option<Instant>,
            comes: Instant,
        }
        let (config, start, mut seed) = (config(""), Instant::now(), seed);
        let client = |comes| Client {
            reputation: Reputation::new(start, &config),
            retry: Backoff::jittered(config.retry),
            holds: None,
            comes,
        };
        let mut clients = [client(start), client(start + SECOND)];
        let mut sent_away = 0;
        loop {
            let next = usize::from(clients[0].holds.is_some() || clients[0].comes > clients[1].comes);
            let next = if clients[1].holds.is_some() { 0 } else { next };
            let now = clients[next].comes;
            if now > start + lasts {
                return sent_away;
            }
            clients[next].holds = Some(now);
            let other = &mut clients[1 - next];
            let Some(since) = other.holds.take() else { continue };
            sent_away += 1;
            let held = now - since;
            if held >= config.stable {
                other.retry.reset();
            }
            let random = dice(&mut seed);
            let slow = other.reputation.ended(now, Stage::Ready(held), &closed(false), random);
            other.comes = now + slow.map_or_else(|| other.retry.next(random), |(_, wait)| wait);
        }
    }

    #[test]
    fn rivals_leave_each_other_in_peace() {
        for seed in 1..40 {
            // each hears of the other at its fourth displacement
            let (soon, day) = (rivals(150 * SECOND, seed), rivals(86_400 * SECOND, seed));
            assert!((8..=12).contains(&soon), "{soon}");
            assert!(day <= 1_200, "{day}");
        }
    }

    #[test]
    fn a_link_that_held_was_displaced_by_nobody() {
        let now = Instant::now();
        let mut reputation = Reputation::new(now, &config(""));
        let mut sent_away = |held| reputation.ended(now, Stage::Ready(held), &closed(false), 0).is_some();
        for held in [SECOND, SECOND, 3600 * SECOND, SECOND, SECOND] {
            assert!(!sent_away(held));
        }
        assert!(sent_away(599 * SECOND));
        assert!(!sent_away(600 * SECOND));
    }

    #[test]
    fn it_is_kept_while_it_matters() {
        let config = config(r#","url":"ws://kept/x""#);
        let reputation = of(&config);
        let _ = reputation.lock().ended(Instant::now(), Stage::Opening, &refused(), 0);
        drop(reputation);
        assert_eq!(of(&config).lock().failures(), 1);
        let mut other = (*config).clone();
        other.community_id = "d".to_owned();
        assert_eq!(of(&Arc::new(other)).lock().failures(), 0);
    }
}
