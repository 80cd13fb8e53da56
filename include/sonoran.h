/**
 * @file
 * sonoran.h: events from Sonoran CAD's websocket hub for game servers, over a C ABI.
 *
 * WHAT THIS IS
 *
 * Sonoran CAD pushes events (911 calls, unit status, panic buttons) to game servers. This library
 * keeps one websocket session per CAD server open on its own threads, authenticates, reconnects by
 * itself after any outage, and queues what the hub pushes. The host asks for the next event whenever
 * it likes, usually once per game tick. No call blocks unless its documentation says so, the library
 * never calls back into the host, and nothing the hub or the network does can stop the host.
 *
 * QUICK START
 *
 *     sonoran_session s = sonoran_connect(
 *         "{\"communityId\":\"abc\",\"apiKey\":\"...\",\"serverId\":1}");
 *     if (s < 0) puts(sonoran_last_error());
 *     for (;;) {                                   // your tick
 *         char *event;
 *         while ((event = sonoran_poll_event(s)) != NULL) {
 *             puts(event);                         // {"key":"...","type":"EVENT_911","data":...}
 *             sonoran_free(event);
 *         }
 *     }
 *
 * STRINGS
 *
 * All text is UTF-8 and ends with a NUL byte; text from the library contains no other NUL. A `char *`
 * that a function returns is yours: release it with sonoran_free, never with free() or delete, and do
 * not write to it. A `const char *` that a function returns belongs to the library: never free it. The
 * library reads the text that you pass in before the call returns, and keeps no pointer to it.
 *
 * THREADS
 *
 * Call any function from any thread at any time. Several threads may poll one session; each event goes
 * to exactly one of them. The library starts no thread before the first sonoran_connect. After fork()
 * in a process that has connected, the child gets SONORAN_E_FORKED from every function that takes a
 * session, and from sonoran_connect and sonoran_shutdown. A process that forks first and connects
 * afterwards works.
 *
 * EVENTS
 *
 * Each session has one ordered stream of events. An event is a JSON object with a string `type`.
 *
 * A push is an event from the CAD: `{"key":...,"type":"EVENT_UNIT_STATUS","data":...}`. You get the text
 * that the hub sent, byte for byte: numbers, escapes, key order and white space are untouched. The CAD
 * sends the same body to game servers by HTTP POST, so code that parses those keeps working. Where the
 * hub sends the object as a JSON string, the event is that string's content. `key` is the community's
 * API key in plain text: set the option `eventKey` to `"strip"` if you pass events on to other code. Only
 * `maxMessageBytes` limits how deep a push nests: mind the limits of your JSON parser.
 *
 * Events of the library itself have a `type` that starts with `SESSION_`. No push can pass for one: a push
 * whose own type starts that way, in any letter case, arrives inside a SESSION_PUSH. Each of these events
 * has a `code` for programs and a `message` for people, of at most 2048 bytes; a longer one is cut and says
 * so. `retryInMs` is the time until the next attempt.
 *
 *     SESSION_READY           authenticated; pushes flow. code: ready. serverId; method; resumed: true
 *                             if this session took over or joined a live connection
 *     SESSION_LOST            a ready link ended. code: below. retryInMs. allowReconnect, if the hub said
 *                             goodbye: whether it asked the session to come back
 *     SESSION_RETRY           an attempt to connect failed, or this session took over or joined one that waits.
 *                             code: below. attempt: failures in a row, a lost link included. retryInMs.
 *                             allowReconnect, as in SESSION_LOST
 *     SESSION_REJECTED        the hub refused the credentials; message quotes it. code: rejected.
 *                             retryInMs
 *     SESSION_EVENTS_DROPPED  stands where pushes are missing. code: queue-full, or another-key if a session
 *                             with another apiKey left them. count
 *     SESSION_PUSH            a push that cannot be an event as it is. code: not-an-object, no-type,
 *                             reserved-type, no-arguments, or further-arguments for what came beside a
 *                             push. arguments: what the hub sent, without a `key` that is to be stripped
 *     SESSION_CALL_RESULT     the result of a sonoran_invoke. id, method. code: ok (then result, as the
 *                             hub wrote it), error, timeout, lost, or too-large (queueBytes left no room
 *                             for the result)
 *     SESSION_UNITS_REJECTED  a call with unit locations failed. code: rejected (message quotes the hub),
 *                             timeout or lost. count: units in the call. suppressed: failures since the
 *                             last such event. If one unit is the cause: unit, which names it, and
 *                             retryInMs, for which it is set aside
 *     SESSION_CLOSED          the last event of a session. code: disconnected or idle
 *     SESSION_LOG             only with the option `log`. level; code repeats it
 *
 * Codes of SESSION_LOST and SESSION_RETRY: dns, connect, tls, http-401, http-403, http-404, http-429,
 * http-5xx, http-redirect, http (any other answer of HTTP), proxy-dns, proxy-connect, proxy-auth,
 * proxy-refused, proxy (any other answer of a proxy), negotiate-refused, negotiate-redirect,
 * negotiate-transport, negotiate-classic, negotiate (any other answer to the negotiation), timeout,
 * handshake, protocol, closed, lost, silent, call-timeout, hub-error (the hub failed to check the
 * credentials), another-client (the hub keeps sending this session away because another client holds its
 * serverId), unauthenticated (the hub no longer knew the session, which authenticates again on the same
 * connection), internal. New types and codes may be added: ignore those that you do not know. Pushes keep
 * the order in which the hub sends them: one that it sends before it answers the authentication comes ahead
 * of SESSION_READY.
 *
 * THE QUEUE
 *
 * Events wait until you poll them. `queueEvents` and `queueBytes` bound the pushes: beyond either, the
 * oldest push is dropped. SESSION_LOG events count as pushes do and are dropped first. The newest push and
 * the library's other events are never dropped; but once 1024 of these wait, a SESSION_RETRY,
 * SESSION_REJECTED or SESSION_UNITS_REJECTED replaces one directly before it. Results of calls have room
 * for `queueBytes` of their own; a result beyond that is left out (too-large). A session that is neither
 * polled nor sent to for `idleCloseMs` (five minutes) is closed, at most a quarter of that time late, so
 * that a forgotten session does not swallow events.
 *
 * SEVERAL READERS
 *
 * Plugins of one process that know nothing of each other can read one CAD server: each connects with a
 * `reader` of its own, a name, and gets a session and a queue of its own. They share one connection, which the
 * first one opens and the last one takes along. `reader`, `queueEvents`, `queueBytes`, `eventKey`, `types`,
 * `idleCloseMs`, `log` and `replace` are each reader's own. All other options belong to the connection: while
 * another reader is open, sonoran_connect refuses other values of them with SONORAN_E_EXISTS, and
 * sonoran_last_error names the option.
 *
 * Each reader gets all pushes that its `types` include, and all that the connection has to say. One that joins
 * a ready connection hears SESSION_READY with resumed true; one that joins a connection that waits hears
 * SESSION_RETRY or SESSION_REJECTED with the time that is left. The result of a call goes to the reader that
 * called. Unit locations of all readers are merged, and what one of them passes to sonoran_ingest reaches all.
 * A push's text is in memory once for all readers that want it as it is, and counts towards the bounds of each.
 * A slow reader drops its own events only.
 *
 * OPTIONS OF sonoran_connect
 *
 * One JSON object. sonoran_connect refuses an unknown key, a wrong type and a value out of range, and
 * sonoran_last_error names it. Times are whole milliseconds. Where a line has numbers, the first is the
 * default and the range follows.
 *
 *     communityId, apiKey     required, not empty
 *     serverId                0 to 2147483647, or the same as a string of digits; absent or null:
 *                             the session can send but gets no pushes
 *     url                     http, https, ws or wss (default https://api.sonorancad.com/apiWsHub). All
 *                             spellings of one hub are the same: http and ws, https and wss, letter case
 *                             of scheme and host, a default port, a dot after the host, a fragment
 *     mode                    "production" (default) or "development" (the staging hub); not with url
 *     authMethod              "auto" (default), "authenticate" or "authenticatev2"; "auto" tries the
 *                             first, and the second if the hub does not know the first or its arguments
 *     negotiate               false (default), or true: ask the hub for an id before each connection, and go
 *                             where it sends the session, as Azure SignalR Service does; see CONNECTING
 *     connectTimeoutMs        15000    100 to 300000; DNS, TCP, the proxy, TLS, the negotiation and the HTTP
 *                             upgrade together. If an address does not accept within 250 ms, or does not
 *                             speak within 3 s (or a quarter of this time), the next one is tried beside it
 *     handshakeTimeoutMs      15000    100 to 300000
 *     callTimeoutMs           30000    100 to 600000; authentication and hub calls
 *     keepAliveMs             15000    100 to 600000; a ping goes out if nothing else did
 *     serverTimeoutMs         30000    200 to 3600000, at least keepAliveMs; the link ends after this long
 *                             without a record from the hub, or without the hub taking what is sent. The
 *                             time that a suspended process stands still does not count
 *     retryMinMs, retryMaxMs  1000, 60000      10 to 3600000; see RECONNECTING
 *     stableMs                30000    0 to 3600000; see RECONNECTING
 *     authRetryMinMs, authRetryMaxMs  30000, 300000    1000 to 86400000; see RECONNECTING
 *     queueEvents             65536    1 to 16777216
 *     queueBytes              67108864 1024 to 2147483647
 *     maxMessageBytes         16777216 1024 to 1073741824; the largest record the hub may send
 *     unitIntervalMs          250      200 to 60000; see sonoran_send_unit_locations
 *     eventKey                "keep" (default), or "strip": remove a push's top-level `key`
 *     types                   array of the types of pushes to get, in any letter case (default: all). A type
 *                             with a `!` before it is left out: ["!EVENT_STATION_ALERT"]. A push inside a
 *                             SESSION_PUSH has that type; the library's other events always come
 *     reader                  a name of at most 256 bytes (default ""); see SEVERAL READERS
 *     replace                 true (default), or false: refuse a second open session for one url, community,
 *                             server and reader; a session that has ended is replaced all the same
 *     idleCloseMs             300000   0 (never), or 1000 to 86400000
 *     caFile                  path of a PEM file of at most 4 MiB: additional authorities, or the hub's
 *                             own certificate
 *     insecureTls             false (default), or true: do not verify the hub's certificate
 *     proxy                   http://host:port or socks5://host:port, with user:password@ before the host if
 *                             the proxy wants to know who asks; see CONNECTING
 *     headers                 object of additional HTTP headers for the negotiation and the upgrade
 *     log                     "off" (default), "error", "warn", "info" or "debug": SESSION_LOG events
 *
 * CONNECTING
 *
 * The way to the hub is found anew for each attempt. The library takes a proxy from the option only, not from
 * the environment. It asks an HTTP proxy by CONNECT, for ws too, and a SOCKS5 proxy by name: the proxy looks
 * the hub up. A special character in user or password is written as %XX. TLS is with the hub, through the
 * proxy. The password stands in no text of the library.
 *
 * With negotiate, the hub may send a session on to another url with a token, ten times at most and never from
 * https to http. The token takes the place of an Authorization header. Another host than that of url gets none
 * of the headers but User-Agent. The next attempt begins at url again.
 *
 * RECONNECTING
 *
 * A session retries forever, its first attempt included. The delay is random between 0 and the smaller of
 * retryMaxMs and retryMinMs * 2^n, with n = 0 after the first failure in a row, so that servers do not
 * come back in step. If the hub sends Retry-After, up to an hour of it is added. A link that was ready for
 * stableMs starts the series anew. Redirects of HTTP are not followed; the failure's message names their
 * target.
 *
 * The delays lie between authRetryMinMs and authRetryMaxMs, and grow, after the hub refuses the credentials
 * or answers HTTP 401 or 403, after it ends two connections in a row instead of answering the credentials,
 * and after it accepts the session and sends it away, without allowReconnect, four times in a row: that is
 * what happens when two clients share one serverId. Such a wait, and one that the hub asked for, belongs to
 * the url, community, server and apiKey. A session that is opened meanwhile tells of it at once, by
 * SESSION_REJECTED or SESSION_RETRY with the time that is left, and continues it. After a proxy refuses its
 * user and password the delays are as long, but end with the session.
 *
 * WHAT THE LIBRARY DOES TO YOUR PROCESS
 *
 * It has two kinds of threads, all named sonoran: one that runs all sessions, and a few for DNS that come
 * and go. They block signals from their first instruction, and no write of the library raises SIGPIPE. It
 * installs no signal handler and no atexit hook, prints nothing, and leaves the environment, locale and
 * memory allocator alone. It installs one fork handler: in the child it sets a flag and closes the child's
 * copies of the library's connections (up to 1024), so that no child keeps open what the library ends.
 * Once loaded, the library stays mapped: dlclose and FreeLibrary are safe and do nothing. Call
 * sonoran_shutdown before you exit if you want sessions to say goodbye; exiting without it is safe. No
 * panic or exception leaves a function.
 *
 * ERRORS
 *
 * Functions that return a number return a negative SONORAN_E_ code on failure. Functions that return a
 * string return NULL. Either way sonoran_last_error has the sentence. Codes are never renumbered; new
 * codes stay in their ranges: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process.
 */

