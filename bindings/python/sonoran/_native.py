"""The functions of sonoran.h, through ctypes."""

import ctypes
import os
import sys
import threading
from ctypes import POINTER, c_char_p, c_int32, c_ssize_t, c_void_p
from typing import Optional, Tuple

VERSION = "0.1.0"
FILE = "sonoran.dll" if sys.platform == "win32" else "libsonoran.so"
LIBRARY = -100

# Each function of the header: what it returns, and what it takes. A string that we must free is a c_void_p,
# because ctypes would copy a c_char_p and lose the pointer.
_FUNCTIONS = {
    "sonoran_connect": (c_int32, [c_char_p]),
    "sonoran_poll_event": (c_void_p, [c_int32]),
    "sonoran_free": (None, [c_void_p]),
    "sonoran_wait_event": (c_void_p, [c_int32, c_int32]),
    "sonoran_wait_any": (c_int32, [POINTER(c_int32), c_int32, c_int32]),
    "sonoran_wait_handle": (c_ssize_t, [c_int32]),
    "sonoran_wake": (c_int32, [c_int32]),
    "sonoran_disconnect": (c_int32, [c_int32]),
    "sonoran_state": (c_int32, [c_int32]),
    "sonoran_invoke": (c_int32, [c_int32, c_char_p, c_char_p]),
    "sonoran_send_unit_locations": (c_int32, [c_int32, c_char_p]),
    "sonoran_ingest": (c_int32, [c_int32, c_char_p]),
    "sonoran_stats": (c_void_p, [c_int32]),
    "sonoran_last_error": (c_char_p, []),
    "sonoran_error_name": (c_char_p, [c_int32]),
    "sonoran_version": (c_char_p, []),
    "sonoran_shutdown": (c_int32, [c_int32]),
}


class SonoranError(Exception):
    """A call failed. The text says in one sentence what is wrong and what to do."""

    def __init__(self, code: int, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        """A SONORAN_E_ code, or LIBRARY: there is no usable library."""
        self.name = name
        """Its name, such as "SONORAN_E_OPTION"."""


_loaded: Optional[ctypes.CDLL] = None
_lock = threading.Lock()


def _release(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".")[:2])


def load(file: Optional[str] = None) -> ctypes.CDLL:
    """Loads the library, once for the process.

    Without `file`: the one that SONORAN_LIBRARY names, or that is in this package, or that the system's loader finds.
    """
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _open(file or os.environ.get("SONORAN_LIBRARY") or _default())
        return _loaded


def _default() -> str:
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), FILE)
    return beside if os.path.exists(beside) else FILE


def _open(file: str) -> ctypes.CDLL:
    def unusable(problem: str) -> SonoranError:
        return SonoranError(LIBRARY, "LIBRARY", problem)

    advice = f"put the {FILE} for this system's architecture and C library there"
    try:
        library = ctypes.CDLL(file)
    except OSError as error:
        raise unusable(f"cannot load {file} ({error}): {advice}") from None
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise unusable(f"{file} is not a whole sonoran library, it lacks {name}: {advice}") from None
        function.restype, function.argtypes = result, arguments
    version = library.sonoran_version().decode()
    if _release(version) < _release(VERSION):
        raise unusable(
            f"{file} is version {version}, but this package was written for {VERSION}: "
            "replace the file by that version or a newer one"
        )
    return library


def check(library: ctypes.CDLL, result: int) -> int:
    """Returns a function's result, or raises the library's sentence."""
    if result < 0:
        name, sentence = library.sonoran_error_name(result), library.sonoran_last_error()
        raise SonoranError(result, name.decode(), sentence.decode())
    return result


def take(library: ctypes.CDLL, pointer: Optional[int]) -> Optional[str]:
    """Copies a string of the library and frees it."""
    if not pointer:
        return None
    try:
        return ctypes.string_at(pointer).decode()
    finally:
        library.sonoran_free(pointer)


def plain(text: str, argument: str) -> bytes:
    """Encodes text that C can take whole."""
    if not isinstance(text, str):
        raise TypeError(f"{argument} is {type(text).__name__}: expected str")
    if "\0" in text:
        raise ValueError(f"{argument} has a NUL character in it: JSON writes that as \\u0000")
    return text.encode()
