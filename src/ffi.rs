//! sonoran.h: events from Sonoran CAD's websocket hub for a game server, over a C ABI.
//!
//! WHAT THIS IS
//!
//! Sonoran CAD pushes events (911 calls, unit status, panic buttons) to game servers. This library
//! keeps one websocket session per CAD server open on threads of its own, authenticates, comes back
//! by itself after any outage, and queues what the hub pushes. The host asks for the next event
//! whenever it likes, usually once per game tick. No call blocks unless its name says so, nothing
//! is called back, and nothing the hub or the network does can stop the host.
//!
//! QUICK START
//!
//! ```c
//!     sonoran_session s = sonoran_connect(
//!         "{\"communityId\":\"abc\",\"apiKey\":\"...\",\"serverId\":1}");
//!     if (s < 0) puts(sonoran_last_error());
//!     for (;;) {                                   // your tick
//!         char *event;
//!         while ((event = sonoran_poll_event(s)) != NULL) {
//!             puts(event);                         // {"key":"...","type":"EVENT_911","data":...}
//!             sonoran_free(event);
//!         }
//!     }
//! ```
//!
//! STRINGS
//!
//! All text is UTF-8 and ends with a NUL byte. A `char *` that a function returns is yours: give it
//! to sonoran_free, never to free() or delete. A `const char *` that a function returns belongs to
//! the library: never free it. Text that you pass in is read before the call returns and not kept.
//! Text from the library never contains a NUL byte before its end.
//!
//! THREADS
//!
//! Every function may be called from any thread at any time. Several threads may poll one session;
//! each event goes to exactly one of them. The library starts no thread before the first
//! sonoran_connect. After fork() a child of a process that has connected gets SONORAN_E_FORKED from
//! every function that takes a session, and from connect and shutdown; a process that forks first and
//! connects afterwards is fine.
//!
//! EVENTS
//!
//! One ordered stream per session; each event is a JSON object with a string `type`.
//!
//! A push is an event from the CAD: `{"key":...,"type":"EVENT_UNIT_STATUS","data":...}`, the text that
//! the hub sent, byte for byte: numbers, escapes, key order and white space are untouched. It is the
//! body that the CAD sends to game servers by HTTP POST, so code that parsed those keeps working. Where
//! the hub sends the object as a JSON string, the string's content is the event. `key` is the
//! community's API key in plain text: set the option `eventKey` to `"strip"` if the event goes on to
//! other code. Nesting has no limit but `maxMessageBytes`: mind that of your JSON parser.
//!
//! What the library has to say has a `type` that starts with `SESSION_`. No push can look like that:
//! one whose own type starts so, in any case, arrives inside a SESSION_PUSH. Each has a `code` for
//! programs and a `message` for people, one sentence. `retryInMs` says when the next attempt follows.
//!
//! ```text
//!     SESSION_READY           authenticated; pushes flow. serverId, method, and resumed: true when
//!                             this session took over a live connection
//!     SESSION_LOST            a ready link ended. code, message, retryInMs
//!     SESSION_RETRY           an attempt to connect failed. code, message, attempt (failures in a row,
//!                             a lost link among them), retryInMs
//!     SESSION_REJECTED        the hub refused the credentials. message has its own words. retryInMs
//!     SESSION_EVENTS_DROPPED  stands where pushes are missing because the queue was full. count
//!     SESSION_PUSH            a push that is no object with a string `type`, or whose type is
//!                             reserved, or what came beside a push. arguments: what the hub sent,
//!                             as it sent it but for a `key` that is to be stripped
//!     SESSION_CALL_RESULT     how a call of sonoran_invoke ended. id, method, code: ok (then result, as
//!                             the hub wrote it), error, timeout or lost
//!     SESSION_UNITS_REJECTED  the hub refused a call with locations of units. message has its words,
//!                             count: units in the call, suppressed: refusals since the last one told
//!     SESSION_CLOSED          the last event of a session. code: disconnected or idle
//!     SESSION_LOG             only with the option `log`. level, message
//! ```
//!
//! Codes of LOST, RETRY and REJECTED: dns, connect, tls, http, timeout, handshake, protocol, closed,
//! lost, silent, call-timeout, rejected, internal. New types and codes may be added: ignore what you
//! do not know. The hub may push before it has answered the authentication; such a push is
//! delivered and stands ahead of SESSION_READY.
//!
//! THE QUEUE
//!
//! Events wait until they are polled, up to `queueEvents` and `queueBytes`. Past that the oldest push
//! goes; what the library itself says is never dropped. A session that is neither polled nor sent on
//! for `idleCloseMs` (five minutes) is closed, so that a forgotten one does not swallow events.
//!
//! OPTIONS OF sonoran_connect
//!
//! One JSON object. An unknown key, a wrong type or a value out of range is refused, and
//! sonoran_last_error names it. Times are whole milliseconds.
//!
//! ```text
//!     communityId, apiKey     required, not empty
//!     serverId                0 to 2147483647, or the same as a string of digits; absent or null:
//!                             the session can send but gets no pushes
//!     url                     http, https, ws or wss (https://api.sonorancad.com/apiWsHub)
//!     mode                    "production" or "development" (its staging hub); not with url
//!     authMethod              "auto", "authenticate" or "authenticatev2" ("auto": the first, and
//!                             where the hub does not know it or its arguments, the second)
//!     negotiate               false; true is not supported yet
//!     connectTimeoutMs        15000    100 to 300000; DNS, TCP, TLS and the HTTP upgrade together
//!     handshakeTimeoutMs      15000    100 to 300000
//!     callTimeoutMs           30000    100 to 600000; authentication and hub calls
//!     keepAliveMs             15000    100 to 600000; a ping goes out when nothing else did
//!     serverTimeoutMs         30000    200 to 3600000, at least keepAliveMs; silence that means the link is dead
//!     retryMinMs, retryMaxMs  1000, 60000      10 to 3600000; see RECONNECTING
//!     stableMs                30000    0 to 3600000
//!     authRetryMinMs, authRetryMaxMs  30000, 300000    1000 to 86400000
//!     queueEvents             65536    1 to 16777216
//!     queueBytes              67108864 1024 to 2147483647
//!     maxMessageBytes         16777216 1024 to 1073741824; the largest record the hub may send
//!     unitIntervalMs          250      200 to 60000; see sonoran_send_unit_locations
//!     eventKey                "keep" or "strip": remove the push's top-level `key`
//!     replace                 true; false: refuse a second session for one url, community, server
//!     idleCloseMs             300000   0 (never), or 1000 to 86400000
//!     caFile                  path of a PEM file with further root certificates
//!     insecureTls             false; true: do not verify the hub's certificate
//!     proxy                   not supported yet
//!     headers                 object of further HTTP headers for the upgrade
//!     log                     "off", "error", "warn", "info" or "debug": SESSION_LOG events
//! ```
//!
//! RECONNECTING
//!
//! For ever, the first connect included. The n-th delay is random between 0 and the smaller of
//! retryMaxMs and retryMinMs * 2^n, so that servers do not come back in step; a Retry-After of the hub
//! is honoured. A link that stayed up for stableMs after authenticating starts the series anew. After
//! the hub refused the credentials the delays are between authRetryMinMs and authRetryMaxMs.
//!
//! WHAT WE DO TO YOUR PROCESS
//!
//! Two kinds of threads, named sonoran: one that runs all sessions, and a few for DNS that come and
//! go. Signals are blocked on them, and no write of ours raises SIGPIPE anywhere. No signal handler,
//! no atexit hook, no output, no change of environment, locale or memory allocator. One fork handler
//! that sets a flag. The library stays mapped once loaded: dlclose and FreeLibrary are safe and do
//! nothing. Call sonoran_shutdown before you exit if you want the sessions to say goodbye; exiting
//! without it is safe. No panic or exception leaves a function.
//!
//! ERRORS
//!
//! Functions that return a number return a negative SONORAN_E_ code on failure; functions that return
//! a string return NULL. sonoran_last_error has the sentence. Codes are never renumbered; new ones may
//! be added inside the ranges: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::Error;
use crate::session::State;
use crate::{registry, sys};

