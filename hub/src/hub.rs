//! The handle of a running hub.

use std::{
    io,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::value::RawValue;
use tokio::{sync::oneshot, time::sleep};

use crate::{
    endpoint,
    options::{Options, Shape},
    push::{Burst, BurstReport, Delivered},
    recording,
    registry::{Auth, Call, Pair, Request, Session},
    replay::Played,
    server,
    shared::Shared,
    stream,
};

/// A running hub. Dropping it stops it.
#[derive(Debug)]
pub struct Hub {
    shared: Arc<Shared>,
    urls: Vec<String>,
    hub_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Starts a hub. It is listening when this returns.
    ///
    /// # Errors
    /// If an address is taken, or a certificate is missing or unusable.
    pub fn start(options: Options) -> io::Result<Self> {
        let (started, starting) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("sonoran-hub".into()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async {
                let listeners = match server::bind(&options) {
                    Ok(listeners) => listeners,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let urls: Vec<_> = listeners.iter().map(|listener| listener.url.clone()).collect();
                let shared = Arc::new(Shared::new(options, &urls));
                for listener in listeners {
                    tokio::spawn(listener.serve(Arc::clone(&shared)));
                }
                tokio::spawn(stream::run(Arc::clone(&shared)));
                drop(started.send(Ok((shared, urls))));
                // A dropped sender means stop, too.
                let _ = stopped.await;
            });
            // Dropping the runtime drops every connection at once, as a process exit would.
        })?;
        let (shared, urls) =
            starting.recv().unwrap_or_else(|_| Err(io::Error::other("the hub's thread died")))?;
        let hub_url = format!("ws{}{}", urls[0].trim_start_matches("http"), endpoint::PATH);
        Ok(Self { shared, urls, hub_url, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL for clients: `ws://127.0.0.1:PORT/apiWsHub`, or `wss`.
    pub fn url(&self) -> &str {
        &self.hub_url
    }

    /// The same address for plain HTTP, without a path: `http://127.0.0.1:PORT`, or `https`.
    pub fn http(&self) -> &str {
        &self.urls[0]
    }

    /// The address of the hub's page, with the token if the hub requires one.
    pub fn page(&self) -> String {
        let token = self.shared.token.as_ref().map(|token| format!("?token={token}"));
        format!("{}/{}", self.urls[0], token.unwrap_or_default())
    }

    /// All addresses: [`Hub::http`], and the unencrypted one if there is one.
    pub fn addresses(&self) -> &[String] {
        &self.urls
    }

    /// Pushes an event to the sessions of this community and server or, if there is none, by HTTP POST to the
    /// fallback URL. Does not check `json`.
    pub async fn push(&self, community: &str, server: u32, json: &str, shape: Shape) -> Delivered {
        self.shared.push(&Pair(community.to_owned(), server), json, shape).await
    }

    /// Pushes many numbered events.
    pub async fn burst(&self, burst: Burst) -> BurstReport {
        let shared = Arc::clone(&self.shared);
        self.run(async move { shared.burst(&burst).await }).await
    }

    /// Plays a recording to the sessions of this community and server, `speed` times as fast as it was recorded, or
    /// without pauses. Skips the client's own events.
    pub async fn replay(
        &self,
        community: &str,
        server: u32,
        events: &[recording::Recorded],
        speed: Option<f64>,
    ) -> Played {
        let (shared, pair) = (Arc::clone(&self.shared), Pair(community.to_owned(), server));
        let events = events.to_vec();
        self.run(async move { shared.replay(&pair, &events, speed).await }).await
    }

    /// Invokes any method of a server's clients. `arguments` is a JSON array without its brackets. Returns
    /// whether there was a client.
    pub async fn call_client(&self, community: &str, server: u32, target: &str, arguments: &str) -> bool {
        self.shared.call_client(&Pair(community.to_owned(), server), target, arguments).await
    }

    /// Invokes a method of a server's client and waits for the result. `None` is a result without a value.
    ///
    /// # Errors
    /// With the client's error text, or if there is no client or it leaves.
    pub async fn ask_client(
        &self,
        community: &str,
        server: u32,
        target: &str,
        arguments: &str,
    ) -> Result<Option<Box<RawValue>>, String> {
        self.shared.ask_client(&Pair(community.to_owned(), server), target, arguments).await
    }

    /// Sends whole records to a server's clients as they are, even invalid ones. Returns whether there was a
    /// client.
    pub async fn send_raw(&self, community: &str, server: u32, records: &str) -> bool {
        self.shared.send_to(&Pair(community.to_owned(), server), records).await
    }

    /// Disconnects a server's clients, or all, with a Close record that does not ask them to reconnect.
    pub fn abort(&self, server: Option<u32>) -> usize {
        self.shared.registry.abort(server)
    }

    /// Sets how the hub answers authentication. [`Auth::default`] is normal.
    pub fn set_auth(&self, auth: Auth) {
        self.shared.registry.set_auth(auth);
    }

    /// The authenticated sessions, in order of authentication.
    pub fn sessions(&self) -> Vec<Session> {
        self.shared.registry.sessions().into_iter().map(|(session, _)| session).collect()
    }

    /// The calls of documented methods.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.registry.calls()
    }

    /// The HTTP requests to the hub's path.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.registry.requests()
    }

    /// Forgets calls and requests.
    pub fn clear(&self) {
        self.shared.registry.clear();
    }

    /// Waits until `condition` holds. Checks it whenever a session comes or goes, a method is called or a
    /// request arrives. Returns `false` if it did not hold in time.
    pub async fn until(&self, within: Duration, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let mut changes = self.shared.registry.changes();
        let deadline = {
            let _runtime = self.shared.handle.enter();
            sleep(within)
        };
        tokio::pin!(deadline);
        loop {
            if condition(self) {
                return true;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = &mut deadline => return condition(self),
            }
        }
    }

    /// Blocks until a future of this hub completes.
    ///
    /// # Panics
    /// In asynchronous code, which must await instead.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.shared.handle.block_on(future)
    }

    /// Stops at once, like a killed server: connections end without a Close record, and the address is free.
    pub fn stop(self) {
        drop(self);
    }

    async fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        match self.shared.handle.spawn(future).await {
            Ok(value) => value,
            // The hub lives as long as `self`, so only a panic ends its tasks.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It has nothing to report.
            let _ = thread.join();
        }
    }
}
