//! The costs of the core: a record, a payload, the queue, and the C API's calls on a tick.
//!
//! `cargo bench --features internals --bench core`

use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sonoran::ffi::{
    SONORAN_STATE_READY, sonoran_connect, sonoran_free, sonoran_poll_event, sonoran_send_unit_locations,
    sonoran_shutdown, sonoran_state, sonoran_stats,
};
use sonoran::internals::{Connection, Queue, unit_updates};
use sonoran_hub::{Burst, Hub, Options};

#[path = "wire/src/payload.rs"]
mod payload;
use payload::{event, record};

fn records(criterion: &mut Criterion) {
    for (size, units) in [("120 B", 0), ("1 KB", 3), ("20 KB", 63)] {
        let mut group = criterion.benchmark_group(size);
        group.throughput(Throughput::Elements(1));
        let event = event(1, units);
        let text = serde_json::Value::from(event.as_str()).to_string();
        for (name, record, strip) in [
            ("record to event", record(&event), false),
            ("record to event, key stripped", record(&event), true),
            ("record to event, payload as a string", record(&text), false),
        ] {
            let mut connection = Connection::new(strip);
            connection.receive(b"{}\x1e", |_| ()).expect("a handshake");
            group.bench_function(name, |bencher| {
                bencher.iter(|| connection.receive(record.as_bytes(), |event| _ = black_box(event.len())));
            });
        }
        group.bench_function("queue push and pop", |bencher| {
            let mut queue = Queue::new(65_536, 64 << 20);
            bencher.iter(|| {
                queue.push(black_box(&event));
                queue.pop()
            });
        });
        group.finish();
    }
}

/// Returns a ready session and its hub.
fn session() -> (Hub, i32) {
    let hub = Hub::start(Options::default()).expect("a hub");
    let options = format!(
        r#"{{"communityId":"demo","apiKey":"demo-key","serverId":1,"url":"{}","queueEvents":16777216,"queueBytes":2147483647}}"#,
        hub.url()
    );
    let options = CString::new(options).expect("no NUL");
    // SAFETY: a string that outlives the call.
    let session = unsafe { sonoran_connect(options.as_ptr()) };
    while sonoran_state(session) != SONORAN_STATE_READY {
        std::thread::sleep(Duration::from_millis(1));
    }
    poll_and_free(session);
    (hub, session)
}

fn poll_and_free(session: i32) {
    // SAFETY: a string that the library has just returned, or NULL.
    unsafe { sonoran_free(sonoran_poll_event(session)) };
}

/// Returns the number of queued events.
fn queued(session: i32) -> u64 {
    let stats = sonoran_stats(session);
    // SAFETY: a string that the library has just returned.
    let text = unsafe { CStr::from_ptr(stats) };
    let figures: serde_json::Value = serde_json::from_slice(text.to_bytes()).expect("JSON");
    // SAFETY: as above, and not used again.
    unsafe { sonoran_free(stats) };
    figures["queuedEvents"].as_u64().expect("a number")
}

fn c_api(criterion: &mut Criterion) {
    let (hub, session) = session();
    let mut group = criterion.benchmark_group("C API");
    group.bench_function("poll, nothing there", |bencher| {
        bencher.iter(|| sonoran_poll_event(black_box(session)))
    });
    group.bench_function("poll and free, 120 B", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut burst = Burst::new("demo", 1, rounds);
            burst.size = 20;
            let _ = hub.wait(hub.burst(burst));
            while queued(session) < rounds {
                std::thread::sleep(Duration::from_millis(1));
            }
            let start = Instant::now();
            for _ in 0..rounds {
                poll_and_free(session);
            }
            start.elapsed()
        });
    });
    let units: Vec<_> = (0..100)
        .map(|id| format!(r#"{{"communityUserId":"license:{id:032x}","location":"Vinewood Blvd / Alta St","coordinates":{{"x":{id}.25,"y":-1038.5,"z":30.1,"w":90.0}}}}"#))
        .collect();
    let units = format!("[{}]", units.join(","));
    assert_eq!(unit_updates(&units), Ok(100));
    let units = CString::new(units).expect("no NUL");
    group.bench_function("send 100 unit locations", |bencher| {
        bencher.iter_batched(
            || (),
            // SAFETY: a string that outlives the call.
            |()| unsafe { sonoran_send_unit_locations(session, units.as_ptr()) },
            BatchSize::SmallInput,
        );
    });
    group.finish();
    sonoran_shutdown(5_000);
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = records, c_api
}
criterion_main!(benches);
