"""event_loop.py URL COUNT: one asyncio loop with many sessions. Prints how often it woke up while nothing happened."""

import asyncio
import selectors
import sys

import sonoran

url, count = sys.argv[1] + "/apiWsHub", int(sys.argv[2])


class Counting(selectors.DefaultSelector):
    woken = 0

    def select(self, timeout=None):
        ready = super().select(timeout)
        self.woken += 1
        return ready


async def main(selector: Counting) -> None:
    def connect(server: int) -> sonoran.Session:
        return sonoran.connect(community_id="demo", api_key="demo-key", server_id=server, url=url)

    sessions = [connect(server) for server in range(1, count + 1)]
    ready, seen = asyncio.Queue(), asyncio.Queue()

    async def read(session: sonoran.Session) -> None:
        async for event in session:
            await (ready if event.type == "SESSION_READY" else seen).put((session, event))

    readers = [asyncio.create_task(read(session)) for session in sessions]
    for _ in sessions:
        await asyncio.wait_for(ready.get(), 120)
    await asyncio.sleep(0.5)
    before = selector.woken
    await asyncio.sleep(2)
    # the sleep itself wakes it twice: when its time is up, and to resume the task
    print("woken", selector.woken - before - 2, flush=True)
    # each session gets its own event, and a cancelled wait loses nothing
    for number, session in enumerate(sessions):
        session.ingest('{"key":"demo-key","type":"EVENT_%d"}' % number)
        found, event = await asyncio.wait_for(seen.get(), 120)
        assert found is session and event.type == f"EVENT_{number}", event
    first = sessions[0]
    readers[0].cancel()
    await asyncio.gather(readers[0], return_exceptions=True)
    for number in range(200):
        waiting = asyncio.create_task(first.wait_async())
        await asyncio.sleep(0)
        if number % 2:
            first.ingest('{"key":"demo-key","type":"EVENT_%d"}' % number)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        if number % 2:
            event = first.poll()
            assert event is not None and event.type == f"EVENT_{number}", (number, event)
    # to the last event
    for session in sessions[1:]:
        session.disconnect()
    await asyncio.wait_for(asyncio.gather(*readers[1:]), 120)
    assert seen.qsize() == count - 1, seen.qsize()
    print("ended", flush=True)


selector = Counting()
loop = asyncio.SelectorEventLoop(selector)
loop.set_debug(False)  # debug mode would report slow steps
loop.run_until_complete(main(selector))
loop.close()
sonoran.shutdown(30)
