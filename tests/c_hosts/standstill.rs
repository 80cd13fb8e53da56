//! A host that is suspended (by SIGSTOP, as in a debugger or on a paused machine) while the hub goes on.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::json;
use support::{
    PATIENCE,
    hub::{self, Hub, Kind, Setup},
    relay::Relay,
};

use crate::stream::HubTest;

pub(crate) const TESTS: &[(&str, HubTest)] =
    &[("stood_still", stood_still), ("hub_gone_meanwhile", hub_gone_meanwhile)];

const SILENCE: Duration = Duration::from_secs(3);

/// A hub that is more patient than [`suspended`]'s host.
fn patient(kind: Kind) -> Hub {
    Hub::start(kind, Setup { keep_alive: 1, client_timeout: 60, ..Setup::default() })
}

/// A suspended host with a session at this URL. It calls a link dead after [`SILENCE`].
fn suspended(url: &str) -> Relay {
    let silence = u64::try_from(SILENCE.as_millis()).expect("small");
    let options = hub::options(url, 1, &json!({"serverTimeoutMs": silence, "keepAliveMs": 500}));
    let mut relay = Relay::start(&[options.to_string()]);
    relay.expect(0, "SESSION_READY");
    relay.stop();
    relay
}

/// A way to a hub, for one connection, that tells when the client's system has received a text.
struct Tap {
    url: String,
    received: Receiver<()>,
}

impl Tap {
    fn new(hub: &Hub, text: String) -> Self {
        let to = hub.url();
        let (hub_address, path) =
            to.trim_start_matches("http://").split_once('/').expect("a URL with a path");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut hub = TcpStream::connect(hub_address).expect("the hub listens");
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            drop(listener);
            let (mut from_client, mut to_hub) = (clone(&client), clone(&hub));
            thread::spawn(move || io::copy(&mut from_client, &mut to_hub));
            let (mut passed, mut block) = (Vec::new(), [0; 8192]);
            // a reset is the hub's end too
            while let Ok(length @ 1..) = hub.read(&mut block) {
                client.write_all(&block[..length]).expect("the client is there");
                passed.extend_from_slice(&block[..length]);
                if passed.windows(text.len()).any(|window| window == text.as_bytes()) {
                    // nobody may wait any more
                    let _ = sender.send(());
                }
            }
            client.shutdown(Shutdown::Write).expect("the client is there");
        });
        Self { url: format!("http://{address}/{path}"), received }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a descriptor is left")
}

fn expect_burst(relay: &mut Relay, count: usize) {
    for number in 0..count {
        let event = relay.next(0).json();
        assert_eq!(event["data"]["seq"], number, "{event}");
    }
}

/// The library reads what came meanwhile before it judges the link, and keeps the link.
fn stood_still(kind: Kind) {
    let hub = patient(kind);
    let mut relay = suspended(&hub.url());
    let connections = hub.connections(1);
    hub.burst(1, 200);
    thread::sleep(2 * SILENCE);
    relay.go_on();
    expect_burst(&mut relay, 200);
    hub.burst(1, 1);
    expect_burst(&mut relay, 1);
    assert_eq!(hub.connections(1), connections);
    relay.end();
}

/// If the hub dies meanwhile, the library reads what the hub had sent before it reports the loss.
fn hub_gone_meanwhile(kind: Kind) {
    let hub = patient(kind);
    let tap = Tap::new(&hub, r#""seq":799"#.to_owned());
    let mut relay = suspended(&tap.url);
    hub.burst(1, 800);
    // a hub that is killed takes with it what it has not yet sent
    tap.received.recv_timeout(PATIENCE).expect("the whole burst arrives");
    drop(hub);
    thread::sleep(2 * SILENCE);
    relay.go_on();
    expect_burst(&mut relay, 800);
    let lost = relay.expect(0, "SESSION_LOST");
    assert_eq!(lost["code"], "lost", "{lost}");
    relay.expect(0, "SESSION_RETRY");
}
