//! sonoran.h: events from Sonoran CAD's websocket hub for game servers, over a C ABI.
//!
//! WHAT THIS IS
//!
//! Sonoran CAD pushes events (911 calls, unit status, panic buttons) to game servers. This library
//! keeps one websocket session per CAD server open on its own threads, authenticates, reconnects by
//! itself after any outage, and queues what the hub pushes. The host asks for the next event whenever
//! it likes, usually once per game tick. No call blocks unless its documentation says so, the library
//! never calls back into the host, and nothing the hub or the network does can stop the host.
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
//! All text is UTF-8 and ends with a NUL byte; text from the library contains no other NUL. A `char *`
//! that a function returns is yours: release it with sonoran_free, never with free() or delete, and do
//! not write to it. A `const char *` that a function returns belongs to the library: never free it. The
//! library reads the text that you pass in before the call returns, and keeps no pointer to it.
//!
//! THREADS
//!
//! Call any function from any thread at any time. Several threads may poll one session; each event goes
//! to exactly one of them. The library starts no thread before the first sonoran_connect. After fork()
//! in a process that has connected, the child gets SONORAN_E_FORKED from every function that takes a
//! session, and from sonoran_connect and sonoran_shutdown. A process that forks first and connects
//! afterwards works.
//!
//! EVENTS
//!
//! Each session has one ordered stream of events. An event is a JSON object with a string `type`.
//!
//! A push is an event from the CAD: `{"key":...,"type":"EVENT_UNIT_STATUS","data":...}`. You get the text
//! that the hub sent, byte for byte: numbers, escapes, key order and white space are untouched. The CAD
//! sends the same body to game servers by HTTP POST, so code that parses those keeps working. Where the
//! hub sends the object as a JSON string, the event is that string's content. `key` is the community's
//! API key in plain text: set the option `eventKey` to `"strip"` if you pass events on to other code. Only
//! `maxMessageBytes` limits how deep a push nests: mind the limits of your JSON parser.
//!
//! Events of the library itself have a `type` that starts with `SESSION_`. No push can pass for one: a push
//! whose own type starts that way, in any letter case, arrives inside a SESSION_PUSH. Each of these events
//! has a `code` for programs and a `message` for people, of at most 2048 bytes; a longer one is cut and says
//! so. `retryInMs` is the time until the next attempt.
//!
//! ```text
//!     SESSION_READY           authenticated; pushes flow. code: ready. serverId; method; resumed: true
//!                             if this session took over or joined a live connection
//!     SESSION_LOST            a ready link ended. code: below. retryInMs. allowReconnect, if the hub said
//!                             goodbye: whether it asked the session to come back
//!     SESSION_RETRY           an attempt to connect failed, or this session took over or joined one that waits.
//!                             code: below. attempt: failures in a row, a lost link included. retryInMs.
//!                             allowReconnect, as in SESSION_LOST
//!     SESSION_REJECTED        the hub refused the credentials; message quotes it. code: rejected.
//!                             retryInMs
//!     SESSION_EVENTS_DROPPED  stands where pushes are missing. code: queue-full, or another-key if a session
//!                             with another apiKey left them. count
//!     SESSION_PUSH            a push that cannot be an event as it is. code: not-an-object, no-type,
//!                             reserved-type, no-arguments, or further-arguments for what came beside a
//!                             push. arguments: what the hub sent, without a `key` that is to be stripped
//!     SESSION_CALL_RESULT     the result of a sonoran_invoke. id, method. code: ok (then result, as the
//!                             hub wrote it), error, timeout, lost, or too-large (queueBytes left no room
//!                             for the result)
//!     SESSION_UNITS_REJECTED  a call with unit locations failed. code: rejected (message quotes the hub),
//!                             timeout or lost. count: units in the call. suppressed: failures since the
//!                             last such event. If one unit is the cause: unit, which names it, and
//!                             retryInMs, for which it is set aside
//!     SESSION_CLOSED          the last event of a session. code: disconnected or idle
//!     SESSION_LOG             only with the option `log`. level; code repeats it
//! ```
//!
//! Codes of SESSION_LOST and SESSION_RETRY: dns, connect, tls, http-401, http-403, http-404, http-429,
//! http-5xx, http-redirect, http (any other answer of HTTP), proxy-dns, proxy-connect, proxy-auth,
//! proxy-refused, proxy (any other answer of a proxy), negotiate-refused, negotiate-redirect,
//! negotiate-transport, negotiate-classic, negotiate (any other answer to the negotiation), timeout,
//! handshake, protocol, closed, lost, silent, call-timeout, hub-error (the hub failed to check the
//! credentials), another-client (the hub keeps sending this session away because another client holds its
//! serverId), unauthenticated (the hub no longer knew the session, which authenticates again on the same
//! connection), internal. New types and codes may be added: ignore those that you do not know. Pushes keep
//! the order in which the hub sends them: one that it sends before it answers the authentication comes ahead
//! of SESSION_READY.
//!
//! THE QUEUE
//!
//! Events wait until you poll them. `queueEvents` and `queueBytes` bound the pushes: beyond either, the
//! oldest push is dropped. SESSION_LOG events count as pushes do and are dropped first. The newest push and
//! the library's other events are never dropped; but once 1024 of these wait, a SESSION_RETRY,
//! SESSION_REJECTED or SESSION_UNITS_REJECTED replaces one directly before it. Results of calls have room
//! for `queueBytes` of their own; a result beyond that is left out (too-large). A session that is neither
//! polled nor sent to for `idleCloseMs` (five minutes) is closed, at most a quarter of that time late, so
//! that a forgotten session does not swallow events.
//!
//! SEVERAL READERS
//!
//! Plugins of one process that know nothing of each other can read one CAD server: each connects with a
//! `reader` of its own, a name, and gets a session and a queue of its own. They share one connection, which the
//! first one opens and the last one takes along. `reader`, `queueEvents`, `queueBytes`, `eventKey`, `types`,
//! `idleCloseMs`, `log` and `replace` are each reader's own. All other options belong to the connection: while
//! another reader is open, sonoran_connect refuses other values of them with SONORAN_E_EXISTS, and
//! sonoran_last_error names the option.
//!
//! Each reader gets all pushes that its `types` include, and all that the connection has to say. One that joins
//! a ready connection hears SESSION_READY with resumed true; one that joins a connection that waits hears
//! SESSION_RETRY or SESSION_REJECTED with the time that is left. The result of a call goes to the reader that
//! called. Unit locations of all readers are merged, and what one of them passes to sonoran_ingest reaches all.
//! A push's text is in memory once for all readers that want it as it is, and counts towards the bounds of each.
//! A slow reader drops its own events only.
//!
//! OPTIONS OF sonoran_connect
//!
//! One JSON object. sonoran_connect refuses an unknown key, a wrong type and a value out of range, and
//! sonoran_last_error names it. Times are whole milliseconds. Where a line has numbers, the first is the
//! default and the range follows.
//!
//! ```text
//!     communityId, apiKey     required, not empty
//!     serverId                0 to 2147483647, or the same as a string of digits; absent or null:
//!                             the session can send but gets no pushes
//!     url                     http, https, ws or wss (default https://api.sonorancad.com/apiWsHub). All
//!                             spellings of one hub are the same: http and ws, https and wss, letter case
//!                             of scheme and host, a default port, a dot after the host, a fragment
//!     mode                    "production" (default) or "development" (the staging hub); not with url
//!     authMethod              "auto" (default), "authenticate" or "authenticatev2"; "auto" tries the
//!                             first, and the second if the hub does not know the first or its arguments
//!     negotiate               false (default), or true: ask the hub for an id before each connection, and go
//!                             where it sends the session, as Azure SignalR Service does; see CONNECTING
//!     connectTimeoutMs        15000    100 to 300000; DNS, TCP, the proxy, TLS, the negotiation and the HTTP
//!                             upgrade together. If an address does not accept within 250 ms, or does not
//!                             speak within 3 s (or a quarter of this time), the next one is tried beside it
//!     handshakeTimeoutMs      15000    100 to 300000
//!     callTimeoutMs           30000    100 to 600000; authentication and hub calls
//!     keepAliveMs             15000    100 to 600000; a ping goes out if nothing else did
//!     serverTimeoutMs         30000    200 to 3600000, at least keepAliveMs; the link ends after this long
//!                             without a record from the hub, or without the hub taking what is sent. The
//!                             time that a suspended process stands still does not count
//!     retryMinMs, retryMaxMs  1000, 60000      10 to 3600000; see RECONNECTING
//!     stableMs                30000    0 to 3600000; see RECONNECTING
//!     authRetryMinMs, authRetryMaxMs  30000, 300000    1000 to 86400000; see RECONNECTING
//!     queueEvents             65536    1 to 16777216
//!     queueBytes              67108864 1024 to 2147483647
//!     maxMessageBytes         16777216 1024 to 1073741824; the largest record the hub may send
//!     unitIntervalMs          250      200 to 60000; see sonoran_send_unit_locations
//!     eventKey                "keep" (default), or "strip": remove a push's top-level `key`
//!     types                   array of the types of pushes to get, in any letter case (default: all). A type
//!                             with a `!` before it is left out: ["!EVENT_STATION_ALERT"]. A push inside a
//!                             SESSION_PUSH has that type; the library's other events always come
//!     reader                  a name of at most 256 bytes (default ""); see SEVERAL READERS
//!     replace                 true (default), or false: refuse a second open session for one url, community,
//!                             server and reader; a session that has ended is replaced all the same
//!     idleCloseMs             300000   0 (never), or 1000 to 86400000
//!     caFile                  path of a PEM file of at most 4 MiB: additional authorities, or the hub's
//!                             own certificate
//!     insecureTls             false (default), or true: do not verify the hub's certificate
//!     proxy                   http://host:port or socks5://host:port, with user:password@ before the host if
//!                             the proxy wants to know who asks; see CONNECTING
//!     headers                 object of additional HTTP headers for the negotiation and the upgrade
//!     log                     "off" (default), "error", "warn", "info" or "debug": SESSION_LOG events
//! ```
//!
//! CONNECTING
//!
//! The way to the hub is found anew for each attempt. The library takes a proxy from the option only, not from
//! the environment. It asks an HTTP proxy by CONNECT, for ws too, and a SOCKS5 proxy by name: the proxy looks
//! the hub up. A special character in user or password is written as %XX. TLS is with the hub, through the
//! proxy. The password stands in no text of the library.
//!
//! With negotiate, the hub may send a session on to another url with a token, ten times at most and never from
//! https to http. The token takes the place of an Authorization header. Another host than that of url gets none
//! of the headers but User-Agent. The next attempt begins at url again.
//!
//! RECONNECTING
//!
//! A session retries forever, its first attempt included. The delay is random between 0 and the smaller of
//! retryMaxMs and retryMinMs * 2^n, with n = 0 after the first failure in a row, so that servers do not
//! come back in step. If the hub sends Retry-After, up to an hour of it is added. A link that was ready for
//! stableMs starts the series anew. Redirects of HTTP are not followed; the failure's message names their
//! target.
//!
//! The delays lie between authRetryMinMs and authRetryMaxMs, and grow, after the hub refuses the credentials
//! or answers HTTP 401 or 403, after it ends two connections in a row instead of answering the credentials,
//! and after it accepts the session and sends it away, without allowReconnect, four times in a row: that is
//! what happens when two clients share one serverId. Such a wait, and one that the hub asked for, belongs to
//! the url, community, server and apiKey. A session that is opened meanwhile tells of it at once, by
//! SESSION_REJECTED or SESSION_RETRY with the time that is left, and continues it. After a proxy refuses its
//! user and password the delays are as long, but end with the session.
//!
//! WHAT THE LIBRARY DOES TO YOUR PROCESS
//!
//! It has two kinds of threads, all named sonoran: one that runs all sessions, and a few for DNS that come
//! and go. They block signals from their first instruction, and no write of the library raises SIGPIPE. It
//! installs no signal handler and no atexit hook, prints nothing, and leaves the environment, locale and
//! memory allocator alone. It installs one fork handler: in the child it sets a flag and closes the child's
//! copies of the library's connections (up to 1024), so that no child keeps open what the library ends.
//! Once loaded, the library stays mapped: dlclose and FreeLibrary are safe and do nothing. Call
//! sonoran_shutdown before you exit if you want sessions to say goodbye; exiting without it is safe. No
//! panic or exception leaves a function.
//!
//! ERRORS
//!
//! Functions that return a number return a negative SONORAN_E_ code on failure. Functions that return a
//! string return NULL. Either way sonoran_last_error has the sentence. Codes are never renumbered; new
//! codes stay in their ranges: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::Error;
use crate::session::State;
use crate::sys::Text;
use crate::{registry, sys};

