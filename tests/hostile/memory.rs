//! What a hub that sends much leaves in memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::case::{Peer, options};
use crate::wire::{TEXT, frame, push};
use support::client::{Process, Session, ffi};
use support::wait_until;

/// Counts what is allocated in this process.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

/// How often a thread of the library, or one that counts itself among them, has allocated.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Whether what this thread allocates counts.
#[cfg(target_os = "linux")]
fn is_counted() -> bool {
    let is_library = || {
        let mut name = [0_u8; 16];
        // SAFETY: the kernel writes up to 16 bytes.
        unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
        name.starts_with(b"sonoran\0")
    };
    COUNTED
        .try_with(|counted| {
            counted.set(counted.get() || is_library());
            counted.get()
        })
        .unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn is_counted() -> bool {
    COUNTED.try_with(Cell::get).unwrap_or(false)
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        ALLOCATIONS.fetch_add(usize::from(is_counted()), Ordering::Relaxed);
        // SAFETY: the caller's promises hold for it too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const LARGE: usize = 15_000_000;

/// An event of 120 bytes.
fn small_event(number: usize) -> String {
    let id = 100_000 + number;
    format!(
        r#"{{"key":"demo-key","type":"EVENT_UNIT_STATUS","data":[{{"id":{id},"status":3,"unit":"A-10","by":"Zoë Müller"}}]}}"#
    )
}

/// What may be left: buffers of the usual size, and what the test itself does.
const LITTLE: usize = 1_500_000;

#[test]
fn a_large_push_leaves_nothing_behind() {
    let _process = Process::alone();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({"serverTimeoutMs": 600_000})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let before = ALLOCATED.load(Ordering::Relaxed);
    for _ in 0..3 {
        wire.push(&format!(r#"{{"type":"EVENT_911","data":"{}"}}"#, "x".repeat(LARGE)));
        assert!(session.expect("EVENT_911").0.len() > LARGE);
    }
    let left = || ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    wait_until("it is given back", || left() < LITTLE);
    assert_eq!(session.poll(), None);
}

#[test]
fn a_large_push_is_held_once_for_five_readers() {
    const SIZE: usize = 3_000_000;
    let _process = Process::alone();
    let peer = Peer::start();
    let reader = |name: &str| {
        Session::connect(&options(&peer.url(), &json!({"serverTimeoutMs": 600_000, "reader": name})))
    };
    let first = reader("a");
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    first.expect("SESSION_READY");
    let mut readers = vec![first];
    readers.extend(["b", "c", "d", "e"].map(reader));
    readers[1..].iter().for_each(|reader| drop(reader.expect("SESSION_READY")));
    let before = ALLOCATED.load(Ordering::Relaxed);
    wire.push(&format!(r#"{{"type":"EVENT_911","data":"{}"}}"#, "x".repeat(SIZE)));
    wait_until("all have it", || readers.iter().all(|reader| reader.figure("queuedBytes") > SIZE as u64));
    let held = || ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    wait_until("one copy is left", || (SIZE..SIZE + LITTLE).contains(&held()));
    eprintln!("a push of {SIZE} bytes for five readers: {} bytes", held());
    for reader in &readers {
        // whoever is last frees it
        assert!(held() >= SIZE, "{} bytes", held());
        assert!(reader.expect("EVENT_911").0.len() > SIZE);
    }
    wait_until("it is given back", || held() < LITTLE);
}

/// Takes this many events as a C host does. What that allocates counts.
fn take(session: &Session, events: usize) {
    for _ in 0..events {
        COUNTED.set(true);
        let event = ffi::sonoran_wait_event(session.number(), 60_000);
        COUNTED.set(false);
        assert!(!event.is_null(), "an event is missing");
        // SAFETY: what the library has just returned.
        unsafe { ffi::sonoran_free(event) };
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_event_takes_at_most_one_allocation_and_a_thousand_together_take_few() {
    const ROUNDS: usize = 10;
    const EVENTS: usize = 1_000;
    // the system holds each back for a while
    const SINGLE: usize = 50;
    let _process = Process::alone();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({"serverTimeoutMs": 600_000})));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let records = |count| (0..count).map(|number| format!("{}\u{1e}", push(&small_event(number)))).collect();
    let together: String = records(EVENTS);
    let single: String = records(1);
    let [together, single] = [together, single].map(|records| frame(TEXT, records.as_bytes()));
    let mut allocations = |message: &[u8], events: usize| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        wire.send(message);
        take(&session, events);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    // the first ones find no buffers yet
    allocations(&together, EVENTS);
    let of_many: usize = (0..ROUNDS).map(|_| allocations(&together, EVENTS)).sum();
    let of_messages = allocations(&single.repeat(EVENTS), EVENTS);
    let of_single: usize = (0..SINGLE).map(|_| allocations(&single, 1)).sum();
    eprintln!(
        "allocations: {of_many} for {ROUNDS} messages of {EVENTS} events, {of_messages} for {EVENTS} messages of one, {of_single} for {SINGLE} single ones"
    );
    assert!(of_many < ROUNDS * EVENTS / 20, "{of_many} for {} events", ROUNDS * EVENTS);
    assert!(of_messages <= EVENTS, "{of_messages} for {EVENTS} events");
    assert!(of_single <= SINGLE + SINGLE / 20, "{of_single} for {SINGLE} events");
}

#[test]
fn what_a_slow_reader_keeps_does_not_keep_what_others_have_read() {
    const EVENTS: usize = 20_000;
    let _process = Process::alone();
    let peer = Peer::start();
    let connect = |reader: &str, types: serde_json::Value| {
        Session::connect(&options(
            &peer.url(),
            &json!({"serverTimeoutMs": 600_000, "reader": reader, "types": types}),
        ))
    };
    let fast = connect("fast", json!(null));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    fast.expect("SESSION_READY");
    let slow = connect("slow", json!(["EVENT_911"]));
    slow.expect("SESSION_READY");
    let before = ALLOCATED.load(Ordering::Relaxed);
    let event = |number: usize| {
        let event = small_event(number);
        if number.is_multiple_of(100) { event.replace("EVENT_UNIT_STATUS", "EVENT_911") } else { event }
    };
    let records: String = (0..EVENTS).map(|number| format!("{}\u{1e}", push(&event(number)))).collect();
    wire.send(frame(TEXT, records.as_bytes()));
    wait_until("all have come", || fast.figure("pushes") == EVENTS as u64);
    take(&fast, EVENTS);
    drop(records);
    let held = || ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    assert_eq!(slow.figure("queuedEvents"), EVENTS as u64 / 100);
    wait_until("only the slow reader's are left", || held() < LITTLE);
    take(&slow, EVENTS / 100);
}

#[test]
fn refusals_of_many_words_take_little_room() {
    let _process = Process::alone();
    let peer = Peer::start();
    let session = Session::connect(&options(&peer.url(), &json!({})));
    let before = ALLOCATED.load(Ordering::Relaxed);
    for _ in 0..3 {
        let mut wire = peer.accept();
        let id = wire.until_authenticate().expect("credentials");
        wire.complete(&id, &format!(r#"{{"success":false,"error":"{}"}}"#, "x".repeat(LARGE)));
        wire.until_gone();
    }
    wait_until("all are told", || session.figure("queuedEvents") == 3);
    let left = || ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    wait_until("only the beginnings are kept", || left() < LITTLE);
    for _ in 0..3 {
        assert!(session.expect("SESSION_REJECTED").0.len() < 3_000);
    }
}

#[test]
fn a_flood_that_nobody_polls_stays_within_its_bounds() {
    const FLOOD: usize = 48 << 20;
    const QUEUE: usize = 1 << 20;
    let _process = Process::alone();
    let peer = Peer::start();
    let more = json!({"queueBytes": QUEUE, "keepAliveMs": 100, "serverTimeoutMs": 600_000});
    let session = Session::connect(&options(&peer.url(), &more));
    let mut wire = peer.accept();
    wire.ready().expect("it logs in");
    session.expect("SESSION_READY");
    let event = format!(r#"{{"type":"EVENT_FLOOD","data":"{}"}}"#, "x".repeat(150));
    let records = format!("{}\u{1e}", push(&event)).repeat(200);
    let message = frame(TEXT, records.as_bytes());
    let before = ALLOCATED.load(Ordering::Relaxed);
    let (mut most, mut sent) = (0, 0);
    while sent * message.len() < FLOOD {
        assert!(wire.send(&message), "it left");
        sent += 1;
        most = most.max(ALLOCATED.load(Ordering::Relaxed).saturating_sub(before));
    }
    // it reads and answers all the while: pings waited for us, and another one comes
    wait_until("all is read", || session.figure("pushes") == sent as u64 * 200);
    for _ in 0..2 {
        wire.expect_record(&json!({"type": 6})).expect("a ping");
    }
    let (queued, dropped) = (session.figure("queuedEvents"), session.figure("dropped"));
    // the gap is an event of its own
    assert_eq!(queued - 1 + dropped, sent as u64 * 200);
    assert!(session.figure("queuedBytes") <= QUEUE as u64, "{:?}", session.stats());
    assert!(most < 4 * QUEUE + LITTLE, "{most} bytes for a queue of {QUEUE}");
}

/// What a process holds: open files, threads of the library, and bytes.
#[cfg(target_os = "linux")]
fn held() -> (usize, usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").expect("Linux has it").count();
    (files, support::client::library_threads().len(), ALLOCATED.load(Ordering::Relaxed))
}

/// Sessions whose hub is not there try so often in all. Nothing of it may stay.
#[cfg(target_os = "linux")]
fn fail_to_connect(times: u64) {
    const SESSIONS: u32 = 50;
    let _process = Process::alone();
    // bound, so that nobody else gets it, but not listening
    let taken = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    taken.bind(&std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    let address = taken.local_addr().ok().and_then(|address| address.as_socket()).expect("it has one");
    let soon = |server: u32| json!({"serverId": server, "retryMinMs": 10, "retryMaxMs": 10});
    let url = format!("ws://{address}/gone");
    let sessions: Vec<_> =
        (0..SESSIONS).map(|server| Session::connect(&options(&url, &soon(server)))).collect();
    let attempts = || {
        // a host that polls, or their events would be what grows
        sessions.iter().for_each(|session| drop(session.drain()));
        sessions.iter().map(|session| session.figure("attempts")).sum::<u64>()
    };
    wait_until("they try", || attempts() > times / 10);
    let before = held();
    wait_until("they try and try", || attempts() > times);
    wait_until("nothing is left of it", || {
        let now = held();
        let is_flat = now.0 <= before.0 + SESSIONS as usize && now.1 <= before.1;
        is_flat && now.2 < before.2 + LITTLE
    });
}

#[cfg(target_os = "linux")]
#[test]
fn failed_attempts_leave_nothing_behind() {
    fail_to_connect(5_000);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "it takes minutes: cargo test --test hostile -- --ignored"]
fn a_hundred_thousand_failed_attempts_leave_nothing_behind() {
    fail_to_connect(100_000);
}
