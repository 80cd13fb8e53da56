//! Sessions on ASP.NET Core's hub while everything goes wrong, at random from a printed seed.
//!
//! `SONORAN_SOAK_MINUTES` and `SONORAN_SOAK_SEED` make it the long form, with 50 sessions: `cargo xtask soak`.

mod host;
mod ledger;
mod tap;

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    process,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::json;
use support::{
    PATIENCE,
    hub::{self, Hub, Kind, Setup, lasting_port},
    wait_until,
};

use host::{Host, Polled, Resources};
use ledger::{Figures, Ledger};
use tap::Tap;

use crate::suite::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[("aspnet::soak", soak)];

/// Events per second to each session.
const RATE: u64 = 40;

/// How many events each session gets at the end, of which none may be missing.
const LAST: u64 = 200;

/// How far memory may grow after the first third of the time, in KiB.
const GROWTH_KIB: u64 = 4 * 1024;

struct Plan {
    hosts: usize,
    sessions: usize,
    length: Duration,
    seed: u64,
}

impl Plan {
    fn from_environment() -> Self {
        let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a whole number"));
        let seed = number("SONORAN_SOAK_SEED").unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
            u64::from(now.subsec_nanos()) ^ u64::from(process::id())
        });
        match number("SONORAN_SOAK_MINUTES") {
            Some(minutes) => Self { hosts: 5, sessions: 10, length: Duration::from_secs(60 * minutes), seed },
            None => Self { hosts: 3, sessions: 4, length: Duration::from_secs(12), seed },
        }
    }
}

/// Nothing is lost, doubled or out of order on a live link, and each call has one result; a host that lives on has no
/// more memory, threads and descriptors at the end than before.
fn soak() {
    let plan = Plan::from_environment();
    println!("seed {}", plan.seed);
    let mut soak = Soak::start(&plan);
    soak.until_ready();
    let until = Instant::now() + plan.length;
    let mut early = soak.hosts[0].resources();
    while Instant::now() < until {
        soak.go_wrong();
        let pause = Duration::from_millis(300 + soak.random.below(1_700));
        soak.listen(Instant::now() + pause);
        if Instant::now() < until - plan.length * 2 / 3 {
            early = early.most(soak.hosts[0].resources());
        }
    }
    soak.go_on();
    let figures = soak.end();
    println!("{figures:#?}\nwhat went wrong: {:?}", soak.done);
    let late = soak.late;
    println!("host 0 in the first third, at most: {early:?}\nat the end: {late:?}");
    assert!(figures.are_clean(), "seed {}: {figures:?}", plan.seed);
    assert!(late.memory_kib <= early.memory_kib + GROWTH_KIB, "memory grows: {early:?} {late:?}");
    assert!(late.threads <= early.threads && late.descriptors <= early.descriptors, "{early:?} {late:?}");
}

/// How often what happened.
#[derive(Debug, Default)]
struct Done {
    hub_kills: u64,
    hub_freezes: u64,
    aborts: u64,
    resets: u64,
    host_kills: u64,
    host_freezes: u64,
    slow_readers: u64,
}

struct Soak {
    random: Random,
    port: u16,
    hub: Option<Hub>,
    /// Numbers the hub's processes.
    hubs: usize,
    /// The requests for events, which last as long as their hub.
    bursts: Vec<TcpStream>,
    taps: Vec<Tap>,
    hosts: Vec<Host>,
    lives: Vec<u64>,
    /// By host and session.
    ledgers: Vec<Vec<Ledger>>,
    sender: Sender<Polled>,
    polled: Receiver<Polled>,
    /// What is suspended, and until when: the hub, or a host.
    frozen: Vec<(Instant, Option<usize>)>,
    done: Done,
    late: Resources,
}

impl Soak {
    fn start(plan: &Plan) -> Self {
        let port = lasting_port();
        let (sender, polled) = mpsc::channel();
        let mut soak = Self {
            random: Random(plan.seed),
            port,
            hub: None,
            hubs: 0,
            bursts: Vec::new(),
            taps: (0..plan.hosts).map(|_| Tap::start(port)).collect(),
            hosts: Vec::new(),
            lives: vec![0; plan.hosts],
            ledgers: (0..plan.hosts)
                .map(|_| (0..plan.sessions).map(|_| Ledger::default()).collect())
                .collect(),
            sender,
            polled,
            frozen: Vec::new(),
            done: Done::default(),
            late: Resources::default(),
        };
        soak.start_hub();
        soak.start_bursts(1 << 30);
        for index in 0..plan.hosts {
            let host = soak.new_host(index);
            soak.hosts.push(host);
        }
        soak
    }

    fn server(&self, host: usize, session: usize) -> u32 {
        u32::try_from(host * self.ledgers[host].len() + session + 1).expect("a small number")
    }

    fn new_host(&self, index: usize) -> Host {
        let more = json!({
            "keepAliveMs": 1_000, "serverTimeoutMs": 5_000, "callTimeoutMs": 10_000, "retryMinMs": 100, "retryMaxMs": 1_000,
            "authRetryMinMs": 1_000, "authRetryMaxMs": 1_000, "stableMs": 1_000, "queueEvents": 100,
        });
        let url = self.taps[index].url();
        let options = |session| hub::options(&url, self.server(index, session), &more).to_string();
        let options: Vec<_> = (0..self.ledgers[index].len()).map(options).collect();
        Host::start(index, self.lives[index], &options, self.sender.clone())
    }

    fn start_hub(&mut self) {
        // the port is free once the process before is gone
        self.hub = None;
        self.bursts.clear();
        self.hubs += 1;
        let setup = Setup { port: self.port, keep_alive: 1, client_timeout: 6, ..Setup::default() };
        self.hub = Some(Hub::start(Kind::AspNet, setup));
    }

