"""How far a long command is, as lines on standard error."""

import time
from typing import Any

_EVERY_S = 5.0


class Progress:
    """Called with what is done now and how many bytes or rows of it; prints that every five seconds."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._next = time.monotonic() + _EVERY_S

    def __call__(self, what: str, count: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self._stream.write(f"{what}: {count:,}")