/// A session: a positive number, never used twice in a process. Any other number, or one whose session is
/// gone, gives SONORAN_E_SESSION.
#[allow(non_camel_case_types, reason = "the C name of the type")]
pub type sonoran_session = i32;

/// An argument is NULL, not UTF-8, or a count below 1.
pub const SONORAN_E_ARGUMENT: i32 = -1;
/// A text is not the expected JSON.
pub const SONORAN_E_JSON: i32 = -2;
/// An option is unknown, missing, of the wrong type or out of range.
pub const SONORAN_E_OPTION: i32 = -3;
/// A text is too large.
pub const SONORAN_E_TOO_LARGE: i32 = -4;
/// A unit update is not as documented.
pub const SONORAN_E_UNIT: i32 = -5;
/// A body lacks this session's API key.
pub const SONORAN_E_KEY: i32 = -6;
/// No session has this number, or its last event was polled.
pub const SONORAN_E_SESSION: i32 = -10;
/// `replace` is false and the session is open, or another reader of its connection has other options.
pub const SONORAN_E_EXISTS: i32 = -11;
/// The session is not authenticated at the moment.
pub const SONORAN_E_NOT_READY: i32 = -12;
/// The session is ending or has ended; its queue can still be polled.
pub const SONORAN_E_CLOSED: i32 = -13;
/// A queue is full: poll, then retry.
pub const SONORAN_E_BUSY: i32 = -14;
/// This process is a fork of one that had connected.
pub const SONORAN_E_FORKED: i32 = -20;
/// The operating system refused a thread or another resource.
pub const SONORAN_E_SYSTEM: i32 = -21;
/// Not everything had ended in time.
pub const SONORAN_E_TIMEOUT: i32 = -22;
/// A defect of the library; the session goes on where it can.
pub const SONORAN_E_INTERNAL: i32 = -29;

