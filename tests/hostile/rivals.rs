//! Two clients of one server, of which the hub keeps the newest, and hubs that will not have a client.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use support::client::{Process, Session};
use support::relay::Relay;

use crate::case::{Peer, options};
use crate::wire::Wire;

/// Serves a peer's connections as a hub with one session for each server: who comes sends away who was there.
/// Returns how many were sent away, once `host` has returned.
fn with_one_place(peer: &Peer, goodbye: &'static str, host: impl FnOnce(&AtomicUsize)) {
    let sent_away = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut holder: Option<Wire> = None;
            loop {
                let mut wire = peer.accept();
                if wire.ready().is_err() {
                    return;
                }
                let mut reader = wire.split();
                thread::spawn(move || reader.until_gone());
                if let Some(mut before) = holder.replace(wire)
                    && before.record(goodbye)
                {
                    sent_away.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        host(&sent_away);
        // it waits for a connection, which this is, and is no client
        drop(TcpStream::connect(peer.address()));
    });
}

#[test]
fn two_clients_of_one_server_are_told_of_each_other_and_slow_down() {
    let _process = Process::shared();
    let peer = Peer::start();
    let more = json!({"authRetryMinMs": 20_000, "authRetryMaxMs": 20_000, "stableMs": 0});
    let options = options(&peer.url(), &more);
    with_one_place(&peer, r#"{"type":7}"#, |sent_away| {
        let one = Session::connect(&options);
        let mut other = Relay::start(&[options.to_string()]);
        let told = (0..40).find_map(|_| Some(one.next()).filter(|event| event.code() == "another-client"));
        let told = told.expect("it is recognised");
        assert_eq!(told.kind(), "SESSION_LOST", "{told}");
        assert!(told.message().contains("another client holds server 1"), "{told}");
        assert_eq!((told.get("allowReconnect"), told.get("retryInMs")), (json!(false), json!(20_000)));
        // it leaves the place to the other one, which nobody sends away any more
        assert_eq!(one.wait(2_000), None);
        let so_far = sent_away.load(Ordering::Relaxed);
        assert!((4..=8).contains(&so_far), "{so_far}");
        // who connects anew is told at once, and waits too
        let again = Session::connect(&options);
        let retry = again.expect("SESSION_RETRY");
        assert_eq!(retry.code(), "another-client");
        assert!(retry.get("retryInMs").as_u64().is_some_and(|left| left <= 18_500), "{retry}");
        assert_eq!(again.disconnect(), Ok(0));
        again.expect("SESSION_CLOSED");
        let anew = Session::connect(&options);
        assert_eq!(anew.expect("SESSION_RETRY").code(), "another-client");
        assert_eq!((sent_away.load(Ordering::Relaxed), anew.figure("attempts")), (so_far, 0));
        while other.next(0).kind() != "SESSION_READY" {}
    });
}

#[test]
fn a_hub_that_asks_to_come_back_is_no_sign_of_another_client() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({})));
    for _ in 0..6 {
        let mut wire = peer.accept();
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
        wire.record(r#"{"type":7,"error":"Restarting","allowReconnect":true}"#);
        let lost = session.expect("SESSION_LOST");
        assert_eq!((lost.code(), lost.get("allowReconnect")), ("closed".to_owned(), json!(true)), "{lost}");
        assert!(lost.get("retryInMs").as_u64().is_some_and(|delay| delay <= 50), "{lost}");
    }
}

#[test]
fn a_hub_that_hangs_up_on_the_credentials_is_asked_slowly() {
    let _process = Process::shared();
    for ends in [|hub: &mut Wire| _ = hub.record(r#"{"type":7}"#), |hub: &mut Wire| hub.hang_up()] {
        let peer = Peer::start();
        let options = options(&peer.url(), &json!({"authRetryMinMs": 60_000, "authRetryMaxMs": 60_000}));
        let session = Session::connect(&options);
        let delays = [0, 1].map(|_| {
            let mut wire = peer.accept();
            wire.until_authenticate().expect("it shows its credentials");
            ends(&mut wire);
            let retry = session.expect("SESSION_RETRY");
            (retry.get("retryInMs").as_u64().expect("a number"), retry.message())
        });
        // once may be chance
        assert!(delays[0].0 <= 50, "{delays:?}");
        assert_eq!(delays[1].0, 60_000, "{delays:?}");
        assert!(delays[1].1.contains("instead of answering the credentials"), "{delays:?}");
    }
}
