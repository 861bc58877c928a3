"""Gives memory back to the system after a request that needed much of it.

Otherwise a worker stays as large as its largest request made it: Python finds objects that refer to each other late,
and the C library keeps what was freed between smaller pieces. A few small objects that stay in use can still hold many
pages: after a body of 16 MiB about 40 MB. So the largest requests would find a worker that is large already, and a
worker that does not become small again is replaced.
"""

import ctypes
import gc
import os
import sys
from pathlib import Path

# A request or response of fewer bytes does not need much memory.
LARGE = 262_144
# A worker has about 65 MB when it starts, and may have 160 while it serves any request but the largest.
SMALL_MB = 110
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def release_after(received: int, sent: int) -> bool:
    """Give memory back after a request and a response of so many bytes. It takes some milliseconds if one was large.

    Return whether the process has become small again. It is True on systems that do not tell (`/proc`).
    """
    if max(received, sent) < LARGE:
        return True
    gc.collect()
    if _trim is not None:
        _trim(0)
    return _resident_mb() <= SMALL_MB


def _resident_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576