/// Resolving, connecting or shaking hands.
pub const SONORAN_STATE_CONNECTING: i32 = 1;
/// Waiting for the hub's answer to the credentials.
pub const SONORAN_STATE_AUTHENTICATING: i32 = 2;
/// Authenticated.
pub const SONORAN_STATE_READY: i32 = 3;
/// Waiting before the next attempt.
pub const SONORAN_STATE_RETRYING: i32 = 4;
/// Ended; its queue can still be polled.
pub const SONORAN_STATE_CLOSED: i32 = 5;

/// Opens a session. Returns its number (> 0) at once; events tell how connecting goes.
///
/// `options_json`: see OPTIONS above. A session for the same url, community, server and reader that is open, or
/// has ended and was not polled to its end, is replaced: its number goes dead, and the new session takes over
/// its undelivered events and the results of its calls. If the options of the connection are the same, it takes
/// over the live connection too, so that nothing is lost when a plugin restarts; if the old session waits for
/// its next attempt, the new one tells at once why and how long. With `"eventKey": "strip"` no event that it
/// takes over carries a key, and its `types` hold for those too. With another apiKey it takes over nothing:
/// SESSION_EVENTS_DROPPED counts what was not polled. `"replace": false` refuses to replace an open session.
/// Sessions of other readers stay: see SEVERAL READERS.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_OPTION, SONORAN_E_TOO_LARGE (over 1 MiB),
/// SONORAN_E_EXISTS, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Does not block on the network; reads `caFile`
/// before it returns. The first call starts the library's thread. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_connect(options_json: *const c_char) -> sonoran_session {
    number(|| {
        // SAFETY: by contract NULL or a string that stays valid during the call.
        let options = unsafe { text("options_json", options_json, MAX_TEXT) }?;
        registry::connect(options)
    })
}