#ifndef SONORAN_H
#define SONORAN_H

#include <stdint.h>

/** The version of this header; sonoran_version returns that of the loaded library. */
#define SONORAN_VERSION "0.1.0"
/** The same as a number: one byte each for major, minor and patch. */
#define SONORAN_VERSION_NUMBER 0x000100

#ifndef SONORAN_API
#  if defined(_WIN32)
#    define SONORAN_API __declspec(dllimport)
#  else
#    define SONORAN_API
#  endif
#endif


/* Error codes: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process. */
#define SONORAN_E_ARGUMENT (-1)            /**< An argument is NULL, not UTF-8, or a count below 1. */
#define SONORAN_E_JSON (-2)                /**< A text is not the expected JSON. */
#define SONORAN_E_OPTION (-3)              /**< An option is unknown, missing, of the wrong type or out of range. */
#define SONORAN_E_TOO_LARGE (-4)           /**< A text is too large. */
#define SONORAN_E_UNIT (-5)                /**< A unit update is not as documented. */
#define SONORAN_E_KEY (-6)                 /**< A body lacks this session's API key. */
#define SONORAN_E_SESSION (-10)            /**< No session has this number, or its last event was polled. */
#define SONORAN_E_EXISTS (-11)             /**< `replace` is false and the session is open, or another reader of its connection has other options. */
#define SONORAN_E_NOT_READY (-12)          /**< The session is not authenticated at the moment. */
#define SONORAN_E_CLOSED (-13)             /**< The session is ending or has ended; its queue can still be polled. */
#define SONORAN_E_BUSY (-14)               /**< A queue is full: poll, then retry. */
#define SONORAN_E_FORKED (-20)             /**< This process is a fork of one that had connected. */
#define SONORAN_E_SYSTEM (-21)             /**< The operating system refused a thread or another resource. */
#define SONORAN_E_TIMEOUT (-22)            /**< Not everything had ended in time. */
#define SONORAN_E_INTERNAL (-29)           /**< A defect of the library; the session goes on where it can. */

