//! A session of the library, through its C API.

use std::ffi::{CStr, CString, c_char};

use serde_json::Value;
use sonoran::ffi;

/// A session. Dropping it says goodbye.
#[derive(Debug)]
pub(crate) struct Session(i32);

impl Session {
    /// Opens a session. The error is the library's sentence, which never quotes the key.
    pub(crate) fn connect(options: &str) -> Result<Self, String> {
        let options = CString::new(options).map_err(|_| "the options contain a NUL".to_owned())?;
        // SAFETY: a string that outlives the call.
        match unsafe { ffi::sonoran_connect(options.as_ptr()) } {
            session if session > 0 => Ok(Self(session)),
            _ => Err(last_error()),
        }
    }

    /// The next event, if one arrives within `timeout_ms`.
    pub(crate) fn wait(&self, timeout_ms: i32) -> Option<String> {
        owned(ffi::sonoran_wait_event(self.0, timeout_ms))
    }

    /// Says goodbye; SESSION_CLOSED follows.
    pub(crate) fn disconnect(&self) {
        ffi::sonoran_disconnect(self.0);
    }

    /// Whether SESSION_CLOSED is yet to be polled.
    pub(crate) fn is_alive(&self) -> bool {
        ffi::sonoran_state(self.0) > 0
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.disconnect();
        ffi::sonoran_shutdown(2_000);
    }
}

/// The members of one of the library's own events.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) kind: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) whole: Value,
}

impl Notice {
    /// Reads an event. `None`: it is a push.
    pub(crate) fn read(event: &str) -> Option<Self> {
        // a push may nest deeper than this parser goes; the library's own events do not
        let whole: Value = serde_json::from_str(event).ok()?;
        let text = |name| whole.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, code, message) = (text("type"), text("code"), text("message"));
        kind.starts_with("SESSION_").then_some(Self { kind, code, message, whole })
    }

    /// Whether the hub said goodbye and did not ask the session to come back.
    pub(crate) fn was_sent_away(&self) -> bool {
        self.whole.get("allowReconnect") == Some(&Value::Bool(false))
    }
}

fn owned(text: *mut c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, so a string of the library that we own until we free it.
    let copy = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: as above; it is freed once.
    unsafe { ffi::sonoran_free(text) };
    Some(copy)
}

fn last_error() -> String {
    // SAFETY: never NULL, and valid until this thread's next failing call.
    unsafe { CStr::from_ptr(ffi::sonoran_last_error()) }.to_string_lossy().into_owned()
}