/// Returns the session's next event, or NULL if there is none.
///
/// The string is yours: release it with sonoran_free. Never blocks, does no IO, and allocates nothing while
/// there is no event. Call it until it returns NULL, or as often as your tick allows. NULL is also the
/// result of an error: sonoran_state tells the two apart.
///
/// Errors (NULL): SONORAN_E_SESSION, SONORAN_E_FORKED, as a sentence in sonoran_last_error. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_poll_event(session: sonoran_session) -> *mut c_char {
    // most polls find nothing: they need no guard, for nothing in this can panic
    if registry::has_nothing(session) { std::ptr::null_mut() } else { take_event(session) }
}

/// Releases a string that a function of this library returned as `char *`. NULL is fine.
///
/// Pass no other pointer, and no string twice. Any thread, in any order; does not block. Pushes that came together
/// share memory, up to 16 KiB of it, which goes with the last of them: copy what you want to keep for long. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_free(string: *mut c_char) {
    // SAFETY: by contract NULL, or a pointer that `string` gave out and that was not yet released.
    drop(unsafe { Text::from_raw(string) });
}

/// Waits for the session's next event: sonoran_poll_event for a thread that has nothing else to do.
///
/// `timeout_ms`: 0 does not wait; a negative number waits without limit. Returns NULL if the time is up, if
/// sonoran_wake was called, or on an error. Blocks the calling thread only. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_wait_event(session: sonoran_session, timeout_ms: i32) -> *mut c_char {
    string(|| registry::wait(session, timeout(timeout_ms)))
}