/* What sonoran_state returns. */
#define SONORAN_STATE_CONNECTING 1         /**< Resolving, connecting or shaking hands. */
#define SONORAN_STATE_AUTHENTICATING 2     /**< Waiting for the hub's answer to the credentials. */
#define SONORAN_STATE_READY 3              /**< Authenticated. */
#define SONORAN_STATE_RETRYING 4           /**< Waiting before the next attempt. */
#define SONORAN_STATE_CLOSED 5             /**< Ended; its queue can still be polled. */

/**
 * A session: a positive number, never used twice in a process. Any other number, or one whose session is
 * gone, gives SONORAN_E_SESSION.
 */
typedef int32_t sonoran_session;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Opens a session. Returns its number (> 0) at once; events tell how connecting goes.
 *
 * `options_json`: see OPTIONS above. A session for the same url, community, server and reader that is open, or
 * has ended and was not polled to its end, is replaced: its number goes dead, and the new session takes over
 * its undelivered events and the results of its calls. If the options of the connection are the same, it takes
 * over the live connection too, so that nothing is lost when a plugin restarts; if the old session waits for
 * its next attempt, the new one tells at once why and how long. With `"eventKey": "strip"` no event that it
 * takes over carries a key, and its `types` hold for those too. With another apiKey it takes over nothing:
 * SESSION_EVENTS_DROPPED counts what was not polled. `"replace": false` refuses to replace an open session.
 * Sessions of other readers stay: see SEVERAL READERS.
 *
 * Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_OPTION, SONORAN_E_TOO_LARGE (over 1 MiB),
 * SONORAN_E_EXISTS, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Does not block on the network; reads `caFile`
 * before it returns. The first call starts the library's thread. Since 0.1.
 */