/// A session: a positive number, never used twice in a process. A number that is not or no longer a
/// session gives SONORAN_E_SESSION everywhere.
#[allow(non_camel_case_types, reason = "the C name of the type")]
pub type sonoran_session = i32;

/// An argument is NULL, is not UTF-8, or is out of range.
pub const SONORAN_E_ARGUMENT: i32 = -1;
/// A text is not the JSON that was expected.
pub const SONORAN_E_JSON: i32 = -2;
/// An option is unknown, missing, of the wrong type or out of range.
pub const SONORAN_E_OPTION: i32 = -3;
/// A text is too large.
pub const SONORAN_E_TOO_LARGE: i32 = -4;
/// A unit update is not as documented.
pub const SONORAN_E_UNIT: i32 = -5;
/// A body does not carry this session's API key.
pub const SONORAN_E_KEY: i32 = -6;
/// There is no session with this number, or it has ended and its last event was polled.
pub const SONORAN_E_SESSION: i32 = -10;
/// A session for this url, community and server exists, and `replace` is false.
pub const SONORAN_E_EXISTS: i32 = -11;
/// The session is not authenticated at the moment.
pub const SONORAN_E_NOT_READY: i32 = -12;
/// The session has ended; what it had queued can still be polled.
pub const SONORAN_E_CLOSED: i32 = -13;
/// Too much waits already.
pub const SONORAN_E_BUSY: i32 = -14;
/// This process is a fork of one that had connected.
pub const SONORAN_E_FORKED: i32 = -20;
/// The operating system refused a thread or another resource.
pub const SONORAN_E_SYSTEM: i32 = -21;
/// Not everything had ended when the time was up.
pub const SONORAN_E_TIMEOUT: i32 = -22;
/// A defect of the library. The session goes on where it can.
pub const SONORAN_E_INTERNAL: i32 = -29;

