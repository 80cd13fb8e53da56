//! Name resolution by the operating system, which blocks a thread and cannot be cancelled.
//!
//! All sessions that ask for one name share one lookup. A name that hangs therefore costs a few threads at
//! most, and does not hold up other names.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::runtime;

/// How long a lookup may run before another one of the same name starts beside it.
const STALE: Duration = Duration::from_secs(30);

/// The largest number of lookups of one name that run at once.
const MAX_LOOKUPS_OF_NAME: usize = 4;

/// The largest number of names that are looked up at once.
const MAX_NAMES: usize = 64;

type Answer = Result<Arc<[SocketAddr]>, Arc<io::Error>>;
type Job = Box<dyn FnOnce() + Send>;

/// The system's resolver.
pub(crate) static SYSTEM: Resolver = Resolver::new(ask_system, runtime::spawn_thread);

fn ask_system(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 0).to_socket_addrs()?.collect())
}

/// Looks names up on threads of its own.
pub(crate) struct Resolver {
    /// By name.
    running: Mutex<BTreeMap<String, Lookups>>,
    ask: fn(&str) -> io::Result<Vec<SocketAddr>>,
    spawn: fn(Job) -> io::Result<()>,
}

/// The lookups of one name that run.
struct Lookups {
    count: usize,
    /// When the newest started.
    since: Instant,
    newest: Shared<oneshot::Receiver<Answer>>,
}

impl Resolver {
    const fn new(ask: fn(&str) -> io::Result<Vec<SocketAddr>>, spawn: fn(Job) -> io::Result<()>) -> Self {
        Self { running: Mutex::new(BTreeMap::new()), ask, spawn }
    }

    /// The addresses of a host, each with this port.
    pub(crate) async fn resolve(&'static self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = name.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let lost = || Err(Arc::new(io::Error::other("the lookup ended without an answer")));
        match self.lookup(name)?.await.unwrap_or_else(|_| lost()) {
            Ok(addresses) => Ok(addresses.iter().map(|address| with_port(*address, port)).collect()),
            Err(error) => Err(io::Error::new(error.kind(), error)),
        }
    }

    /// Joins the lookup of this name that runs, or starts one.
    fn lookup(&'static self, name: &str) -> io::Result<Shared<oneshot::Receiver<Answer>>> {
        let (sender, receiver) = oneshot::channel();
        let newest = receiver.shared();
        let lookup = {
            let mut running = self.running.lock();
            if !running.contains_key(name) && running.len() == MAX_NAMES {
                return Err(io::Error::other(format!("{MAX_NAMES} other names are being looked up")));
            }
            let lookups = running.entry(name.to_owned()).or_insert_with(|| Lookups::none(newest.clone()));
            let may_join = lookups.count > 0 && lookups.since.elapsed() < STALE;
            if may_join || lookups.count == MAX_LOOKUPS_OF_NAME {
                return Ok(lookups.newest.clone());
            }
            *lookups = Lookups { count: lookups.count + 1, ..Lookups::none(newest.clone()) };
            Lookup { resolver: self, name: name.to_owned() }
        };
        let job = move || {
            let answer = (self.ask)(&lookup.name);
            // from here on nobody joins this lookup
            drop(lookup);
            // the sessions that asked may have gone
            let _ = sender.send(answer.map(Arc::from).map_err(Arc::new));
        };
        (self.spawn)(Box::new(job))
            .map_err(|error| io::Error::new(error.kind(), format!("no thread to look it up: {error}")))?;
        Ok(newest)
    }
}

impl Lookups {
    fn none(newest: Shared<oneshot::Receiver<Answer>>) -> Self {
        Self { count: 0, since: Instant::now(), newest }
    }
}

/// A lookup that runs, or is about to.
struct Lookup {
    resolver: &'static Resolver,
    name: String,
}

impl Drop for Lookup {
    fn drop(&mut self) {
        let mut running = self.resolver.running.lock();
        if let Some(lookups) = running.get_mut(&self.name) {
            lookups.count -= 1;
            if lookups.count == 0 {
                running.remove(&self.name);
            }
        }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn resolver(
        ask: fn(&str) -> io::Result<Vec<SocketAddr>>,
        spawn: fn(Job) -> io::Result<()>,
    ) -> &'static Resolver {
        Box::leak(Box::new(Resolver::new(ask, spawn)))
    }