SONORAN_API sonoran_session sonoran_connect(const char *options_json);

/**
 * Returns the session's next event, or NULL if there is none.
 *
 * The string is yours: release it with sonoran_free. Never blocks, does no IO, and allocates nothing while
 * there is no event. Call it until it returns NULL, or as often as your tick allows. NULL is also the
 * result of an error: sonoran_state tells the two apart.
 *
 * Errors (NULL): SONORAN_E_SESSION, SONORAN_E_FORKED, as a sentence in sonoran_last_error. Since 0.1.
 */
SONORAN_API char *sonoran_poll_event(sonoran_session session);

/**
 * Releases a string that a function of this library returned as `char *`. NULL is fine.
 *
 * Pass no other pointer, and no string twice. Any thread, in any order; does not block. Pushes that came together
 * share memory, up to 16 KiB of it, which goes with the last of them: copy what you want to keep for long. Since 0.1.
 */
SONORAN_API void sonoran_free(char *string);

/**
 * Waits for the session's next event: sonoran_poll_event for a thread that has nothing else to do.
 *
 * `timeout_ms`: 0 does not wait; a negative number waits without limit. Returns NULL if the time is up, if
 * sonoran_wake was called, or on an error. Blocks the calling thread only. Since 0.1.
 */
SONORAN_API char *sonoran_wait_event(sonoran_session session, int32_t timeout_ms);

