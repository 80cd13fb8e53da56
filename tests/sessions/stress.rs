//! Any call, at any time, from any thread.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hub::{Hub, KEY, event, lasting_port};
use support::client::{Process, Session, ffi, shutdown};
use support::wait_until;

const THREADS: u64 = 8;
const LASTS: Duration = Duration::from_millis(1_500);

/// Pseudo-random numbers: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn random_calls_from_many_threads() {
    let process = Process::alone();
    let hub = Hub::start(&process);
    let nobody = format!("ws://127.0.0.1:{}/hub", lasting_port());
    let first = Session::connect(&hub.options(1, &json!({}))).number();
    let until = Instant::now() + LASTS;
    thread::scope(|scope| {
        for seed in 1..=THREADS {
            let (hub, nobody) = (&hub, nobody.as_str());
            scope.spawn(move || {
                let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                while Instant::now() < until {
                    call(hub, nobody, first, &mut dice);
                }
            });
        }
        scope.spawn(|| {
            while Instant::now() < until {
                hub.wait(sonoran_hub::Hub::burst(&hub, sonoran_hub::Burst::new("demo", 1, 50)));
                hub.abort(Some(2));
                thread::sleep(Duration::from_millis(3));
            }
        });
    });
    shutdown(30_000).expect("all ends");
    #[cfg(target_os = "linux")]
    wait_until("the threads are gone", || support::client::library_threads().is_empty());
    hub.when("all have left", |hub| hub.sessions().is_empty());
    let session = hub.ready(1, &json!({}));
    hub.push(1, &event(1));
    session.expect_text(&event(1));
}

/// Makes one random call. Whatever it returns, nothing breaks.
fn call(hub: &Hub, nobody: &str, first: i32, dice: &mut Dice) {
    // a session that may exist, may have ended, or is yet to come
    let number = first + i32::try_from(dice.below(40)).expect("small");
    let session = std::mem::ManuallyDrop::new(Session::numbered(number));
    match dice.below(100) {
        0..5 => {
            let server = u32::try_from(1 + dice.below(3)).expect("small");
            let mut options =
                hub.options(server, &json!({"idleCloseMs": 1000, "queueEvents": 1 + dice.below(20)}));
            if dice.below(4) == 0 {
                options["url"] = json!(nobody);
            }
            if let Ok(opened) = Session::try_connect(&options.to_string()) {
                // leave it to the others
                std::mem::forget(opened);
            }
        }
        5..8 => _ = session.disconnect(),
        8 if dice.below(10) == 0 => _ = shutdown(i32::try_from(dice.below(500)).expect("small")),
        8..15 => _ = session.wake(),
        15 => _ = session.wait_handle(),
        16..20 => _ = support::client::wait_any(&[number, first, number + 1], 3),
        20..30 => _ = session.wait(i32::try_from(dice.below(5)).expect("small")),
        30..60 => _ = session.poll(),
        60..70 => _ = session.stats(),
        70..75 => _ = session.state(),
        75..85 => _ = session.invoke("echo", &format!("[{}]", dice.below(10))),
        85..90 => {
            _ = session.send_unit_locations(&format!(r#"[{{"identId":{},"location":"L"}}]"#, dice.below(50)))
        }
        90..95 => _ = session.ingest(&format!(r#"{{"key":"{KEY}","type":"EVENT_TONE"}}"#)),
        95 => _ = Session::try_connect("{\"apiKey\":7"),
        96 => _ = session.ingest("{"),
        // SAFETY: NULL is fine.
        97 => unsafe { ffi::sonoran_free(std::ptr::null_mut()) },
        // SAFETY: NULL is refused.
        98 => _ = unsafe { ffi::sonoran_invoke(number, std::ptr::null(), std::ptr::null()) },
        _ => _ = ffi::sonoran_error_name(i32::try_from(dice.below(40)).expect("small") - 35),
    }
}