/// Waits for the first of several sessions that has something to poll. Returns its number (> 0).
///
/// `sessions`: an array of `count` numbers, at least one. `timeout_ms`: as in sonoran_wait_event. Takes no
/// event: poll the session. If several have something, the one that was not returned for longest comes
/// first, so that a busy session does not hide the others. Returns 0 if the time is up, or if sonoran_wake
/// was called for one of them. Another thread may poll the event first, or `types` leave out what was taken
/// over: then the poll returns NULL. If one of the sessions is gone, before or while it waits, it returns
/// SONORAN_E_SESSION, and sonoran_last_error has the number. Blocks the calling thread only.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_SESSION, SONORAN_E_FORKED. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sonoran_wait_any(
    sessions: *const sonoran_session,
    count: i32,
    timeout_ms: i32,
) -> sonoran_session {
    number(|| {
        if sessions.is_null() {
            return Err(Error::Null("sessions", "an array of sessions"));
        }
        let length = usize::try_from(count).ok().filter(|length| *length > 0).ok_or(Error::Count(count))?;
        // SAFETY: by contract an array of this length that stays valid during the call.
        let sessions = unsafe { std::slice::from_raw_parts(sessions, length) };
        registry::wait_any(sessions, timeout(timeout_ms)).map(Option::unwrap_or_default)
    })
}

/// Returns what an event loop can wait on: it is set while the session has something to poll.
///
/// On Unix a file descriptor, readable while it is set (for epoll, poll, libuv, asyncio); on Windows the
/// HANDLE of a manual-reset event. It belongs to the library: wait on it, and neither read, close nor reset
/// it. It is level-triggered: set while an event waits, cleared by the poll that empties the queue. It costs
/// nothing until you ask for it, and then a system call when the queue turns from empty to not, and one
/// back. Each call returns the same handle, also for a session that replaces this one. A wake does not set
/// it.
///
/// After the session's last event it stays set, and open until 64 further sessions with a handle have ended.
/// While nothing waits, a session with a handle counts as polled: idleCloseMs runs from its first event that
/// nobody takes. The descriptor is closed on exec.
///
/// Errors (negative): SONORAN_E_SESSION, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Any thread; does not block.
/// Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_wait_handle(session: sonoran_session) -> isize {
    let handle = guard(|| registry::wait_handle(session));
    handle.unwrap_or_else(|error| isize::try_from(code(&error)).unwrap_or(-1))
}

/// Makes the current sonoran_wait_event or sonoran_wait_any of this session, or else the next one, return
/// without an event once.
///
/// It concerns this number only, not a session that replaces it.
///
/// Returns 0, SONORAN_E_SESSION or SONORAN_E_FORKED. Any thread; does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_wake(session: sonoran_session) -> i32 {
    number(|| registry::wake(session).map(|()| 0))
}