/**
 * Waits for the first of several sessions that has something to poll. Returns its number (> 0).
 *
 * `sessions`: an array of `count` numbers, at least one. `timeout_ms`: as in sonoran_wait_event. Takes no
 * event: poll the session. If several have something, the one that was not returned for longest comes
 * first, so that a busy session does not hide the others. Returns 0 if the time is up, or if sonoran_wake
 * was called for one of them. Another thread may poll the event first, or `types` leave out what was taken
 * over: then the poll returns NULL. If one of the sessions is gone, before or while it waits, it returns
 * SONORAN_E_SESSION, and sonoran_last_error has the number. Blocks the calling thread only.
 *
 * Errors: SONORAN_E_ARGUMENT, SONORAN_E_SESSION, SONORAN_E_FORKED. Since 0.1.
 */
SONORAN_API sonoran_session sonoran_wait_any(const sonoran_session *sessions, int32_t count, int32_t timeout_ms);

/**
 * Returns what an event loop can wait on: it is set while the session has something to poll.
 *
 * On Unix a file descriptor, readable while it is set (for epoll, poll, libuv, asyncio); on Windows the
 * HANDLE of a manual-reset event. It belongs to the library: wait on it, and neither read, close nor reset
 * it. It is level-triggered: set while an event waits, cleared by the poll that empties the queue. It costs
 * nothing until you ask for it, and then a system call when the queue turns from empty to not, and one
 * back. Each call returns the same handle, also for a session that replaces this one. A wake does not set
 * it.
 *
 * After the session's last event it stays set, and open until 64 further sessions with a handle have ended.
 * While nothing waits, a session with a handle counts as polled: idleCloseMs runs from its first event that
 * nobody takes. The descriptor is closed on exec.
 *
 * Errors (negative): SONORAN_E_SESSION, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Any thread; does not block.
 * Since 0.1.
 */