/// The session resolves, connects or shakes hands.
pub const SONORAN_STATE_CONNECTING: i32 = 1;
/// The session waits for the hub's answer to its credentials.
pub const SONORAN_STATE_AUTHENTICATING: i32 = 2;
/// The session is authenticated.
pub const SONORAN_STATE_READY: i32 = 3;
/// The session waits before its next attempt.
pub const SONORAN_STATE_RETRYING: i32 = 4;
/// The session has ended. What it had queued can still be polled.
pub const SONORAN_STATE_CLOSED: i32 = 5;

/// Opens a session. Returns its number (> 0) at once; whether it got through is told by events.
///
/// `options_json`: see OPTIONS above. A session for the same url, community and server that is still
/// open or was not polled to its end is replaced (unless `replace` is false): its number goes dead,
/// the new session takes over its undelivered events, and, where the options are the same, the live
/// connection itself, so that nothing is lost when a plugin restarts.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_OPTION, SONORAN_E_TOO_LARGE (over 1 MiB),
/// SONORAN_E_EXISTS, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Does not block on the network; `caFile` is
/// read before it returns. The first call starts the library's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_connect(options_json: *const c_char) -> sonoran_session {
    number(|| {
        // SAFETY: by contract NULL or a string that stays valid during the call.
        let options = unsafe { text("options_json", options_json, MAX_TEXT) }?;
        #[cfg(feature = "test-panic")]
        assert_ne!(options, "panic", "as asked");
        registry::connect(options)
    })
}

/// Returns the session's next event, or NULL when there is none.
///
/// The string is yours: release it with sonoran_free. Never blocks, never does IO, and allocates
/// nothing while there is no event. Call it until it returns NULL, or as often as your tick allows.
/// NULL also stands for an error; sonoran_state tells the two apart.
///
/// Errors (NULL, with sonoran_last_error): the session is unknown or has ended. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_poll_event(session: sonoran_session) -> *mut c_char {
    string(|| registry::poll(session))
}

