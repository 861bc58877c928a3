"""Gives memory back to the system after a request that needed much of it.

Otherwise a worker stays as large as its largest request made it: Python finds objects that refer to each other late,
and the C library keeps what was freed between smaller pieces.
"""

import ctypes
import gc
import sys

# A request or response of fewer bytes does not need much memory.
LARGE = 262_144
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def release_after(received: int, sent: int) -> None:
    """Give memory back after a request and a response of so many bytes. It takes some milliseconds if one was large."""
    if max(received, sent) < LARGE:
        return
    gc.collect()
    if _trim is not None:
        _trim(0)