/// Ends a session. Returns 0 at once; the connection of the last reader says goodbye in the background.
///
/// You can still poll what is queued. SESSION_CLOSED is the last event, and with it the number goes dead.
/// Events that nobody polls go to the next session for the same url, community, server and reader, unless
/// sonoran_shutdown drops them first. Calling it twice is fine.
///
/// Errors: SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_disconnect(session: sonoran_session) -> i32 {
    number(|| registry::disconnect(session).map(|()| 0))
}

/// Returns a SONORAN_STATE_ number, SONORAN_E_SESSION or SONORAN_E_FORKED.
///
/// The state is that of this moment, which may be ahead of the events. Does not block. Since 0.1.
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
/// `method`: its name. `arguments_json`: a JSON array of its arguments, nested at most 63 deep, sent as it
/// is. Exactly one SESSION_CALL_RESULT with this number as `id` follows, even if another session replaces
/// this one, and is never dropped: the hub's result, its error, `timeout` after callTimeoutMs, `lost` if the
/// link or the session ended first, or `too-large`. The hub runs a connection's calls one after the other.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_TOO_LARGE (the hub takes 32 KiB a call),
/// SONORAN_E_NOT_READY, SONORAN_E_BUSY (256 calls of the session have no result, or 4096 events of the library
/// are not polled), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
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

/// Takes unit locations. Returns 0; they go out as soon as the hub may have them.
///
/// `updates_json`: an array of objects as Sonoran documents them for the hub's `unitLocation`: `location` (a
/// string) and one of `communityUserId`, `roblox` (a number), `apiId` or `identId`; optionally `coordinates`
/// ({x, y, z, w}), `peerId` and `vehicle`. Unknown fields pass as they are; an update may nest 61 deep. One
/// bad update refuses the whole array, and sonoran_last_error names the update and the field.
///
/// You may pass every unit on every tick: the library sends the newest location of each, in calls of at most
/// 25 units and 32 KiB that are at least unitIntervalMs apart, the unit that waits longest first. It does
/// not repeat an unchanged location for 10 seconds. What was not sent or not answered survives a reconnect.
/// If the hub finds the calls too fast, they slow down by themselves, and recover within seconds once it
/// accepts again.
///
/// The hub accepts a call as a whole or not at all. Units of a call that fails go out again in calls of 5,
/// then alone, so that all others arrive. A unit that fails alone is set aside: for a minute, doubled each
/// further time up to 15. Then its newest location is tried. SESSION_UNITS_REJECTED tells of each unit that
/// is set aside, and of failed calls with several units at most once a minute.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_UNIT, SONORAN_E_TOO_LARGE (over 1 MiB),
/// SONORAN_E_BUSY (10000 different units wait), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED.
/// Costs the caller one parse; does not block. Since 0.1.
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

/// Takes a push that reached the host by HTTP POST while no session was up. Returns 0.
///
/// The event joins the stream of each reader under the same rules (`types`, `eventKey`, bounds, order of arrival).
/// `body`: what was posted: an object whose `key` is this session's API key (compared in constant time,
/// ignoring letter case) and whose `type` is a string. Any other body queues nothing.
///
/// Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_KEY (answer the poster as a stranger),
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

/// Returns the session's figures as a JSON object; release it with sonoran_free.
///
/// ```text
///     session, state          its number; connecting, authenticating, ready, retrying or closed
///     pushes                  pushes received, whatever becomes of them
///     delivered               events polled, of any kind
///     dropped                 pushes dropped because the queue was full
///     filtered                pushes left out because of types
///     queuedEvents            events that wait to be polled, of any kind
///     queuedBytes             their size. So far each reader has its own; what follows is the connection's
///     receivedBytes           bytes of hub messages received, without TLS and websocket framing
///     pendingUnits            units that wait to be sent or for the hub's answer
///     asideUnits              units set aside because their calls failed
///     unknownMessages         messages for methods or calls unknown to the library, ignored
///     attempts                connections tried
///     ready                   times the session became ready
///     readyMs                 how long the link has been ready; 0 if it is not
///     lastError               the sentence of the last failure, or null
/// ```
///
/// A session that replaces another continues pushes, delivered, dropped, filtered and the queue; the other figures
/// start anew, unless it took over the live connection: then all continue.
///
/// Errors (NULL): SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_stats(session: sonoran_session) -> *mut c_char {
    string(|| Ok(Some(Text::new(&registry::stats(session)?))))
}

