"""A response body of any length, in a temporary file.

The file has no name, so nothing is left of it when the process ends. It is in the folder that TMPDIR names, or /tmp.
The body is complete before the response begins: its length is known, a failure on the way is an error response, and
no transaction waits for a slow client.
"""

import tempfile
from collections.abc import Iterator

CHUNK = 65_536


class Spool:
    """Bytes that are written once with `add`, and read by iteration."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`, after the response was sent)
        self._length = 0
        self._before, self._after = b"", b""

    def add(self, part: bytes) -> None:
        self._file.write(part)
        self._length += len(part)

    def __len__(self) -> int:
        return len(self._before) + self._length + len(self._after)

    def __iter__(self) -> Iterator[bytes]:
        yield self._before
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk
        yield self._after

    def __bytes__(self) -> bytes:
        return b"".join(self)

    def wrap(self, before: bytes, after: bytes) -> "Spool":
        """Put more around it."""
        self._before, self._after = before + self._before, self._after + after
        return self

    def close(self) -> None:
        self._file.close()