SONORAN_API intptr_t sonoran_wait_handle(sonoran_session session);

/**
 * Makes the current sonoran_wait_event or sonoran_wait_any of this session, or else the next one, return
 * without an event once.
 *
 * It concerns this number only, not a session that replaces it.
 *
 * Returns 0, SONORAN_E_SESSION or SONORAN_E_FORKED. Any thread; does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_wake(sonoran_session session);

/**
 * Ends a session. Returns 0 at once; the connection of the last reader says goodbye in the background.
 *
 * You can still poll what is queued. SESSION_CLOSED is the last event, and with it the number goes dead.
 * Events that nobody polls go to the next session for the same url, community, server and reader, unless
 * sonoran_shutdown drops them first. Calling it twice is fine.
 *
 * Errors: SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_disconnect(sonoran_session session);

/**
 * Returns a SONORAN_STATE_ number, SONORAN_E_SESSION or SONORAN_E_FORKED.
 *
 * The state is that of this moment, which may be ahead of the events. Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_state(sonoran_session session);

/**
 * Calls a method of the hub. Returns the request's number (> 0) at once.
 *
 * `method`: its name. `arguments_json`: a JSON array of its arguments, nested at most 63 deep, sent as it
 * is. Exactly one SESSION_CALL_RESULT with this number as `id` follows, even if another session replaces
 * this one, and is never dropped: the hub's result, its error, `timeout` after callTimeoutMs, `lost` if the
 * link or the session ended first, or `too-large`. The hub runs a connection's calls one after the other.
 *
 * Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_TOO_LARGE (the hub takes 32 KiB a call),
 * SONORAN_E_NOT_READY, SONORAN_E_BUSY (256 calls of the session have no result, or 4096 events of the library
 * are not polled), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_invoke(sonoran_session session, const char *method, const char *arguments_json);

/**
 * Takes unit locations. Returns 0; they go out as soon as the hub may have them.
 *
 * `updates_json`: an array of objects as Sonoran documents them for the hub's `unitLocation`: `location` (a
 * string) and one of `communityUserId`, `roblox` (a number), `apiId` or `identId`; optionally `coordinates`
 * ({x, y, z, w}), `peerId` and `vehicle`. Unknown fields pass as they are; an update may nest 61 deep. One
 * bad update refuses the whole array, and sonoran_last_error names the update and the field.
 *
 * You may pass every unit on every tick: the library sends the newest location of each, in calls of at most
 * 25 units and 32 KiB that are at least unitIntervalMs apart, the unit that waits longest first. It does
 * not repeat an unchanged location for 10 seconds. What was not sent or not answered survives a reconnect.
 * If the hub finds the calls too fast, they slow down by themselves, and recover within seconds once it
 * accepts again.
 *
 * The hub accepts a call as a whole or not at all. Units of a call that fails go out again in calls of 5,
 * then alone, so that all others arrive. A unit that fails alone is set aside: for a minute, doubled each
 * further time up to 15. Then its newest location is tried. SESSION_UNITS_REJECTED tells of each unit that
 * is set aside, and of failed calls with several units at most once a minute.
 *
 * Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_UNIT, SONORAN_E_TOO_LARGE (over 1 MiB),
 * SONORAN_E_BUSY (10000 different units wait), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED.
 * Costs the caller one parse; does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_send_unit_locations(sonoran_session session, const char *updates_json);

/**
 * Takes a push that reached the host by HTTP POST while no session was up. Returns 0.
 *
 * The event joins the stream of each reader under the same rules (`types`, `eventKey`, bounds, order of arrival).
 * `body`: what was posted: an object whose `key` is this session's API key (compared in constant time,
 * ignoring letter case) and whose `type` is a string. Any other body queues nothing.
 *
 * Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_KEY (answer the poster as a stranger),
 * SONORAN_E_TOO_LARGE (over maxMessageBytes), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED.
 * Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_ingest(sonoran_session session, const char *body);

/**
 * Returns the session's figures as a JSON object; release it with sonoran_free.
 *
 *     session, state          its number; connecting, authenticating, ready, retrying or closed
 *     pushes                  pushes received, whatever becomes of them
 *     delivered               events polled, of any kind
 *     dropped                 pushes dropped because the queue was full
 *     filtered                pushes left out because of types
 *     queuedEvents            events that wait to be polled, of any kind
 *     queuedBytes             their size. So far each reader has its own; what follows is the connection's
 *     receivedBytes           bytes of hub messages received, without TLS and websocket framing
 *     pendingUnits            units that wait to be sent or for the hub's answer
 *     asideUnits              units set aside because their calls failed
 *     unknownMessages         messages for methods or calls unknown to the library, ignored
 *     attempts                connections tried
 *     ready                   times the session became ready
 *     readyMs                 how long the link has been ready; 0 if it is not
 *     lastError               the sentence of the last failure, or null
 *
 * A session that replaces another continues pushes, delivered, dropped, filtered and the queue; the other figures
 * start anew, unless it took over the live connection: then all continue.
 *
 * Errors (NULL): SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
 */
