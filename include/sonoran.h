/*
 * sonoran.h: events from Sonoran CAD's websocket hub for a game server, over a C ABI.
 *
 * WHAT THIS IS
 *
 * Sonoran CAD pushes events (911 calls, unit status, panic buttons) to game servers. This library
 * keeps one websocket session per CAD server open on threads of its own, authenticates, comes back
 * by itself after any outage, and queues what the hub pushes. The host asks for the next event
 * whenever it likes, usually once per game tick. No call blocks unless its name says so, nothing
 * is called back, and nothing the hub or the network does can stop the host.
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
 * All text is UTF-8 and ends with a NUL byte. A `char *` that a function returns is yours: give it
 * to sonoran_free, never to free() or delete. A `const char *` that a function returns belongs to
 * the library: never free it. Text that you pass in is read before the call returns and not kept.
 * Text from the library never contains a NUL byte before its end.
 *
 * THREADS
 *
 * Every function may be called from any thread at any time. Several threads may poll one session;
 * each event goes to exactly one of them. The library starts no thread before the first
 * sonoran_connect. After fork() a child of a process that has connected gets SONORAN_E_FORKED from
 * every function that takes a session, and from connect and shutdown; a process that forks first and
 * connects afterwards is fine.
 *
 * EVENTS
 *
 * One ordered stream per session; each event is a JSON object with a string `type`.
 *
 * A push is an event from the CAD: `{"key":...,"type":"EVENT_UNIT_STATUS","data":...}`, the text that
 * the hub sent, byte for byte: numbers, escapes, key order and white space are untouched. It is the
 * body that the CAD sends to game servers by HTTP POST, so code that parsed those keeps working. Where
 * the hub sends the object as a JSON string, the string's content is the event. `key` is the
 * community's API key in plain text: set the option `eventKey` to `"strip"` if the event goes on to
 * other code. Nesting has no limit but `maxMessageBytes`: mind that of your JSON parser.
 *
 * What the library has to say has a `type` that starts with `SESSION_`. No push can look like that:
 * one whose own type starts so, in any case, arrives inside a SESSION_PUSH. Each has a `code` for
 * programs and a `message` for people, one sentence. `retryInMs` says when the next attempt follows.
 *
 *     SESSION_READY           authenticated; pushes flow. serverId, method, and resumed: true when
 *                             this session took over a live connection
 *     SESSION_LOST            a ready link ended. code, message, retryInMs
 *     SESSION_RETRY           an attempt to connect failed. code, message, attempt (failures in a row,
 *                             a lost link among them), retryInMs
 *     SESSION_REJECTED        the hub refused the credentials. message has its own words. retryInMs
 *     SESSION_EVENTS_DROPPED  stands where pushes are missing because the queue was full. count
 *     SESSION_PUSH            a push that is no object with a string `type`, or whose type is
 *                             reserved, or what came beside a push. arguments: what the hub sent,
 *                             as it sent it but for a `key` that is to be stripped
 *     SESSION_CALL_RESULT     how a call of sonoran_invoke ended. id, method, code: ok (then result, as
 *                             the hub wrote it), error, timeout or lost
 *     SESSION_UNITS_REJECTED  the hub refused a call with locations of units. message has its words,
 *                             count: units in the call, suppressed: refusals since the last one told
 *     SESSION_CLOSED          the last event of a session. code: disconnected or idle
 *     SESSION_LOG             only with the option `log`. level, message
 *
 * Codes of LOST, RETRY and REJECTED: dns, connect, tls, http, timeout, handshake, protocol, closed,
 * lost, silent, call-timeout, rejected, internal. New types and codes may be added: ignore what you
 * do not know. The hub may push before it has answered the authentication; such a push is
 * delivered and stands ahead of SESSION_READY.
 *
 * THE QUEUE
 *
 * Events wait until they are polled, up to `queueEvents` and `queueBytes`. Past that the oldest push
 * goes; what the library itself says is never dropped. A session that is neither polled nor sent on
 * for `idleCloseMs` (five minutes) is closed, so that a forgotten one does not swallow events.
 *
 * OPTIONS OF sonoran_connect
 *
 * One JSON object. An unknown key, a wrong type or a value out of range is refused, and
 * sonoran_last_error names it. Times are whole milliseconds.
 *
 *     communityId, apiKey     required, not empty
 *     serverId                0 to 2147483647, or the same as a string of digits; absent or null:
 *                             the session can send but gets no pushes
 *     url                     http, https, ws or wss (https://api.sonorancad.com/apiWsHub)
 *     mode                    "production" or "development" (its staging hub); not with url
 *     authMethod              "auto", "authenticate" or "authenticatev2" ("auto": the first, and
 *                             where the hub does not know it or its arguments, the second)
 *     negotiate               false; true is not supported yet
 *     connectTimeoutMs        15000    100 to 300000; DNS, TCP, TLS and the HTTP upgrade together
 *     handshakeTimeoutMs      15000    100 to 300000
 *     callTimeoutMs           30000    100 to 600000; authentication and hub calls
 *     keepAliveMs             15000    100 to 600000; a ping goes out when nothing else did
 *     serverTimeoutMs         30000    200 to 3600000, at least keepAliveMs; silence that means the link is dead
 *     retryMinMs, retryMaxMs  1000, 60000      10 to 3600000; see RECONNECTING
 *     stableMs                30000    0 to 3600000
 *     authRetryMinMs, authRetryMaxMs  30000, 300000    1000 to 86400000
 *     queueEvents             65536    1 to 16777216
 *     queueBytes              67108864 1024 to 2147483647
 *     maxMessageBytes         16777216 1024 to 1073741824; the largest record the hub may send
 *     unitIntervalMs          250      200 to 60000; see sonoran_send_unit_locations
 *     eventKey                "keep" or "strip": remove the push's top-level `key`
 *     replace                 true; false: refuse a second session for one url, community, server
 *     idleCloseMs             300000   0 (never), or 1000 to 86400000
 *     caFile                  path of a PEM file with further root certificates
 *     insecureTls             false; true: do not verify the hub's certificate
 *     proxy                   not supported yet
 *     headers                 object of further HTTP headers for the upgrade
 *     log                     "off", "error", "warn", "info" or "debug": SESSION_LOG events
 *
 * RECONNECTING
 *
 * For ever, the first connect included. The n-th delay is random between 0 and the smaller of
 * retryMaxMs and retryMinMs * 2^n, so that servers do not come back in step; a Retry-After of the hub
 * is honoured. A link that stayed up for stableMs after authenticating starts the series anew. After
 * the hub refused the credentials the delays are between authRetryMinMs and authRetryMaxMs.
 *
 * WHAT WE DO TO YOUR PROCESS
 *
 * Two kinds of threads, named sonoran: one that runs all sessions, and a few for DNS that come and
 * go. Signals are blocked on them, and no write of ours raises SIGPIPE anywhere. No signal handler,
 * no atexit hook, no output, no change of environment, locale or memory allocator. One fork handler
 * that sets a flag. The library stays mapped once loaded: dlclose and FreeLibrary are safe and do
 * nothing. Call sonoran_shutdown before you exit if you want the sessions to say goodbye; exiting
 * without it is safe. No panic or exception leaves a function.
 *
 * ERRORS
 *
 * Functions that return a number return a negative SONORAN_E_ code on failure; functions that return
 * a string return NULL. sonoran_last_error has the sentence. Codes are never renumbered; new ones may
 * be added inside the ranges: -1 to -9 an argument, -10 to -19 the session, -20 to -29 the process.
 */

