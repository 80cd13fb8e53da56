//! A hundred thousand sessions and one hub, in simulated time: how often it is asked while it is gone, and when
//! all are back. The delays are those of the real sessions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::failure::Failure;
use super::reputation::{Reputation, Stage};
use crate::config::{Config, Options};
use crate::{link, net};

const SECOND: Duration = Duration::from_secs(1);

/// How long the outage lasts, in seconds.
const OUTAGE: usize = 600;

/// What is out of order. Every link has ended at its beginning.
#[derive(Debug, Clone, Copy)]
enum Outage {
    /// Nobody listens.
    HubGone,
    /// The hub listens, and says nothing to credentials.
    CredentialsDown,
}

impl Outage {
    fn failure(self) -> (Stage, Failure) {
        match self {
            Self::HubGone => {
                let source = io::ErrorKind::ConnectionRefused.into();
                (Stage::Opening, Failure::Dial(net::Error::Connect { to: "hub".to_owned(), source }))
            }
            Self::CredentialsDown => {
                let timeout = link::Error::CallTimeout { method: "authenticate", after: self.lasts() };
                (Stage::Authenticating, Failure::Link(timeout))
            }
        }
    }

    /// How long an attempt takes until it has failed.
    fn lasts(self) -> Duration {
        match self {
            Self::HubGone => Duration::ZERO,
            Self::CredentialsDown => config().call_timeout,
        }
    }

    /// The second from which on every session's delays have grown to their limit.
    fn steady(self) -> usize {
        match self {
            Self::HubGone => 120,
            Self::CredentialsDown => 300,
        }
    }
}

/// How long a client waits after each failure.
trait Client {
    fn delay(&mut self, now: Instant, stage: Stage, failure: &Failure, random: u32) -> Duration;
}

/// A session of this library.
struct Ours {
    retry: Backoff,
    reputation: Reputation,
}

impl Ours {
    fn new(now: Instant, config: &Config) -> Self {
        Self { retry: Backoff::jittered(config.retry), reputation: Reputation::new(now, config) }
    }
}

impl Client for Ours {
    fn delay(&mut self, now: Instant, stage: Stage, failure: &Failure, random: u32) -> Duration {
        let slow = self.reputation.ended(now, stage, failure, random);
        slow.map_or_else(|| self.retry.next(random), |(_, delay)| delay)
    }
}

/// A client with the fixed delays that SignalR's own clients have, but for ever.
#[derive(Default)]
struct Fixed(usize);

impl Client for Fixed {
    fn delay(&mut self, _: Instant, _: Stage, _: &Failure, _: u32) -> Duration {
        let delay = [0, 2, 10, 30][self.0.min(3)];
        self.0 += 1;
        Duration::from_secs(delay)
    }
}

/// What the hub sees.
struct Seen {
    outage: Outage,
    /// The attempts in each tenth of a second since the outage began.
    tenths: Vec<u32>,
    /// When the last session came back, after the end of the outage.
    all_back: Duration,
}

impl Seen {
    fn seconds(&self) -> Vec<u32> {
        self.tenths.chunks(10).map(|tenths| tenths.iter().sum()).collect()
    }

    /// The mean in a second, once delays have grown to their limit.
    fn mean(&self) -> f64 {
        let steady = self.outage.steady();
        f64::from(self.seconds()[steady..OUTAGE].iter().sum::<u32>()) / (OUTAGE - steady) as f64
    }

    /// The most in a second from then on.
    fn most(&self) -> u32 {
        self.seconds().into_iter().skip(self.outage.steady()).max().unwrap_or_default()
    }
}

/// Pseudo-random numbers: xorshift.
fn dice(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    u32::try_from(*state >> 32).unwrap_or_default()
}

/// Lets sessions lose their hub at once and find it again.
fn simulate<C: Client>(outage: Outage, sessions: usize, client: impl Fn(Instant) -> C) -> Seen {
    let (start, mut seed) = (Instant::now(), 0x9e37_79b9_7f4a_7c15);
    let lost = || io::Error::from(io::ErrorKind::ConnectionReset);
    let ((stage, failure), lasts) = (outage.failure(), outage.lasts());
    let end = start + SECOND * u32::try_from(OUTAGE).unwrap_or_default();
    let mut clients: Vec<_> = (0..sessions).map(|_| client(start)).collect();
    let mut due: BinaryHeap<_> = clients
        .iter_mut()
        .enumerate()
        .map(|(index, client)| {
            let held = Stage::Ready(3_600 * SECOND);
            let delay = client.delay(start, held, &Failure::Lost(lost()), dice(&mut seed));
            Reverse((start + delay, index))
        })
        .collect();
    let mut seen = Seen { outage, tenths: vec![0; OUTAGE * 10], all_back: Duration::ZERO };
    while let Some(Reverse((now, index))) = due.pop() {
        let tenth = usize::try_from((now - start).as_millis() / 100).unwrap_or_default();
        if tenth >= seen.tenths.len() {
            seen.tenths.resize(tenth + 1, 0);
        }
        seen.tenths[tenth] += 1;
        if now < end {
            let failed = now + lasts;
            let delay = clients[index].delay(failed, stage, &failure, dice(&mut seed));
            due.push(Reverse((failed + delay, index)));
        } else {
            seen.all_back = now - end;
        }
    }
    seen
}

