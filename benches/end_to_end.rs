//! Events per second from a socket to a polling host, compared in the same run with a bare tokio-tungstenite reader
//! that only counts messages; and the memory of a wss session.
//!
//! `cargo bench --bench end_to_end [-- ROUNDS]`. Compare ratios: machines differ.

use std::ffi::{CStr, CString, c_char};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use sonoran::ffi::{
    sonoran_connect, sonoran_disconnect, sonoran_free, sonoran_last_error, sonoran_poll_event,
    sonoran_wait_event,
};
use sonoran_hub::{Hub, Options};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Makes this program the host whose memory is measured. Holds its session's options.
const HOST: &str = "SONORAN_BENCH_HOST";

fn main() {
    if let Ok(options) = std::env::var(HOST) {
        return measured_host(&options);
    }
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    println!("events per second, median of {rounds} rounds, sonoran and the bare reader in turn");
    println!("| event | records a message | bare reader | sonoran | ratio |");
    println!("|---|---|---|---|---|");
    for (size, per_message) in [(120, 1), (120, 20), (1_000, 1), (20_000, 1)] {
        compare(size, per_message, rounds);
    }
    memory();
}

/// What a peer sends after any greeting: events.
#[derive(Clone, Copy)]
struct Load {
    size: usize,
    per_message: usize,
    messages: usize,
}

impl Load {
    fn events(self) -> usize {
        self.messages * self.per_message
    }

    fn frame(self) -> Vec<u8> {
        let event =
            |pad: &str| format!(r#"{{"key":"k","type":"EVENT_UNIT_STATUS","data":{{"pad":"{pad}"}}}}"#);
        let event = event(&"x".repeat(self.size - event("").len()));
        let record = format!("{{\"type\":1,\"target\":\"pushEvent\",\"arguments\":[{event}]}}\u{1e}");
        text_frame(&record.repeat(self.per_message))
    }
}

fn compare(size: usize, per_message: usize, rounds: usize) {
    let events = (60_000_000 / (size + 250)).max(3_000);
    let load = Load { size, per_message, messages: events / per_message };
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(load.messages as f64 * per_message as f64 / bare_reader(load).as_secs_f64());
        ours.push(load.events() as f64 / session(load).as_secs_f64());
    }
    let mut ratios: Vec<_> = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    let (bare, ours, ratio) = (median(&mut bare), median(&mut ours), median(&mut ratios));
    println!("| {size} B | {per_message} | {bare:.0} | {ours:.0} | {ratio:.2} |");
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Reads the load as a plain tokio program would, and counts messages.
fn bare_reader(load: Load) -> Duration {
    let address = serve(load, false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("connects");
        let mut socket =
            tokio_tungstenite::WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        let (mut count, mut start) = (0, None);
        while count < load.messages {
            let message = socket.next().await.expect("a message").expect("a good one");
            start.get_or_insert_with(Instant::now);
            count += usize::from(message.is_text());
        }
        start.expect("a first message").elapsed()
    })
}

/// Reads the load with a session, which the host polls once a millisecond.
fn session(load: Load) -> Duration {
    let address = serve(load, true);
    let session = connect(&format!(
        r#"{{"communityId":"c","apiKey":"k","serverId":1,"url":"ws://{address}/","queueEvents":16777216,"queueBytes":2147483647}}"#
    ));
    let (mut count, mut start) = (0, None);
    while count < load.events() {
        let event = sonoran_poll_event(session);
        if event.is_null() {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        if taken(event, |text| text.starts_with(b"{\"key\"")) {
            start.get_or_insert_with(Instant::now);
            count += 1;
        }
    }
    let time = start.expect("a first event").elapsed();
    end(session);
    time
}

fn connect(options: &str) -> i32 {
    let options = CString::new(options).expect("no NUL");
    // SAFETY: a string that outlives the call.
    let session = unsafe { sonoran_connect(options.as_ptr()) };
    // SAFETY: never NULL, and read before the next call.
    assert!(session > 0, "{:?}", unsafe { CStr::from_ptr(sonoran_last_error()) });
    session
}

/// Passes an event of the library to `look`, and releases it.
fn taken<T>(event: *mut c_char, look: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: a string that the library has just returned.
    let looked = look(unsafe { CStr::from_ptr(event) }.to_bytes());
    // SAFETY: as above, and not used again.
    unsafe { sonoran_free(event) };
    looked
}

fn end(session: i32) {
    sonoran_disconnect(session);
    loop {
        let event = sonoran_wait_event(session, 10_000);
        if event.is_null() {
            return;
        }
        taken(event, |_| ());
    }
}

/// Serves one connection, either as a hub or with events only.
fn serve(load: Load, hub: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        if hub {
            greet(&mut stream);
        }
        let frame = load.frame();
        let batch = (256 * 1024 / frame.len()).clamp(1, load.messages);
        let bytes = frame.repeat(batch);
        for first in (0..load.messages).step_by(batch) {
            let frames = batch.min(load.messages - first);
            stream.write_all(&bytes[..frames * frame.len()]).expect("sends");
        }
        // until the client leaves
        let _ = stream.read_to_end(&mut Vec::new());
    });
    address
}

/// The upgrade, the handshake and the answer to `authenticate`.
fn greet(stream: &mut TcpStream) {
    let head = read_until(stream, b"\r\n\r\n");
    let head = String::from_utf8(head).expect("HTTP");
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let accept = derive_accept_key(key.trim().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).expect("sends");
    // client data is masked, and only its arrival matters here
    let _ = stream.read(&mut [0; 4096]).expect("a handshake");
    stream.write_all(&text_frame("{}\u{1e}")).expect("sends");
    let _ = stream.read(&mut [0; 4096]).expect("a ping and the credentials");
    stream
        .write_all(&text_frame("{\"type\":3,\"invocationId\":\"1\",\"result\":{\"success\":true}}\u{1e}"))
        .expect("sends");
}

fn read_until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(end) {
        stream.read_exact(&mut byte).expect("more");
        bytes.extend(byte);
    }
    bytes
}

fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ ..126), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame
}

/// Starts this program again as a host whose memory holds nothing but the session.
fn memory() {
    let folder = std::env::temp_dir().join(format!("sonoran-bench-{}", std::process::id()));
    let options = Options { self_signed: Some(folder.clone()), ..Options::default() };
    let hub = Hub::start(options).expect("a hub with TLS");
    let options = format!(
        r#"{{"communityId":"demo","apiKey":"demo-key","serverId":1,"url":"{}","caFile":"{}"}}"#,
        hub.url(),
        folder.join("ca.pem").display()
    );
    let program = std::env::current_exe().expect("this program");
    let host = std::process::Command::new(program).env(HOST, options).output().expect("runs");
    assert!(host.status.success(), "{}", String::from_utf8_lossy(&host.stderr));
    println!("\n{}", String::from_utf8_lossy(&host.stdout).trim());
    let _ = std::fs::remove_dir_all(folder);
}

fn measured_host(options: &str) {
    let before = resident();
    let session = connect(options);
    loop {
        let event = sonoran_wait_event(session, 30_000);
        assert!(!event.is_null(), "not ready in 30 s");
        if taken(event, |text| text.starts_with(b"{\"type\":\"SESSION_READY\"")) {
            break;
        }
    }
    let after = resident();
    println!(
        "one wss session: {:.1} MB resident ({before} kB before, {after} kB ready)",
        (after - before) as f64 / 1024.0
    );
}

/// This process's resident memory in kB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).expect("Linux")
}