    fn on_a_thread(job: Job) -> io::Result<()> {
        thread::Builder::new().spawn(job).map(drop)
    }

    /// Hangs on a name that says so, until the test ends.
    fn ask(name: &str) -> io::Result<Vec<SocketAddr>> {
        match name {
            "hangs" => loop {
                thread::park();
            },
            "unknown" => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            _ => Ok(vec!["192.0.2.1:0".parse().unwrap(), "[2001:db8::1]:0".parse().unwrap()]),
        }
    }

    async fn hangs(resolver: &'static Resolver) {
        let lookup = resolver.resolve("hangs", 1);
        assert!(tokio::time::timeout(Duration::from_millis(1), lookup).await.is_err());
    }

    #[tokio::test]
    async fn a_name_has_the_addresses_that_the_system_says() {
        let resolver = resolver(ask, on_a_thread);
        let addresses = resolver.resolve("known", 7).await.unwrap();
        assert_eq!(addresses, ["192.0.2.1:7".parse().unwrap(), "[2001:db8::1]:7".parse().unwrap()]);
        let error = resolver.resolve("unknown", 7).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::NotFound, "no such name"));
        assert!(resolver.running.lock().is_empty());
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        let resolver = resolver(|_| unreachable!(), |_| unreachable!());
        for address in ["127.0.0.1", "::1"] {
            let expected = SocketAddr::new(address.parse().unwrap(), 9);
            assert_eq!(resolver.resolve(address, 9).await.unwrap(), [expected]);
        }
    }

    #[tokio::test]
    async fn a_name_that_hangs_costs_one_thread_and_holds_up_no_other() {
        let resolver = resolver(ask, on_a_thread);
        for _ in 0..100 {
            hangs(resolver).await;
        }
        assert_eq!(resolver.running.lock().values().map(|lookups| lookups.count).sum::<usize>(), 1);
        assert_eq!(resolver.resolve("known", 7).await.unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_hangs_for_long_is_given_up_for_a_new_one() {
        let resolver = resolver(ask, |job| {
            std::mem::forget(job);
            Ok(())
        });
        for minute in 0..10 {
            hangs(resolver).await;
            let count = resolver.running.lock().get("hangs").unwrap().count;
            assert_eq!(count, (minute + 1).min(MAX_LOOKUPS_OF_NAME));
            tokio::time::advance(STALE).await;
        }
    }

    #[tokio::test]
    async fn the_answer_goes_to_all_who_asked() {
        static GATE: Mutex<Option<mpsc::Receiver<()>>> = Mutex::new(None);
        let (open, gate) = mpsc::channel();
        *GATE.lock() = Some(gate);
        let ask = |name: &str| {
            let _ = GATE.lock().as_ref().unwrap().recv();
            ask(name)
        };
        let resolver = resolver(ask, on_a_thread);
        let mut asked: Vec<_> = (0..50).map(|port| Box::pin(resolver.resolve("known", port))).collect();
        for lookup in &mut asked {
            assert!(lookup.now_or_never().is_none());
        }
        drop(open);
        for (port, lookup) in (0..50).zip(asked) {
            assert_eq!(lookup.await.unwrap()[0].port(), port);
        }
    }

    #[tokio::test]
    async fn a_thread_that_the_system_refuses_is_told() {
        let resolver = resolver(ask, |_| Err(io::Error::from(io::ErrorKind::WouldBlock)));
        let error = resolver.resolve("known", 7).await.unwrap_err();
        assert!(error.to_string().contains("no thread to look it up"), "{error}");
        assert!(resolver.running.lock().is_empty(), "the next attempt asks again");
    }

    #[tokio::test]
    async fn names_that_hang_have_a_bound() {
        let resolver = resolver(ask, |job| {
            std::mem::forget(job);
            Ok(())
        });
        for name in 0..MAX_NAMES {
            let name = format!("name{name}");
            assert!(Box::pin(resolver.resolve(&name, 1)).now_or_never().is_none());
        }
        let error = resolver.resolve("one-more", 1).await.unwrap_err();
        assert!(error.to_string().contains("64 other names"), "{error}");
    }
}