    /// Has the hub push this many numbered events to each session.
    fn start_bursts(&mut self, count: u64) {
        for host in 0..self.ledgers.len() {
            for session in 0..self.ledgers[host].len() {
                let (server, pad) = (self.server(host, session), self.hubs);
                let mut request =
                    TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the hub listens");
                let asked = write!(
                    request,
                    "POST /control/burst?serverId={server}&count={count}&rate={RATE}&size={pad} HTTP/1.1\r\n\
                     Host: hub\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                );
                asked.expect("the hub reads");
                self.bursts.push(request);
            }
        }
    }

    fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("one runs")
    }

    /// Whether the hub (none) or a host is suspended.
    fn is_frozen(&self, what: Option<usize>) -> bool {
        self.frozen.iter().any(|(_, frozen)| *frozen == what)
    }

    fn signal(&self, what: Option<usize>, name: &str) {
        match what {
            None => self.hub().signal(name),
            Some(host) => self.hosts[host].signal(name),
        }
    }

    fn freeze(&mut self, what: Option<usize>) {
        if !self.is_frozen(what) {
            self.signal(what, "STOP");
            let length = Duration::from_millis(200 + self.random.below(9_000));
            self.frozen.push((Instant::now() + length, what));
        }
    }

    /// Does one thing to the sessions.
    fn go_wrong(&mut self) {
        let hosts = u64::try_from(self.hosts.len()).expect("a small number");
        let host = usize::try_from(self.random.below(hosts)).expect("a small number");
        match self.random.below(20) {
            0 => {
                self.done.hub_kills += 1;
                self.frozen.retain(|(_, frozen)| frozen.is_some());
                self.start_hub();
                self.start_bursts(1 << 30);
            }
            1..3 => {
                self.done.hub_freezes += 1;
                self.freeze(None);
            }
            3..5 => {
                self.done.host_freezes += 1;
                self.freeze(Some(host));
            }
            5 if host > 0 => {
                self.done.host_kills += 1;
                self.frozen.retain(|(_, frozen)| *frozen != Some(host));
                self.lives[host] += 1;
                self.hosts[host] = self.new_host(host);
                self.ledgers[host].iter_mut().for_each(Ledger::host_killed);
            }
            6..9 if !self.is_frozen(Some(host)) => {
                self.done.slow_readers += 1;
                let length = self.random.below(6_000);
                self.hosts[host].pause_reading(length);
            }
            9..13 if !self.is_frozen(None) => {
                self.done.aborts += 1;
                let sessions = u64::try_from(self.ledgers[host].len()).expect("a small number");
                let session = usize::try_from(self.random.below(sessions)).expect("a small number");
                self.hub().abort_any(self.server(host, session));
            }
            _ => {
                let choice = self.random.next();
                self.done.resets += u64::from(self.taps[host].reset(choice));
            }
        }
    }

    /// Takes what the hosts poll until then, and resumes what was suspended for long enough.
    fn listen(&mut self, until: Instant) {
        loop {
            let now = Instant::now();
            let (over, frozen): (Vec<_>, _) = self.frozen.drain(..).partition(|(end, _)| *end <= now);
            self.frozen = frozen;
            over.iter().for_each(|(_, what)| self.signal(*what, "CONT"));
            let next = self.frozen.iter().map(|(end, _)| *end).fold(until, Instant::min);
            match self.polled.recv_timeout(next.saturating_duration_since(now)) {
                Ok(polled) if polled.life == self.lives[polled.host] => {
                    self.ledgers[polled.host][polled.session].take(&polled.event);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if next == until => return,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("we hold a sender"),
            }
        }
    }

    #[track_caller]
    fn listen_until(&mut self, what: &str, is_so: impl Fn(&Ledger) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.ledgers.iter().flatten().all(&is_so) {
            assert!(Instant::now() < until, "{what}: not within {} s", PATIENCE.as_secs());
            self.listen(Instant::now() + Duration::from_millis(50));
        }
    }

    fn until_ready(&mut self) {
        self.listen_until("all sessions are ready", |ledger| ledger.is_ready);
    }

    /// Resumes everything.
    fn go_on(&mut self) {
        for (end, _) in &mut self.frozen {
            *end = Instant::now();
        }
        self.listen(Instant::now());
    }

    /// Gives each session a last series on a link that nothing happens to, and ends the hosts.
    fn end(&mut self) -> Figures {
        self.start_hub();
        let servers = 1..=u32::try_from(self.ledgers.iter().flatten().count()).expect("a small number");
        for server in servers {
            wait_until("all sessions are at the new hub", || !self.hub().connections(server).is_empty());
        }
        self.late = self.hosts[0].resources();
        self.start_bursts(LAST);
        let hub = u64::try_from(self.hubs).expect("a small number");
        for mut request in std::mem::take(&mut self.bursts) {
            let mut answer = String::new();
            request.read_to_string(&mut answer).expect("the hub answers");
            assert!(answer.contains(&format!("\"websocket\":{LAST},")), "not all were sent: {answer}");
            let _ = request.shutdown(Shutdown::Both);
        }
        self.listen_until("the last event", |ledger| ledger.has_read(hub, LAST - 1));
        self.hosts.iter_mut().for_each(Host::leave);
        self.listen_until("the sessions' end", |ledger| ledger.has_ended);
        for host in self.hosts.drain(..) {
            let (status, said) = host.end();
            assert!(status.success() && said.is_empty(), "{status}: {said}");
        }
        let mut all = Figures::default();
        self.ledgers.iter().flatten().for_each(|ledger| all.add(ledger.figures));
        all
    }
}

/// Numbers from a seed: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}