/// Returns why the calling thread's last failed call failed: one sentence that names the field or the cause.
///
/// Never NULL; empty if no call of this thread has failed. Belongs to the library and stays valid until this
/// thread's next failing call. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_last_error() -> *const c_char {
    let last = LAST_ERROR.try_with(|last| last.borrow().as_ref().map(|text| text.as_ptr()));
    last.ok().flatten().unwrap_or(c"".as_ptr())
}

/// Returns the name of an error code, such as "SONORAN_E_OPTION"; "ok" for 0, "unknown" for other numbers.
///
/// Belongs to the library; valid forever. Since 0.1.
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
/// Belongs to the library; valid forever. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn sonoran_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Ends all sessions and the library's threads. All numbers go dead, and what was not polled is dropped.
///
/// To lose nothing, call sonoran_disconnect and poll to SESSION_CLOSED first. `timeout_ms`: how long to wait
/// for the goodbyes and the threads; a negative number counts as 0. Returns how many events were dropped (0
/// or more), or SONORAN_E_TIMEOUT if a goodbye was cut short or a thread still ran; such a thread ends by
/// itself. Either way no session is left, and sonoran_connect may follow. Blocks up to the timeout; call it
/// from one thread.
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

/// The largest text that a host may pass, in bytes.
const MAX_TEXT: usize = 1 << 20;

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Apart from the exported function, which else saves registers for it at each poll.
#[inline(never)]
fn take_event(session: sonoran_session) -> *mut c_char {
    string(|| registry::poll(session))
}

/// Runs the body of an exported function that returns a number: on failure the error's code.
fn number(body: impl FnOnce() -> Result<i32, Error>) -> i32 {
    guard(body).unwrap_or_else(|error| code(&error))
}

/// Runs the body of an exported function that returns a string for the host to own: on failure NULL.
fn string(body: impl FnOnce() -> Result<Option<Text>, Error>) -> *mut c_char {
    guard(body).ok().flatten().map_or(std::ptr::null_mut(), Text::into_raw)
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
    // an ending thread has no place for the text; the call returns its code all the same
    let _ = LAST_ERROR.try_with(|last| last.replace(Some(text)));
}

/// A host's timeout; none if it is negative.
fn timeout(timeout_ms: i32) -> Option<Duration> {
    u64::try_from(timeout_ms).ok().map(Duration::from_millis)
}

/// The host's argument as text.
///
/// # Safety
/// The pointer is NULL, or a NUL-terminated string that stays valid and unchanged for `'a`.
unsafe fn text<'a>(argument: &'static str, pointer: *const c_char, most: usize) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(Error::Null(argument, "a string"));
    }
    // SAFETY: not NULL, and the caller promises the rest.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    if bytes.len() > most {
        return Err(Error::TooLarge { argument, bytes: bytes.len(), most });
    }
    std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 { argument, at: error.valid_up_to() })
}

/// The C code of an error.
fn code(error: &Error) -> i32 {
    match error {
        Error::Null(..) | Error::Count(_) | Error::NotUtf8 { .. } => SONORAN_E_ARGUMENT,
        Error::Json { .. } => SONORAN_E_JSON,
        Error::Option { .. } => SONORAN_E_OPTION,
        Error::TooLarge { .. } => SONORAN_E_TOO_LARGE,
        Error::NoSession(_) => SONORAN_E_SESSION,
        Error::Unit(_) => SONORAN_E_UNIT,
        Error::Key => SONORAN_E_KEY,
        Error::Exists(_) | Error::Differs { .. } => SONORAN_E_EXISTS,
        Error::NotReady => SONORAN_E_NOT_READY,
        Error::Closed => SONORAN_E_CLOSED,
        Error::Busy(_) => SONORAN_E_BUSY,
        Error::Forked => SONORAN_E_FORKED,
        Error::System { .. } => SONORAN_E_SYSTEM,
        Error::Timeout => SONORAN_E_TIMEOUT,
        Error::Internal => SONORAN_E_INTERNAL,
    }
}
