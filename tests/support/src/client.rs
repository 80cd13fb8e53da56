//! The C API for tests in Rust, without pointers.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::time::Instant;

use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use serde_json::Value;
use serde_json::value::RawValue;
pub use sonoran::ffi;

use crate::PATIENCE;

/// The right to use the library. A test that ends all sessions, or inspects the whole process, takes it
/// exclusively.
#[derive(Debug)]
pub enum Process {
    Shared { _lock: RwLockReadGuard<'static, ()> },
    Alone { _lock: RwLockWriteGuard<'static, ()> },
}

static PROCESS: RwLock<()> = RwLock::new(());

impl Process {
    pub fn shared() -> Self {
        Self::Shared { _lock: PROCESS.read() }
    }

    pub fn alone() -> Self {
        let lock = PROCESS.write();
        // ends what other tests left behind
        shutdown(30_000).expect("all ends");
        Self::Alone { _lock: lock }
    }
}

/// The API keys of this process's sessions. Whatever the library says is searched for them.
static KEYS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes the key in these options, unless it is so short that it may be a part of a word.
fn note_key(options: &str) {
    let options: Value = serde_json::from_str(options).unwrap_or_default();
    let key = options["apiKey"].as_str().filter(|key| key.len() > 4);
    KEYS.lock().extend(key.map(str::to_owned));
}

/// Fails if words of the library hold a key.
#[track_caller]
fn check_words(words: &str) {
    let said = KEYS.lock().iter().any(|key| words.contains(key.as_str()));
    assert!(!said, "an API key is in what the library says: {words:.2000}");
}

/// An event, as the library returned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(pub String);

impl Event {
    pub fn kind(&self) -> String {
        self.member("type").and_then(|kind| serde_json::from_str(kind.get()).ok()).unwrap_or_default()
    }

    /// Fails if a key is in what the library says. What it passes on may hold one: pushes, and results.
    #[track_caller]
    fn checked(self) -> Self {
        match self.kind().as_str() {
            "SESSION_PUSH" | "SESSION_CALL_RESULT" => check_words(&self.message()),
            kind if kind.starts_with("SESSION_") => check_words(&self.0),
            _ => {}
        }
        self
    }

    /// Returns a member of the event, or null if there is none.
    pub fn get(&self, name: &str) -> Value {
        let parse = |member: Box<RawValue>| {
            serde_json::from_str(member.get()).unwrap_or_else(|error| panic!("{self}: {error}"))
        };
        self.member(name).map(parse).unwrap_or_default()
    }

    /// Parses only the first level: the rest may be nested too deeply for a parser.
    fn member(&self, name: &str) -> Option<Box<RawValue>> {
        let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&self.0).ok()?;
        members.remove(name)
    }

    pub fn code(&self) -> String {
        self.get("code").as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        self.get("message").as_str().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.500}", self.0)
    }
}

/// A failed call: its code and its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed(pub i32, pub String);

/// A session. Dropping it disconnects it.
#[derive(Debug, PartialEq, Eq)]
pub struct Session(i32);

impl Session {
    pub fn connect(options: &Value) -> Self {
        Self::try_connect(&options.to_string()).unwrap_or_else(|failed| panic!("{options}: {failed:?}"))
    }

    pub fn try_connect(options: &str) -> Result<Self, Failed> {
        note_key(options);
        let options = c_text(options);
        // SAFETY: a string that outlives the call.
        checked(unsafe { ffi::sonoran_connect(options.as_ptr()) }).map(Self)
    }

    /// Returns a session by number, in whatever state.
    pub fn numbered(number: i32) -> Self {
        Self(number)
    }

    pub fn number(&self) -> i32 {
        self.0
    }

    pub fn poll(&self) -> Option<Event> {
        owned(ffi::sonoran_poll_event(self.0)).map(|text| Event(text).checked())
    }

    pub fn wait(&self, timeout_ms: i32) -> Option<Event> {
        owned(ffi::sonoran_wait_event(self.0, timeout_ms)).map(|text| Event(text).checked())
    }

    /// Waits until another thread ends the wait, which must happen.
    pub fn wait_for_release(&self) -> Option<Event> {
        let started = Instant::now();
        let event = self.wait(i32::try_from(PATIENCE.as_millis()).expect("a minute"));
        assert!(event.is_some() || started.elapsed() < PATIENCE, "nothing ended the wait");
        event
    }

    /// Returns the next event, which must come.
    pub fn next(&self) -> Event {
        let until = Instant::now() + PATIENCE;
        loop {
            // a wake by the test must not count as the end of the wait
            if let Some(event) = self.wait(1_000) {
                return event;
            }
            assert!(Instant::now() < until, "no event came: {:?}", self.stats());
        }
    }