#ifndef SONORAN_H
#define SONORAN_H

#include <stdint.h>

/* The version of this header; sonoran_version() is that of the loaded library. */
#define SONORAN_VERSION "0.1.0"
#define SONORAN_VERSION_NUMBER 0x000100

#ifndef SONORAN_API
#  if defined(_WIN32)
#    define SONORAN_API __declspec(dllimport)
#  else
#    define SONORAN_API
#  endif
#endif


/*
 An argument is NULL, is not UTF-8, or is out of range.
 */
#define SONORAN_E_ARGUMENT (-1)

/*
 A text is not the JSON that was expected.
 */
#define SONORAN_E_JSON (-2)

/*
 An option is unknown, missing, of the wrong type or out of range.
 */
#define SONORAN_E_OPTION (-3)

/*
 A text is too large.
 */
#define SONORAN_E_TOO_LARGE (-4)

/*
 A unit update is not as documented.
 */
#define SONORAN_E_UNIT (-5)

/*
 A body does not carry this session's API key.
 */
#define SONORAN_E_KEY (-6)

/*
 There is no session with this number, or it has ended and its last event was polled.
 */
#define SONORAN_E_SESSION (-10)

/*
 A session for this url, community and server exists, and `replace` is false.
 */
#define SONORAN_E_EXISTS (-11)

/*
 The session is not authenticated at the moment.
 */
