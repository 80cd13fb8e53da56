"""The host under test, as bindings/testing/src/host.rs describes it. With `asyncio` before the arguments, it takes
the events in an event loop, whatever the mode."""

import asyncio
import sys

import sonoran

loop_wanted = sys.argv[1] == "asyncio"
url, mode, path = sys.argv[-3:]
file = open(path, "wb") if path != "-" else None
hub = url + "/apiWsHub"
session = sonoran.connect(community_id="demo", api_key="demo-key", server_id=1, url=hub, log="debug")
pushes = 0


def take(event: sonoran.Event) -> bool:
    """Handles an event. Returns whether to go on."""
    global pushes
    if file:
        file.write(event.encode() + b"\0")
    head = event[:200]
    if '"SESSION_READY"' in head:
        print("ready", flush=True)
    elif '"SESSION_LOST"' in head:
        raise SystemExit(event)
    elif '"TEST_MARK"' in head:
        print("mark", pushes, flush=True)
        pushes = 0
    elif '"TEST_CALL"' in head:
        session.invoke("echo", [[7, "x"]])
        session.send_unit_locations([{"communityUserId": "u-1", "location": "Legion Square"}])
        session.ingest('{"key":"demo-key", "type":"EVENT_INGESTED","data":1.50}')
    elif '"SESSION_CALL_RESULT"' in head or '"EVENT_INGESTED"' in head:
        print("saw", event, flush=True)
    elif '"TEST_END"' in head:
        return False
    elif '"SESSION_LOG"' not in head:
        pushes += 1
    return True


async def take_all() -> None:
    async for event in session:
        if not take(event):
            return


def poll_all() -> None:
    while True:
        event = session.wait(60) if mode == "wait" else session.poll() or session.wait(0.001)
        if event is not None and not take(event):
            return


with session:
    asyncio.run(take_all()) if loop_wanted else poll_all()
if file:
    file.close()
del session
sonoran.shutdown(30)
