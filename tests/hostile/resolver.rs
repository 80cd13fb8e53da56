//! The system's resolver as it should not be: names that hang, and addresses that lead nowhere.
//!
//! This process has a `getaddrinfo` of its own. It answers for names under `.test` and leaves the others to
//! the system's.

use std::ffi::{CStr, c_char, c_int};
use std::net::{Ipv4Addr, TcpListener};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};
use serde_json::json;

use crate::case::{Peer, options};
use crate::wire::Wire;
use support::PATIENCE;
use support::client::{Process, Session, ffi, shutdown};

/// Whether lookups of `hangs.test` hang.
static HANGS: Mutex<bool> = Mutex::new(false);
static RELEASED: Condvar = Condvar::new();

/// Whether `moves.test` has been looked up.
static MOVED: AtomicBool = AtomicBool::new(false);

type GetAddrInfo = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
) -> c_int;

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the C library has a function of this name and type.
    let system: GetAddrInfo =
        unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr())) };
    // SAFETY: NULL, or a string of the caller's.
    let name = if node.is_null() { c"" } else { unsafe { CStr::from_ptr(node) } };
    let addresses: &[&CStr] = match name.to_bytes() {
        b"hangs.test" => {
            let mut hangs = HANGS.lock();
            while *hangs {
                RELEASED.wait(&mut hangs);
            }
            return libc::EAI_AGAIN;
        }
        // a list of two: the C library releases its entries one by one
        b"stalls.test" => &[c"127.0.0.2", c"127.0.0.1"],
        b"fails.test" => return libc::EAI_FAIL,
        // the next lookup finds that it has moved
        b"moves.test" if MOVED.swap(true, Ordering::Relaxed) => &[c"127.0.0.1"],
        b"moves.test" => &[c"127.0.0.2"],
        // nobody listens at the first
        b"half-dead.test" => &[c"::1", c"127.0.0.1"],
        b"works.test" => &[c"127.0.0.1"],
        // SAFETY: what the caller gave.
        _ => return unsafe { system(node, service, hints, result) },
    };
    let mut list = ptr::null_mut();
    for address in addresses.iter().rev() {
        let mut entry = ptr::null_mut();
        // SAFETY: what the caller gave, but for the name, and a place for the answer.
        let code = unsafe { system(address.as_ptr(), service, hints, &raw mut entry) };
        assert_eq!(code, 0, "an address needs no lookup");
        // SAFETY: the system made one entry, which is ours.
        unsafe { (*entry).ai_next = list };
        list = entry;
    }
    // SAFETY: the caller's place for the answer.
    unsafe { *result = list };
    0
}

fn url(host: &str, peer: &Peer) -> String {
    peer.url().replace("127.0.0.1", host)
}

/// Lookups hang as long as this lives.
struct Hanging;

impl Hanging {
    fn start() -> Self {
        *HANGS.lock() = true;
        Self
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        *HANGS.lock() = false;
        RELEASED.notify_all();
    }
}

/// A listener on the first address of `stalls.test`, beside a peer on the second.
fn first_address(peer: &Peer) -> TcpListener {
    let port = peer.url().split(':').nth(2).and_then(|rest| rest.split('/').next()?.parse::<u16>().ok());
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port.expect("a port"))).expect("a port");
    socket2::SockRef::from(&listener).set_read_timeout(Some(PATIENCE)).expect("a socket");
    listener
}