/// Releases a string that a function of this library returned as `char *`. NULL is fine.
///
/// Never give it another pointer, or one twice. Any thread; does not block. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_free(string: *mut c_char) {
    if !string.is_null() {
        // SAFETY: by contract a pointer that `string` gave out and that was not yet released.
        drop(unsafe { CString::from_raw(string) });
    }
}

/// Waits for the session's next event: as sonoran_poll_event, for a thread that has nothing else to do.
///
/// `timeout_ms`: 0 does not wait, a negative number waits without limit. Returns NULL when the time
/// is up, when sonoran_wake was called, or on an error. Blocks the calling thread only. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_wait_event(session: sonoran_session, timeout_ms: i32) -> *mut c_char {
    string(|| {
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        registry::wait(session, timeout)
    })
}

/// Makes the current sonoran_wait_event of this session, or else the next one, return NULL once.
///
/// Returns 0, SONORAN_E_SESSION or SONORAN_E_FORKED. Any thread; does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_wake(session: sonoran_session) -> i32 {
    number(|| registry::wake(session).map(|()| 0))
}

/// Ends a session. Returns 0 at once; the connection says goodbye in the background.
///
/// What is queued can still be polled; SESSION_CLOSED is the last event, and with it the number goes
/// dead. Events that nobody polls go to the next session for the same url, community and server, or
/// are dropped by sonoran_shutdown. Calling it twice is fine.
///
/// Errors: SONORAN_E_SESSION, SONORAN_E_FORKED. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_disconnect(session: sonoran_session) -> i32 {
    number(|| registry::disconnect(session).map(|()| 0))
}

/// Returns a SONORAN_STATE_ number, SONORAN_E_SESSION or SONORAN_E_FORKED.
///
/// It is the state of this moment, which may be ahead of the events. Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_state(session: sonoran_session) -> i32 {
    number(|| {
        Ok(match registry::state(session)? {
            State::Connecting => SONORAN_STATE_CONNECTING,
            State::Authenticating => SONORAN_STATE_AUTHENTICATING,
            State::Ready { .. } => SONORAN_STATE_READY,
            State::Retrying => SONORAN_STATE_RETRYING,
            State::Closed => SONORAN_STATE_CLOSED,
        })
    })
}

/// Calls a method of the hub. Returns the request's number (> 0) at once.
///
/// `method`: its name. `arguments_json`: a JSON array of its arguments, sent as it is. Exactly one
/// SESSION_CALL_RESULT with this number as `id` follows, and is never dropped: the hub's result, its
/// error, `timeout` after callTimeoutMs, or `lost` when the link or the session ended first. The hub
/// runs the calls of a session one after the other.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_TOO_LARGE (the hub takes 32 KiB a call),
/// SONORAN_E_NOT_READY, SONORAN_E_BUSY (256 calls have no result, or 4096 events of the library wait to
/// be polled), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_invoke(
    session: sonoran_session,
    method: *const c_char,
    arguments_json: *const c_char,
) -> i32 {
    number(|| {
        // SAFETY: by contract NULL or a string that stays valid during the call.
        let method = unsafe { text("method", method, MAX_TEXT) }?;
        let session = registry::get(session)?;
        // SAFETY: as above.
        session.invoke(method, unsafe { text("arguments_json", arguments_json, MAX_TEXT) }?)
    })
}

/// Takes the locations of units. Returns 0; they go out when the hub may have them.
///
/// `updates_json`: an array of objects as Sonoran documents them for the hub's `unitLocation`:
/// `location` (a string) and one of `communityUserId`, `roblox` (a number), `apiId` or `identId`;
/// perhaps `coordinates` ({x, y, z, w}), `peerId` and `vehicle`. Unknown fields pass as they are. One
/// bad update refuses all of them, and sonoran_last_error names it and the field.
///
/// Give every unit on every tick if you like: the newest location of each unit is sent, in calls of at
/// most 25 units and 32 KiB that are at least unitIntervalMs apart, the unit that waits longest first.
/// A location that has not changed is not sent again for 10 seconds. What was not sent or not answered
/// survives a reconnect. Where the hub finds the calls too fast they get slower by themselves; any other
/// refusal of the hub is told by SESSION_UNITS_REJECTED, at most once a minute.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_UNIT, SONORAN_E_TOO_LARGE (over 1 MiB),
/// SONORAN_E_BUSY (10000 units wait), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Costs the
/// caller one parse; does not block. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_send_unit_locations(
    session: sonoran_session,
    updates_json: *const c_char,
) -> i32 {
    number(|| {
        // SAFETY: by contract NULL or a string that stays valid during the call.
        let updates = unsafe { text("updates_json", updates_json, MAX_TEXT) }?;
        registry::get(session)?.send_unit_locations(updates).map(|()| 0)
    })
}

