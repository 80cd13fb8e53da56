"""Tests without a hub: the header's functions and options, ownership, and the sentence of every failure."""

import ctypes
import gc
import inspect
import os
import re
import sys
import threading
import unittest

import sonoran
from sonoran import _native

INCLUDE, BROKEN = sys.argv[1:3]
with open(os.path.join(INCLUDE, "sonoran.h"), encoding="utf-8") as file:
    HEADER = file.read()

# The ctypes equivalents of the header's types.
TYPES = {
    "int32_t": ctypes.c_int32, "sonoran_session": ctypes.c_int32, "intptr_t": ctypes.c_ssize_t, "void": None,
    "char *": ctypes.c_void_p, "const char *": ctypes.c_char_p,
    "const sonoran_session *": ctypes.POINTER(ctypes.c_int32),
}


def nowhere(server, **more):
    """A hub that does not exist, tried once an hour."""
    options = {"retry_min_ms": 3600000, "retry_max_ms": 3600000, **more}
    return sonoran.connect(
        community_id="demo", api_key="demo-key", server_id=server, url="http://127.0.0.1:1/apiWsHub", **options
    )


class Api(unittest.TestCase):
    def fails(self, code, part, call, *arguments):
        with self.assertRaises(sonoran.SonoranError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.name, code)
        self.assertIn(part, str(caught.exception))

    def test_functions_are_the_headers(self):
        code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
        found = re.findall(r"SONORAN_API\s+((?:const )?\w+ \*?)\s*(sonoran_\w+)\(([^)]*)\)", code)
        self.assertGreater(len(found), 16)
        declared = {}
        for result, name, arguments in found:
            split = [re.sub(r"\w+$", "", argument.strip()).strip() for argument in arguments.split(",")]
            taken = [] if arguments == "void" else [TYPES[kind] for kind in split]
            # sonoran_free takes what the others return
            taken = [ctypes.c_void_p] if name == "sonoran_free" else taken
            declared[name] = (TYPES[result.strip()], taken)
        given_away = {name for name, (result, _) in declared.items() if result is ctypes.c_void_p}
        self.assertEqual(given_away, {"sonoran_poll_event", "sonoran_wait_event", "sonoran_stats"})
        for name, (_, arguments) in declared.items():
            if name != "sonoran_free":
                arguments[:] = [ctypes.c_char_p if kind is ctypes.c_void_p else kind for kind in arguments]
        self.assertEqual(declared, _native._FUNCTIONS)

    def test_options_and_version_are_the_headers(self):
        essay = HEADER.split(" * OPTIONS OF sonoran_connect")[1].split(" * RECONNECTING")[0]
        names = [name for line in re.findall(r"^ \*     ([a-zA-Z]+(?:, [a-zA-Z]+)*) +\S", essay, re.M) for name in line.split(", ")]
        ours = [sonoran._camel(name) for name in inspect.signature(sonoran.connect).parameters]
        self.assertEqual(sorted(ours), sorted(names))
        version = re.search(r'#define SONORAN_VERSION "(.*?)"', HEADER)[1]
        self.assertEqual(sonoran.VERSION, version)
        with open(os.path.join(os.path.dirname(__file__), "..", "pyproject.toml"), encoding="utf-8") as file:
            self.assertIn(f'\nversion = "{version}"\n', file.read())

    def test_files_that_are_no_library_are_explained(self):
        for name in ("old.so", "other.so", "foreign.so", "text.so", "missing.so"):
            with self.assertRaises(sonoran.SonoranError) as caught:
                _native._open(os.path.join(BROKEN, name))
            self.assertEqual(caught.exception.code, sonoran.LIBRARY)
            self.assertIn(name, str(caught.exception))

    def test_failures_have_a_sentence(self):
        self.fails("SONORAN_E_OPTION", '"queueEvents"', lambda: nowhere(1, queue_events=0))
        self.fails("SONORAN_E_OPTION", '"types"', lambda: nowhere(1, types=["SESSION_READY"]))
        self.fails("SONORAN_E_JSON", "options_json", sonoran.Session, "{")
        with self.assertRaisesRegex(ValueError, "options_json has a NUL"):
            sonoran.Session("\0")
        with self.assertRaisesRegex(TypeError, "body is int"):
            nowhere(2).ingest(7)
        with nowhere(3) as session:
            self.fails("SONORAN_E_NOT_READY", "ready", session.invoke, "echo", [1])
            self.fails("SONORAN_E_UNIT", "location", session.send_unit_locations, [{"apiId": "a"}])
            self.fails("SONORAN_E_KEY", "apiKey", session.ingest, '{"key":"x","type":"EVENT_911"}')
            with self.assertRaises(ValueError):
                session.invoke("echo", [float("nan")])
        self.fails("SONORAN_E_ARGUMENT", "count", sonoran.wait_any, [])

    def test_a_session_lives_and_ends(self):
        with nowhere(4, types=("EVENT_911", "!EVENT_CALL"), headers={"X-A": "b"}) as session:
            event = session.wait(60)
            self.assertEqual((event.type, event.json()["code"]), ("SESSION_RETRY", "connect"))
            self.assertIn(session.state, ("connecting", "retrying"))
            self.assertIsNone(session.wait(0.3))
            self.assertIsNone(session.poll())
            self.assertEqual(session.stats()["session"], session.number)
            threading.Timer(0.4, session.wake).start()
            self.assertIsNone(session.wait())
            other = nowhere(5)
            self.assertIs(sonoran.wait_any([session, other], 60), other)
            self.assertEqual([event.type for event in other.events()], ["SESSION_RETRY"])
            self.assertIsNone(sonoran.wait_any([session, other], 0.3))
            handle = session.fileno()
            self.assertEqual(session.fileno(), handle)
        self.assertEqual([event.type for event in session.events(60)], ["SESSION_CLOSED"])
        for call in (session.poll, session.wait, session.stats, session.wake, session.fileno, lambda: session.state):
            self.fails("SONORAN_E_SESSION", f"session {session.number} ", call)

    def test_readers_do_not_take_the_session_from_each_other(self):
        readers = [nowhere(7, reader=name) for name in ("map", "discord")]
        for reader in readers:
            self.assertEqual(reader.wait(60).type, "SESSION_RETRY")
        self.fails("SONORAN_E_EXISTS", '"stableMs"', lambda: nowhere(7, reader="third", stable_ms=1))
        readers[0].disconnect()
        self.assertEqual([event.type for event in readers[0].events(60)], ["SESSION_CLOSED"])
        self.assertIn(readers[1].state, ("connecting", "retrying"))

    def test_a_session_that_nobody_holds_is_disconnected(self):
        session = nowhere(6, replace=False)
        self.fails("SONORAN_E_EXISTS", f"session {session.number} ", lambda: nowhere(6, replace=False))
        del session
        gc.collect()
        nowhere(6, replace=False)

    def tearDown(self):
        sonoran.shutdown(30)


unittest.main(argv=sys.argv[:1])
