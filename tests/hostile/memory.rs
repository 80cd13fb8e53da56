//! What a hub that sends much leaves in memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::case::{Peer, options};
use support::client::{Process, Session};
use support::wait_until;

/// Counts what is allocated in this process.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
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