/// Takes a push that reached the host by HTTP POST while no session was up. Returns 0; the event joins
/// the session's stream under the same rules (`eventKey`, bounds, order of arrival).
///
/// `body`: what was posted: an object whose `key` is this session's API key (compared without regard to
/// case, in constant time) and whose `type` is a string. Anything else queues nothing.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_KEY (answer as to a stranger),
/// SONORAN_E_TOO_LARGE (over maxMessageBytes), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED.
/// Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_ingest(session: sonoran_session, body: *const c_char) -> i32 {
    number(|| {
        // SAFETY: by contract NULL or a string that stays valid during the call.
        let body = unsafe { text("body", body, usize::MAX) }?; // the session knows how much it takes
        registry::get(session)?.ingest(body).map(|()| 0)
    })
}

/// Returns the session's figures as a JSON object, to be released with sonoran_free.
///
/// ```text
///     session, state          its number; connecting, authenticating, ready, retrying or closed
///     pushes                  pushes received
///     delivered               events polled, of any kind
///     dropped                 pushes dropped because the queue was full
///     queuedEvents            events that wait to be polled
///     queuedBytes             their size
///     receivedBytes           bytes of hub messages received, without TLS and websocket framing
///     pendingUnits            units that wait to be sent or for the hub's answer
///     unknownMessages         messages of the hub for methods or calls unknown to us, ignored
///     attempts                connections tried
///     ready                   times the session became ready
///     readyMs                 how long the link has been ready now; 0 when it is not
///     lastError               the sentence of the last failure, or null
/// ```
///
/// Errors (NULL): the session is unknown or has ended. Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_stats(session: sonoran_session) -> *mut c_char {
    string(|| Ok(CString::new(registry::stats(session)?).ok()))
}

/// Returns what went wrong in the calling thread's last call that failed: one sentence that names the
/// field or the cause. Never NULL; empty when nothing failed yet.
///
/// The library's: valid until this thread's next failing call, never to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_last_error() -> *const c_char {
    let last = LAST_ERROR.try_with(|last| last.borrow().as_ref().map(|text| text.as_ptr()));
    last.ok().flatten().unwrap_or(c"".as_ptr())
}

/// Returns the name of an error code, such as "SONORAN_E_OPTION"; for any other number "unknown".
///
/// The library's: valid for ever, never to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_error_name(code: i32) -> *const c_char {
    match code {
        0 => c"ok",
        SONORAN_E_ARGUMENT => c"SONORAN_E_ARGUMENT",
        SONORAN_E_JSON => c"SONORAN_E_JSON",
        SONORAN_E_OPTION => c"SONORAN_E_OPTION",
        SONORAN_E_TOO_LARGE => c"SONORAN_E_TOO_LARGE",
        SONORAN_E_UNIT => c"SONORAN_E_UNIT",
        SONORAN_E_KEY => c"SONORAN_E_KEY",
        SONORAN_E_SESSION => c"SONORAN_E_SESSION",
        SONORAN_E_EXISTS => c"SONORAN_E_EXISTS",
        SONORAN_E_NOT_READY => c"SONORAN_E_NOT_READY",
        SONORAN_E_CLOSED => c"SONORAN_E_CLOSED",
        SONORAN_E_BUSY => c"SONORAN_E_BUSY",
        SONORAN_E_FORKED => c"SONORAN_E_FORKED",
        SONORAN_E_SYSTEM => c"SONORAN_E_SYSTEM",
        SONORAN_E_TIMEOUT => c"SONORAN_E_TIMEOUT",
        SONORAN_E_INTERNAL => c"SONORAN_E_INTERNAL",
        _ => c"unknown",
    }
    .as_ptr()
}