fn config() -> Arc<Config> {
    Options::parse(r#"{"communityId":"c","apiKey":"k"}"#).unwrap().config
}

fn ours(outage: Outage, sessions: usize) -> Seen {
    let config = config();
    simulate(outage, sessions, |now| Ours::new(now, &config))
}

#[track_caller]
fn check(seen: &Seen) {
    let (mean, most) = (seen.mean(), seen.most());
    assert!(f64::from(most) <= 2.0 * mean, "{most} attempts in a second, {mean} in the mean");
    let limit = config().retry.max + 30 * SECOND;
    assert!(seen.all_back <= limit, "the last one is back after {:?}", seen.all_back);
}

#[test]
fn a_fleet_asks_evenly_while_its_hub_is_gone_and_is_soon_back() {
    check(&ours(Outage::HubGone, 10_000));
}

#[test]
fn a_fleet_asks_evenly_while_credentials_have_no_answer_and_is_soon_back() {
    check(&ours(Outage::CredentialsDown, 10_000));
}

#[test]
fn a_thousand_sessions_that_are_dropped_at_once_spread_over_the_first_delay() {
    let seen = ours(Outage::HubGone, 1_000);
    // all come within retryMinMs at first, a hundred in each tenth of it; some are there for the second time
    for (tenth, attempts) in seen.tenths[..10].iter().enumerate() {
        assert!((60..=200).contains(attempts), "{attempts} in tenth {tenth}");
    }
    // each second sees fewer than the ones before it, until delays are at their limit
    let seconds = seen.seconds();
    let sum =
        |from: usize, to: usize| seconds[from..to].iter().sum::<u32>() / u32::try_from(to - from).unwrap();
    let falling = [sum(0, 1), sum(1, 4), sum(4, 15), sum(15, 60), sum(60, 120)];
    assert!(falling.is_sorted_by(|before, after| before > after), "{falling:?}");
}

/// What the command `cargo xtask simulate` runs: it writes the plot in `docs` and prints the figures.
#[test]
#[ignore = "it takes a while: cargo xtask simulate"]
fn plot() {
    const SESSIONS: usize = 100_000;
    let mut panels = Vec::new();
    for (outage, title) in [
        (Outage::HubGone, "The hub is gone for 10 minutes"),
        (Outage::CredentialsDown, "The hub says nothing to credentials for 10 minutes"),
    ] {
        let ours = ours(outage, SESSIONS);
        let fixed = simulate(outage, SESSIONS, |_| Fixed::default());
        check(&ours);
        println!(
            "{title}: {} attempts in the first second; from minute {} on {:.0} a second in the mean and {} at most \
             (fixed delays: {} at most); all are back {:.1} s after its end (fixed delays: {:.1} s)",
            ours.seconds()[0],
            outage.steady() / 60,
            ours.mean(),
            ours.most(),
            fixed.most(),
            ours.all_back.as_secs_f64(),
            fixed.all_back.as_secs_f64()
        );
        panels.push((title, ours.seconds(), fixed.seconds()));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/retry.svg");
    std::fs::write(&file, svg(&panels)).unwrap();
}

/// Draws attempts per second, on a logarithmic scale.
fn svg(panels: &[(&str, Vec<u32>, Vec<u32>)]) -> String {
    const LEFT: f64 = 70.0;
    const HEIGHT: f64 = 200.0;
    let x = |second: usize| LEFT + second as f64;
    // a line a power of ten, from 1 to 100000
    let up = |attempts: u32| HEIGHT * f64::from(attempts.max(1)).log10() / 5.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        panels.len() * 270 + 30
    );
    for (number, (title, ours, fixed)) in panels.iter().enumerate() {
        let bottom = 240.0 + 270.0 * number as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\" font-size=\"14\">{title}: attempts per second of 100,000 clients</text>",
            bottom - HEIGHT - 12.0
        );
        for power in 0..=5_u32 {
            let y = bottom - up(10_u32.pow(power));
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H770\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                10_u32.pow(power)
            );
        }
        for minute in 0..=11 {
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"middle\">{minute} min</text>",
                x(minute * 60),
                bottom + 16.0
            );
        }
        let mut bars = String::new();
        for (second, attempts) in fixed.iter().enumerate().filter(|(_, attempts)| **attempts > 0) {
            let _ = write!(bars, "M{} {bottom:.1}V{:.1}", x(second), bottom - up(*attempts));
        }
        let mut line = format!("M{LEFT} {bottom:.1}");
        for (second, attempts) in ours.iter().enumerate() {
            let _ = write!(line, "L{} {:.1}", x(second), bottom - up(*attempts));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{bars}\" stroke=\"#c33\" stroke-width=\"1.5\"/>\n<path d=\"{line}\" fill=\"none\" stroke=\"#27c\" stroke-width=\"1.5\"/>"
        );
        let _ = writeln!(
            svg,
            "<path d=\"M{0} {1:.1}V{bottom:.1}\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>",
            x(OUTAGE),
            bottom - HEIGHT
        );
    }
    let y = panels.len() * 270 + 18;
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{y}\"><tspan fill=\"#27c\">sonoran</tspan>   <tspan fill=\"#c33\">fixed delays of 0, 2, 10 and then 30 s</tspan>   <tspan fill=\"#888\">dashed: the outage ends</tspan></text>\n</svg>"
    );
    svg
}
