//! What lies between the hosts and the hub: it relays, and resets connections on demand.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener as Listener},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
};

/// A relay to a hub. Its thread ends with the process.
#[derive(Debug)]
pub(crate) struct Tap {
    port: u16,
    links: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl Tap {
    /// Starts a relay to this port.
    pub(crate) fn start(hub: u16) -> Self {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can");
        let port = listener.local_addr().expect("it listens").port();
        let links: Arc<Mutex<Vec<_>>> = Arc::default();
        let open = Arc::clone(&links);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("an event loop");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("it does not block");
                while let Ok((client, _)) = listener.accept().await {
                    let (cut, is_cut) = oneshot::channel();
                    let mut links = open.lock().unwrap_or_else(PoisonError::into_inner);
                    links.retain(|link: &oneshot::Sender<()>| !link.is_closed());
                    links.push(cut);
                    drop(links);
                    tokio::spawn(relay(client, hub, is_cut));
                }
            });
        });
        Self { port, links }
    }

    /// The URL that leads through it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/apiWsHub", self.port)
    }

    /// Resets one of the connections, on both sides. Returns whether there was one.
    pub(crate) fn reset(&self, choice: u64) -> bool {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| !link.is_closed());
        let count = u64::try_from(links.len()).expect("a small number");
        let at = choice.checked_rem(count).and_then(|at| usize::try_from(at).ok());
        at.is_some_and(|at| links.swap_remove(at).send(()).is_ok())
    }
}

async fn relay(mut client: TcpStream, hub: u16, is_cut: oneshot::Receiver<()>) {
    let Ok(mut server) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, hub))).await else {
        return;
    };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = is_cut => {
            for side in [&client, &server] {
                // closing it then sends a reset
                SockRef::from(side).set_linger(Some(Duration::ZERO)).expect("a TCP socket can");
            }
        }
    }
}