/// Returns the version of the loaded library, such as "0.1.0"; SONORAN_VERSION is that of the header.
///
/// The library's: valid for ever, never to be freed. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Ends all sessions and the library's threads. Every session's number goes dead and what was not
/// polled is dropped: to lose nothing, sonoran_disconnect and poll to SESSION_CLOSED first.
///
/// `timeout_ms`: how long to wait for the goodbyes and the threads; negative counts as 0. Returns how
/// many events were dropped (0 or more), or SONORAN_E_TIMEOUT when a thread still ran: it is left to
/// end alone. sonoran_connect may follow. Blocks up to the timeout; call it from one thread.
///
/// Errors: SONORAN_E_TIMEOUT, SONORAN_E_FORKED. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_shutdown(timeout_ms: i32) -> i32 {
    number(|| registry::shutdown(Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))))
}

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => c"",
};

/// The largest text that a host may pass in, in bytes.
const MAX_TEXT: usize = 1 << 20;

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Runs the body of an exported function that returns a number: on failure the error's code.
fn number(body: impl FnOnce() -> Result<i32, Error>) -> i32 {
    guard(body).unwrap_or_else(|error| code(&error))
}

/// Runs the body of an exported function that returns a string for the host to own: on failure NULL.
fn string(body: impl FnOnce() -> Result<Option<CString>, Error>) -> *mut c_char {
    guard(body).ok().flatten().map_or(std::ptr::null_mut(), CString::into_raw)
}

/// Runs `body`: nothing unwinds out of it, nothing runs in a forked child, and `sonoran_last_error` explains
/// a failure.
fn guard<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let guarded = || if sys::forked() { Err(Error::Forked) } else { body() };
    let result = catch_unwind(AssertUnwindSafe(|| sys::quietly(guarded)));
    result.unwrap_or(Err(Error::Internal)).inspect_err(remember)
}

fn remember(error: &Error) {
    let text = CString::new(error.to_string().replace('\0', "\u{fffd}")).unwrap_or_default();
    // a thread that is ending has no place for it any more, and the code was returned all the same
    let _ = LAST_ERROR.try_with(|last| last.replace(Some(text)));
}

/// The host's argument as text.
///
/// # Safety
/// The pointer is NULL, or a NUL-terminated string that stays valid and unchanged for `'a`.
unsafe fn text<'a>(argument: &'static str, pointer: *const c_char, most: usize) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(Error::Null(argument));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    if bytes.len() > most {
        return Err(Error::TooLarge { argument, bytes: bytes.len(), most });
    }
    std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 { argument, at: error.valid_up_to() })
}

/// The number that stands for an error in C.
fn code(error: &Error) -> i32 {
    match error {
        Error::Null(_) | Error::NotUtf8 { .. } => SONORAN_E_ARGUMENT,
        Error::Json { .. } => SONORAN_E_JSON,
        Error::Option { .. } => SONORAN_E_OPTION,
        Error::TooLarge { .. } => SONORAN_E_TOO_LARGE,
        Error::NoSession(_) => SONORAN_E_SESSION,
        Error::Unit(_) => SONORAN_E_UNIT,
        Error::Key => SONORAN_E_KEY,
        Error::Exists(_) => SONORAN_E_EXISTS,
        Error::NotReady => SONORAN_E_NOT_READY,
        Error::Closed => SONORAN_E_CLOSED,
        Error::Busy(_) => SONORAN_E_BUSY,
        Error::Forked => SONORAN_E_FORKED,
        Error::System { .. } => SONORAN_E_SYSTEM,
        Error::Timeout => SONORAN_E_TIMEOUT,
        Error::Internal => SONORAN_E_INTERNAL,
    }
}
