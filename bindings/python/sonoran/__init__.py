"""Events from Sonoran CAD's websocket hub: 911 calls, unit status, panic buttons, the moment they happen.

    import sonoran

    with sonoran.connect(community_id="abc", api_key=key, server_id=1) as session:
        async for event in session:
            print(event.type, event)

sonoran.h is the manual: what the options, the events and the error codes are, and what the library does to a process.
Any number of threads and event loops may use one session; each event goes to one of them.
"""

import asyncio
import ctypes
import json
import threading
import time
import weakref
from collections import deque
from typing import Any, AsyncIterator, Deque, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from ._native import LIBRARY, VERSION, SonoranError, check, load, plain, take

__all__ = ["LIBRARY", "VERSION", "Event", "Session", "SonoranError", "connect", "load", "shutdown", "wait_any"]

Json = Union[str, Sequence[Any], Mapping[str, Any]]

_STATES = ("connecting", "authenticating", "ready", "retrying", "closed")
_E_SESSION = -10
# A native wait delays Ctrl-C by up to this long.
_SLICE_MS = 250


class Event(str):
    """An event as the CAD sent it, or as the library made it: JSON text."""

    __slots__ = ()

    def json(self) -> Dict[str, Any]:
        """The parsed event."""
        parsed: Dict[str, Any] = json.loads(self)
        return parsed

    @property
    def type(self) -> str:
        """Its type, such as "EVENT_911" or "SESSION_READY"."""
        return str(self.json()["type"])


def _milliseconds(seconds: float) -> int:
    return max(0, min(int(seconds * 1000), 0x7FFFFFFF))


def _text(value: Json, argument: str) -> bytes:
    return plain(value if isinstance(value, str) else json.dumps(value, allow_nan=False), argument)