SONORAN_API char *sonoran_stats(sonoran_session session);

/**
 * Returns why the calling thread's last failed call failed: one sentence that names the field or the cause.
 *
 * Never NULL; empty if no call of this thread has failed. Belongs to the library and stays valid until this
 * thread's next failing call. Since 0.1.
 */
SONORAN_API const char *sonoran_last_error(void);

/**
 * Returns the name of an error code, such as "SONORAN_E_OPTION"; "ok" for 0, "unknown" for other numbers.
 *
 * Belongs to the library; valid forever. Since 0.1.
 */
SONORAN_API const char *sonoran_error_name(int32_t code);

/**
 * Returns the version of the loaded library, such as "0.1.0"; SONORAN_VERSION is that of the header.
 *
 * Belongs to the library; valid forever. Since 0.1.
 */
SONORAN_API const char *sonoran_version(void);

/**
 * Ends all sessions and the library's threads. All numbers go dead, and what was not polled is dropped.
 *
 * To lose nothing, call sonoran_disconnect and poll to SESSION_CLOSED first. `timeout_ms`: how long to wait
 * for the goodbyes and the threads; a negative number counts as 0. Returns how many events were dropped (0
 * or more), or SONORAN_E_TIMEOUT if a goodbye was cut short or a thread still ran; such a thread ends by
 * itself. Either way no session is left, and sonoran_connect may follow. Blocks up to the timeout; call it
 * from one thread.
 *
 * Errors: SONORAN_E_TIMEOUT, SONORAN_E_FORKED. Since 0.1.
 */
SONORAN_API int32_t sonoran_shutdown(int32_t timeout_ms);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SONORAN_H */
