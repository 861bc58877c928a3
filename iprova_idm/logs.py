"""The lines of the process log: without tokens, e-mail addresses and texts of the database, which quote stored values.

The provisioning log may hold personal values, because it is purged with the user. The process log ends up in files
that nothing purges, so it may hold none (V49).
"""

import logging
import re
import traceback
from types import TracebackType

import psycopg
from django.db.utils import Error as DjangoDatabaseError

from providers.redaction import HIDDEN, redact_text

_ADDRESS = re.compile(r"[^\s@\"'<>()\[\]{},;:=/?&]+(?:@|%40)(?=[^\s@])", re.IGNORECASE)


class LineFormatter(logging.Formatter):
    """Formats a record as a line, and its traceback without the text of an error of the database."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. `record.exc_text` is that of another handler, which may have kept the text of the error."""
        record.exc_text = None
        return _ADDRESS.sub(f"{HIDDEN}@", redact_text(super().format(record)))

    def formatException(self, ei: object) -> str:  # noqa: N802 (the name is logging's)
        """Return the traceback of an exception and of those that it came from."""
        assert isinstance(ei, tuple)
        kind, error, frames = ei
        return "".join(_lines(kind, error, frames, set())).rstrip("\n")


def _lines(
    kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None, seen: set[int]
) -> list[str]:
    if error is None or id(error) in seen:
        return []
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = _lines(type(earlier), earlier, earlier.__traceback__, seen) if earlier else []
    quotes = isinstance(error, (psycopg.Error, DjangoDatabaseError))
    said = [f"{type(error).__qualname__}\n"] if quotes else traceback.format_exception_only(kind, error)
    own = ["Traceback (most recent call last):\n", *traceback.format_tb(frames), *said]
    return [*before, *(["\nand after that:\n\n"] if before else []), *own]