class Session:
    """A session with the hub. Leaving its `with` block, or losing the last reference, disconnects it."""

    def __init__(self, options_json: str) -> None:
        """Opens a session with the options of sonoran.h as JSON text; see `connect`."""
        self._number = 0
        self._library = load()
        self._number = check(self._library, self._library.sonoran_connect(plain(options_json, "options_json")))
        self._lock = threading.Lock()
        # For each event loop, the futures to resolve once there may be an event.
        self._waiting: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Deque[asyncio.Future[None]]]"
        self._waiting = weakref.WeakKeyDictionary()

    @property
    def number(self) -> int:
        """Its number in the C API."""
        return self._number

    def poll(self) -> Optional[Event]:
        """The next event, or None. Never blocks. SonoranError once the session is gone, after its last event."""
        text = take(self._library, self._library.sonoran_poll_event(self._number))
        if text is not None:
            return Event(text)
        check(self._library, self._library.sonoran_state(self._number))
        return None

    def wait(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event; blocks this thread for `timeout` seconds, or until there is one. None: time up, or woken."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_MS if until is None else _milliseconds(until - time.monotonic())
            slice_ms = min(left, _SLICE_MS)
            started = time.monotonic()
            text = take(self._library, self._library.sonoran_wait_event(self._number, slice_ms))
            if text is not None:
                return Event(text)
            check(self._library, self._library.sonoran_state(self._number))
            woken = time.monotonic() - started < slice_ms / 1000
            if woken or (until is not None and time.monotonic() >= until):
                return None

    def wake(self) -> None:
        """Makes the current wait in another thread, or else the next one, return None once."""
        check(self._library, self._library.sonoran_wake(self._number))

    def events(self, timeout: float = 0) -> Iterator[Event]:
        """Iterates over the queued events; with `timeout` it also waits that many seconds for each."""
        while True:
            try:
                event = self.wait(timeout) if timeout else self.poll()
            except SonoranError as error:
                if error.code != _E_SESSION:
                    raise
                return
            if event is None:
                return
            yield event

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Iterates over all events, up to the session's last. The event loop sleeps while there is none."""
        while True:
            try:
                event = await self.wait_async()
            except SonoranError as error:
                if error.code != _E_SESSION:
                    raise
                return
            if event is not None:
                yield event

    async def wait_async(self) -> Event:
        """The next event, for asyncio: no thread waits. Cancelling it loses no event."""
        while True:
            event = self.poll()
            if event is not None:
                return event
            await self._worth_a_look()

    async def _worth_a_look(self) -> None:
        loop = asyncio.get_running_loop()
        future: "asyncio.Future[None]" = loop.create_future()
        waiting = self._waiting.setdefault(loop, deque())
        handle = self.fileno()
        if not waiting:
            try:
                loop.add_reader(handle, self._look, waiting)
            except NotImplementedError:  # the loop of Windows waits only for sockets
                await loop.run_in_executor(None, self._wait_for_one)
                return
        waiting.append(future)
        try:
            await future
        finally:
            waiting.remove(future)
            if not waiting:
                loop.remove_reader(handle)

    @staticmethod
    def _look(waiting: "Deque[asyncio.Future[None]]") -> None:
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _wait_for_one(self) -> None:
        self._library.sonoran_wait_any(ctypes.byref(ctypes.c_int32(self._number)), 1, _SLICE_MS)

    def fileno(self) -> int:
        """For a selector to wait on until there is an event to poll: a file descriptor; on Windows an event's HANDLE.

        It belongs to the library: only wait on it.
        """
        return check(self._library, self._library.sonoran_wait_handle(self._number))

    @property
    def state(self) -> str:
        """"connecting", "authenticating", "ready", "retrying" or "closed". SonoranError when the session is gone."""
        state = check(self._library, self._library.sonoran_state(self._number))
        return _STATES[state - 1] if 1 <= state <= len(_STATES) else str(state)

    def invoke(self, method: str, arguments: Json = ()) -> int:
        """Calls a method of the hub. Returns the request's number: one SESSION_CALL_RESULT with it as `id` follows."""
        name, text = plain(method, "method"), _text(arguments, "arguments")
        return check(self._library, self._library.sonoran_invoke(self._number, name, text))

    def send_unit_locations(self, updates: Json) -> None:
        """Takes the newest locations of units: a list of dicts as sonoran.h describes them, or JSON text."""
        text = _text(updates, "updates")
        check(self._library, self._library.sonoran_send_unit_locations(self._number, text))

    def ingest(self, body: str) -> None:
        """Takes a push that reached this program by HTTP: the posted text. It joins the events."""
        check(self._library, self._library.sonoran_ingest(self._number, plain(body, "body")))

    def stats(self) -> Dict[str, Any]:
        """The session's figures; sonoran.h lists them."""
        text = take(self._library, self._library.sonoran_stats(self._number))
        if text is None:
            check(self._library, self._library.sonoran_state(self._number))
            raise SonoranError(_E_SESSION, "SONORAN_E_SESSION", f"session {self._number} has ended")
        figures: Dict[str, Any] = json.loads(text)
        return figures

    def disconnect(self) -> None:
        """Ends the session. Queued events can still be polled; SESSION_CLOSED is the last."""
        self._library.sonoran_disconnect(self._number)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def __del__(self) -> None:
        if self._number > 0:
            self.disconnect()

    def __repr__(self) -> str:
        return f"<sonoran.Session {self._number}>"


def connect(
    *,
    community_id: str,
    api_key: str,
    server_id: Union[int, str, None] = None,
    url: Optional[str] = None,
    mode: Optional[str] = None,
    auth_method: Optional[str] = None,
    negotiate: Optional[bool] = None,
    connect_timeout_ms: Optional[int] = None,
    handshake_timeout_ms: Optional[int] = None,
    call_timeout_ms: Optional[int] = None,
    keep_alive_ms: Optional[int] = None,
    server_timeout_ms: Optional[int] = None,
    retry_min_ms: Optional[int] = None,
    retry_max_ms: Optional[int] = None,
    stable_ms: Optional[int] = None,
    auth_retry_min_ms: Optional[int] = None,
    auth_retry_max_ms: Optional[int] = None,
    queue_events: Optional[int] = None,
    queue_bytes: Optional[int] = None,
    max_message_bytes: Optional[int] = None,
    unit_interval_ms: Optional[int] = None,
    event_key: Optional[str] = None,
    types: Optional[Sequence[str]] = None,
    reader: Optional[str] = None,
    replace: Optional[bool] = None,
    idle_close_ms: Optional[int] = None,
    ca_file: Optional[str] = None,
    insecure_tls: Optional[bool] = None,
    proxy: Optional[str] = None,
    headers: Optional[Mapping[str, str]] = None,
    log: Optional[str] = None,
) -> Session:
    """Opens a session. Does not block on the network: events report the rest.

    The options are those of sonoran.h, in Python's spelling: `retryMinMs` is `retry_min_ms`. None leaves one out.
    """
    given = {_camel(name): value for name, value in locals().items() if value is not None}
    return Session(json.dumps(given, default=list))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def wait_any(sessions: Sequence[Session], timeout: Optional[float] = None) -> Optional[Session]:
    """The first of these sessions that has an event to poll. None: `timeout` seconds are up, or one was woken.

    A busy session does not hide the others. Blocks this thread.
    """
    library = load()
    numbers: List[int] = [session.number for session in sessions]
    array = (ctypes.c_int32 * len(numbers))(*numbers)
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _SLICE_MS if until is None else _milliseconds(until - time.monotonic())
        slice_ms = min(left, _SLICE_MS)
        started = time.monotonic()
        found = check(library, library.sonoran_wait_any(array, len(numbers), slice_ms))
        if found:
            return next(session for session in sessions if session.number == found)
        woken = time.monotonic() - started < slice_ms / 1000
        if woken or (until is not None and time.monotonic() >= until):
            return None


def shutdown(timeout: float = 5.0) -> int:
    """Ends all sessions of the process and the library's threads. Returns how many events were dropped."""
    library = load()
    return check(library, library.sonoran_shutdown(_milliseconds(timeout)))