#define SONORAN_E_NOT_READY (-12)

/*
 The session has ended; what it had queued can still be polled.
 */
#define SONORAN_E_CLOSED (-13)

/*
 Too much waits already.
 */
#define SONORAN_E_BUSY (-14)

/*
 This process is a fork of one that had connected.
 */
#define SONORAN_E_FORKED (-20)

/*
 The operating system refused a thread or another resource.
 */
#define SONORAN_E_SYSTEM (-21)

/*
 Not everything had ended when the time was up.
 */
#define SONORAN_E_TIMEOUT (-22)

/*
 A defect of the library. The session goes on where it can.
 */
#define SONORAN_E_INTERNAL (-29)

/*
 The session resolves, connects or shakes hands.
 */
#define SONORAN_STATE_CONNECTING 1

/*
 The session waits for the hub's answer to its credentials.
 */
#define SONORAN_STATE_AUTHENTICATING 2

/*
 The session is authenticated.
 */
#define SONORAN_STATE_READY 3

/*
 The session waits before its next attempt.
 */
#define SONORAN_STATE_RETRYING 4

/*
 The session has ended. What it had queued can still be polled.
 */
#define SONORAN_STATE_CLOSED 5

/*
 A session: a positive number, never used twice in a process. A number that is not or no longer a
 session gives SONORAN_E_SESSION everywhere.
 */
typedef int32_t sonoran_session;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens a session. Returns its number (> 0) at once; whether it got through is told by events.

 `options_json`: see OPTIONS above. A session for the same url, community and server that is still
 open or was not polled to its end is replaced (unless `replace` is false): its number goes dead,
 the new session takes over its undelivered events, and, where the options are the same, the live
 connection itself, so that nothing is lost when a plugin restarts.

 Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_OPTION, SONORAN_E_TOO_LARGE (over 1 MiB),
 SONORAN_E_EXISTS, SONORAN_E_SYSTEM, SONORAN_E_FORKED. Does not block on the network; `caFile` is
 read before it returns. The first call starts the library's thread. Since 0.1.
 */
SONORAN_API sonoran_session sonoran_connect(const char *options_json);

/*
 Returns the session's next event, or NULL when there is none.

 The string is yours: release it with sonoran_free. Never blocks, never does IO, and allocates
 nothing while there is no event. Call it until it returns NULL, or as often as your tick allows.
 NULL also stands for an error; sonoran_state tells the two apart.

 Errors (NULL, with sonoran_last_error): the session is unknown or has ended. Since 0.1.
 */
SONORAN_API char *sonoran_poll_event(sonoran_session session);

/*
 Releases a string that a function of this library returned as `char *`. NULL is fine.

 Never give it another pointer, or one twice. Any thread; does not block. Since 0.1.
 */
SONORAN_API void sonoran_free(char *string);

/*
 Waits for the session's next event: as sonoran_poll_event, for a thread that has nothing else to do.

 `timeout_ms`: 0 does not wait, a negative number waits without limit. Returns NULL when the time
 is up, when sonoran_wake was called, or on an error. Blocks the calling thread only. Since 0.1.
 */
SONORAN_API char *sonoran_wait_event(sonoran_session session, int32_t timeout_ms);

/*
 Makes the current sonoran_wait_event of this session, or else the next one, return NULL once.

 Returns 0, SONORAN_E_SESSION or SONORAN_E_FORKED. Any thread; does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_wake(sonoran_session session);

/*
 Ends a session. Returns 0 at once; the connection says goodbye in the background.

 What is queued can still be polled; SESSION_CLOSED is the last event, and with it the number goes
 dead. Events that nobody polls go to the next session for the same url, community and server, or
 are dropped by sonoran_shutdown. Calling it twice is fine.

 Errors: SONORAN_E_SESSION, SONORAN_E_FORKED. Since 0.1.
 */
SONORAN_API int32_t sonoran_disconnect(sonoran_session session);