#[test]
fn an_address_that_accepts_and_stalls_gives_way_to_the_next() {
    let _process = Process::shared();
    let peer = Peer::start();
    // connections wait in its queue: it never takes one
    let stalls = first_address(&peer);
    let session =
        Session::connect(&options(&url("stalls.test", &peer), &json!({"connectTimeoutMs": 20_000})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    assert_eq!(session.figure("attempts"), 1);
    stalls.accept().expect("the first address was the first one");
    session.disconnect().expect("it is open");
    wire.until_gone();
}

#[test]
fn an_address_that_answers_and_serves_nobody_gives_way_in_the_next_attempt() {
    let _process = Process::shared();
    for (answer, code) in [("HTTP/1.1 503 x\r\n\r\n", "http-5xx"), ("", "handshake")] {
        let peer = Peer::start();
        let serves_nobody = first_address(&peer);
        let session =
            Session::connect(&options(&url("stalls.test", &peer), &json!({"handshakeTimeoutMs": 200})));
        let mut first = Wire::new(serves_nobody.accept().expect("the first address was the first one").0);
        first.read_head().expect("an upgrade");
        let answer = if answer.is_empty() { first.accepted() } else { answer.to_owned() };
        first.send(answer);
        assert_eq!(session.expect("SESSION_RETRY").code(), code);
        let mut wire = peer.accept();
        wire.ready().expect("it logs in");
        session.expect("SESSION_READY");
        session.disconnect().expect("it is open");
        wire.until_gone();
    }
}

#[test]
fn a_name_that_hangs_holds_up_no_other() {
    let _process = Process::shared();
    let peer = Peer::start();
    let hanging = Hanging::start();
    // more sessions than there ever were threads for lookups, over more than one attempt
    let more = |server: u32| json!({"serverId": server, "connectTimeoutMs": 100, "retryMaxMs": 10});
    let hung: Vec<_> =
        (0..40).map(|server| Session::connect(&options("ws://hangs.test/hub", &more(server)))).collect();
    for session in &hung {
        for _ in 0..2 {
            let retry = session.expect("SESSION_RETRY");
            assert_eq!(retry.code(), "timeout");
            assert!(
                retry.message().contains("to hangs.test within 100 ms, while resolving its name"),
                "{retry}"
            );
        }
    }
    let session = Session::connect(&options(&url("works.test", &peer), &json!({})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    drop(hanging);
    // the name is looked up again once it does not hang
    let answered = hung.iter().all(|session| {
        std::iter::repeat_with(|| session.expect("SESSION_RETRY")).any(|retry| retry.code() == "dns")
    });
    assert!(answered);
    session.disconnect().expect("it is open");
    wire.until_gone();
}

#[test]
fn a_shutdown_leaves_a_lookup_that_hangs_to_end_alone() {
    let process = Process::alone();
    let peer = Peer::start();
    let hanging = Hanging::start();
    let stuck = options("ws://hangs.test/hub", &json!({"connectTimeoutMs": 100}));
    let session = Session::connect(&stuck);
    session.expect("SESSION_RETRY");
    assert_eq!(shutdown(100).expect_err("a thread hangs").0, ffi::SONORAN_E_TIMEOUT);
    // sessions opened afterwards have threads of their own
    let session = Session::connect(&options(&url("works.test", &peer), &json!({})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let again = Session::connect(&stuck);
    assert_eq!(again.expect("SESSION_RETRY").code(), "timeout");
    drop(hanging);
    std::iter::repeat_with(|| again.expect("SESSION_RETRY")).find(|retry| retry.code() == "dns");
    drop((session, again));
    wire.until_gone();
    drop(process);
}

#[test]
fn a_resolver_that_fails_is_asked_again() {
    let _process = Process::shared();
    let session = Session::connect(&options("ws://fails.test/hub", &json!({})));
    for attempt in 1..=3 {
        let retry = session.expect("SESSION_RETRY");
        assert_eq!((retry.code(), retry.get("attempt")), ("dns".to_owned(), json!(attempt)));
        assert!(retry.message().contains("fails.test could not be resolved"), "{retry}");
    }
}

#[test]
fn a_hub_that_moves_to_another_address_is_found_there() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&url("moves.test", &peer), &json!({})));
    let retry = session.expect("SESSION_RETRY");
    assert!(retry.code() == "connect" && retry.message().contains("127.0.0.2"), "{retry}");
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
}

#[test]
fn a_dead_address_of_one_family_does_not_hide_the_other() {
    let _process = Process::shared();
    let peer = Peer::start();
    let session = Session::connect(&options(&url("half-dead.test", &peer), &json!({})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    assert_eq!(session.figure("attempts"), 1);
}

#[test]
fn a_session_leaves_while_its_hubs_name_is_looked_up() {
    let _process = Process::shared();
    let _hanging = Hanging::start();
    let session = Session::connect(&options("ws://hangs.test/leaves", &json!({"connectTimeoutMs": 300_000})));
    support::wait_until("it tries", || session.figure("attempts") == 1);
    assert_eq!(session.disconnect(), Ok(0));
    session.expect("SESSION_CLOSED");
    assert_eq!(session.state(), ffi::SONORAN_E_SESSION);
}