    /// Returns the next event, which must have this type.
    #[track_caller]
    pub fn expect(&self, kind: &str) -> Event {
        let event = self.next();
        assert_eq!(event.kind(), kind, "{event}");
        event
    }

    /// Returns the next event that is not about a failed attempt. It must have this type.
    #[track_caller]
    pub fn expect_after_retries(&self, kind: &str) -> Event {
        let event = loop {
            let event = self.next();
            if !["SESSION_RETRY", "SESSION_REJECTED"].contains(&event.kind().as_str()) {
                break event;
            }
        };
        assert_eq!(event.kind(), kind, "{event}");
        event
    }

    /// Expects the next event to be this text.
    #[track_caller]
    pub fn expect_text(&self, text: &str) {
        let event = self.next();
        assert!(event.0 == text, "expected {text:.500}\narrived {event}");
    }

    /// Returns all queued events.
    pub fn drain(&self) -> Vec<Event> {
        std::iter::from_fn(|| self.poll()).collect()
    }

    /// Returns all events up to and including the first of this type.
    pub fn until(&self, kind: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            events.push(self.next());
            if events.last().is_some_and(|event| event.kind() == kind) {
                return events;
            }
        }
    }

    pub fn wake(&self) -> Result<i32, Failed> {
        checked(ffi::sonoran_wake(self.0))
    }

    pub fn wait_handle(&self) -> isize {
        ffi::sonoran_wait_handle(self.0)
    }

    pub fn disconnect(&self) -> Result<i32, Failed> {
        checked(ffi::sonoran_disconnect(self.0))
    }

    pub fn state(&self) -> i32 {
        ffi::sonoran_state(self.0)
    }

    pub fn stats(&self) -> Option<Value> {
        let text = owned(ffi::sonoran_stats(self.0))?;
        check_words(&text);
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    /// Returns one of the session's figures.
    pub fn figure(&self, name: &str) -> u64 {
        let stats = self.stats().unwrap_or_else(|| panic!("session {}: {}", self.0, last_error()));
        stats[name].as_u64().unwrap_or_else(|| panic!("{name} in {stats}"))
    }

    pub fn invoke(&self, method: &str, arguments: &str) -> Result<i32, Failed> {
        let (method, arguments) = (c_text(method), c_text(arguments));
        // SAFETY: strings that outlive the call.
        checked(unsafe { ffi::sonoran_invoke(self.0, method.as_ptr(), arguments.as_ptr()) })
    }

    pub fn send_unit_locations(&self, updates: &str) -> Result<i32, Failed> {
        let updates = c_text(updates);
        // SAFETY: a string that outlives the call.
        checked(unsafe { ffi::sonoran_send_unit_locations(self.0, updates.as_ptr()) })
    }

    pub fn ingest(&self, body: &str) -> Result<i32, Failed> {
        let body = c_text(body);
        // SAFETY: a string that outlives the call.
        checked(unsafe { ffi::sonoran_ingest(self.0, body.as_ptr()) })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // it may have ended
        let _ = self.disconnect();
    }
}

/// Waits for the first of these sessions that has something. Returns its number, or 0.
pub fn wait_any(sessions: &[i32], timeout_ms: i32) -> Result<i32, Failed> {
    let count = i32::try_from(sessions.len()).expect("not that many");
    // SAFETY: an array of that length that outlives the call.
    checked(unsafe { ffi::sonoran_wait_any(sessions.as_ptr(), count, timeout_ms) })
}

pub fn shutdown(timeout_ms: i32) -> Result<i32, Failed> {
    checked(ffi::sonoran_shutdown(timeout_ms))
}

/// Returns this thread's last error.
pub fn last_error() -> String {
    // SAFETY: never NULL, and valid until this thread's next failing call.
    let words = unsafe { CStr::from_ptr(ffi::sonoran_last_error()) }.to_str().expect("UTF-8").to_owned();
    check_words(&words);
    words
}

/// The library's threads, by number.
#[cfg(target_os = "linux")]
pub fn library_threads() -> Vec<std::path::PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
    let tasks = tasks.filter_map(|task| Some(task.ok()?.path()));
    let ours = |task: &std::path::PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end() == "sonoran")
    };
    tasks.filter(ours).collect()
}

fn checked(code: i32) -> Result<i32, Failed> {
    if code < 0 { Err(Failed(code, last_error())) } else { Ok(code) }
}

fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL in it")
}

/// Copies a string from the library and releases it.
fn owned(string: *mut c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the library's string is NUL-terminated and ours until it is released.
    let text = unsafe { CStr::from_ptr(string) }.to_str().expect("the library's text is UTF-8").to_owned();
    // SAFETY: it is ours, and released once.
    unsafe { ffi::sonoran_free(string) };
    Some(text)
}