/*
 Returns a SONORAN_STATE_ number, SONORAN_E_SESSION or SONORAN_E_FORKED.

 It is the state of this moment, which may be ahead of the events. Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_state(sonoran_session session);

/*
 Calls a method of the hub. Returns the request's number (> 0) at once.

 `method`: its name. `arguments_json`: a JSON array of its arguments, sent as it is. Exactly one
 SESSION_CALL_RESULT with this number as `id` follows, and is never dropped: the hub's result, its
 error, `timeout` after callTimeoutMs, or `lost` when the link or the session ended first. The hub
 runs the calls of a session one after the other.

 Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_TOO_LARGE (the hub takes 32 KiB a call),
 SONORAN_E_NOT_READY, SONORAN_E_BUSY (256 calls have no result, or 4096 events of the library wait to
 be polled), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_invoke(sonoran_session session, const char *method, const char *arguments_json);

/*
 Takes the locations of units. Returns 0; they go out when the hub may have them.

 `updates_json`: an array of objects as Sonoran documents them for the hub's `unitLocation`:
 `location` (a string) and one of `communityUserId`, `roblox` (a number), `apiId` or `identId`;
 perhaps `coordinates` ({x, y, z, w}), `peerId` and `vehicle`. Unknown fields pass as they are. One
 bad update refuses all of them, and sonoran_last_error names it and the field.

 Give every unit on every tick if you like: the newest location of each unit is sent, in calls of at
 most 25 units and 32 KiB that are at least unitIntervalMs apart, the unit that waits longest first.
 A location that has not changed is not sent again for 10 seconds. What was not sent or not answered
 survives a reconnect. Where the hub finds the calls too fast they get slower by themselves; any other
 refusal of the hub is told by SESSION_UNITS_REJECTED, at most once a minute.

 Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_UNIT, SONORAN_E_TOO_LARGE (over 1 MiB),
 SONORAN_E_BUSY (10000 units wait), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED. Costs the
 caller one parse; does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_send_unit_locations(sonoran_session session, const char *updates_json);

/*
 Takes a push that reached the host by HTTP POST while no session was up. Returns 0; the event joins
 the session's stream under the same rules (`eventKey`, bounds, order of arrival).

 `body`: what was posted: an object whose `key` is this session's API key (compared without regard to
 case, in constant time) and whose `type` is a string. Anything else queues nothing.

 Errors: SONORAN_E_ARGUMENT, SONORAN_E_JSON, SONORAN_E_KEY (answer as to a stranger),
 SONORAN_E_TOO_LARGE (over maxMessageBytes), SONORAN_E_CLOSED, SONORAN_E_SESSION, SONORAN_E_FORKED.
 Does not block. Since 0.1.
 */
SONORAN_API int32_t sonoran_ingest(sonoran_session session, const char *body);

/*
 Returns the session's figures as a JSON object, to be released with sonoran_free.

     session, state          its number; connecting, authenticating, ready, retrying or closed
     pushes                  pushes received
     delivered               events polled, of any kind
     dropped                 pushes dropped because the queue was full
     queuedEvents            events that wait to be polled
     queuedBytes             their size
     receivedBytes           bytes of hub messages received, without TLS and websocket framing
     pendingUnits            units that wait to be sent or for the hub's answer
     unknownMessages         messages of the hub for methods or calls unknown to us, ignored
     attempts                connections tried
     ready                   times the session became ready
     readyMs                 how long the link has been ready now; 0 when it is not
     lastError               the sentence of the last failure, or null

 Errors (NULL): the session is unknown or has ended. Does not block. Since 0.1.
 */
SONORAN_API char *sonoran_stats(sonoran_session session);

/*
 Returns what went wrong in the calling thread's last call that failed: one sentence that names the
 field or the cause. Never NULL; empty when nothing failed yet.

 The library's: valid until this thread's next failing call, never to be freed. Since 0.1.
 */
SONORAN_API const char *sonoran_last_error(void);

/*
 Returns the name of an error code, such as "SONORAN_E_OPTION"; for any other number "unknown".

 The library's: valid for ever, never to be freed. Since 0.1.
 */
SONORAN_API const char *sonoran_error_name(int32_t code);

/*
 Returns the version of the loaded library, such as "0.1.0"; SONORAN_VERSION is that of the header.

 The library's: valid for ever, never to be freed. Since 0.1.
 */
SONORAN_API const char *sonoran_version(void);

/*
 Ends all sessions and the library's threads. Every session's number goes dead and what was not
 polled is dropped: to lose nothing, sonoran_disconnect and poll to SESSION_CLOSED first.

 `timeout_ms`: how long to wait for the goodbyes and the threads; negative counts as 0. Returns how
 many events were dropped (0 or more), or SONORAN_E_TIMEOUT when a thread still ran: it is left to
 end alone. sonoran_connect may follow. Blocks up to the timeout; call it from one thread.

 Errors: SONORAN_E_TIMEOUT, SONORAN_E_FORKED. Since 0.1.
 */
SONORAN_API int32_t sonoran_shutdown(int32_t timeout_ms);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SONORAN_H */
