"""The lines of the process log (standard error): no token, no e-mail address, no stored value (threats V23, V49).

Nothing in this project logs one. This is the net for what a library quotes, and for the texts of exceptions. The
provisioning log may hold personal values, because it is purged with the user; this one ends up in files that nothing
purges.
"""

import logging
import re
import traceback
from types import TracebackType
from typing import Any

import psycopg
from django.db.utils import Error as DjangoDatabaseError
from gunicorn.glogging import Logger

from providers.client_address import client_address
from providers.redaction import HIDDEN, redact_text

# It begins where a word begins, so that a long text is read once.
_ADDRESS = re.compile(r"(?<![^\s\"'<>(=,;:/?&])(?:[^\s\"'<>(=,;:/?&@%]|%(?!40))++(?:@|%40)[^\s\"'<>(),;&]++")


class Formatter(logging.Formatter):
    """Hides tokens and e-mail addresses in an entry, and the text of an error of the database, which quotes values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. `record.exc_text` is that of another handler, which may have kept the text of the error."""
        record.exc_text = None
        return _ADDRESS.sub(HIDDEN, redact_text(super().format(record)))

    def formatException(self, ei: object) -> str:  # noqa: N802 (the name is logging's)
        """Return the traceback of an exception and of those that it came from."""
        assert isinstance(ei, tuple)
        kind, error, frames = ei
        return "".join(_traceback(kind, error, frames, set())).rstrip("\n")


def _traceback(
    kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None, seen: set[int]
) -> list[str]:
    if error is None or id(error) in seen:
        return []
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = _traceback(type(earlier), earlier, earlier.__traceback__, seen) if earlier else []
    quotes = isinstance(error, (psycopg.Error, DjangoDatabaseError))
    said = [f"{type(error).__qualname__}\n"] if quotes else traceback.format_exception_only(kind, error)
    own = ["Traceback (most recent call last):\n", *traceback.format_tb(frames), *said]
    return [*before, *(["\nand after that:\n\n"] if before else []), *own]


class Suspicious(logging.Filter):
    """Shortens Django's entries about suspicious requests, such as a forged Host, to their kind and the address.

    Django would quote what was sent, and add a traceback for each request that anybody can send (threat V56).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            request: Any = getattr(record, "request", None)
            address = client_address(request) if request is not None else None
            record.msg, record.args = "a suspicious request from %s", (address or "an unknown address",)
            record.exc_info = record.exc_text = None
        return True


class GunicornLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log with the same net."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Formatter(self.error_fmt, self.datefmt))
        for handler in self.access_log.handlers:
            handler.setFormatter(Formatter(self.access_fmt))
