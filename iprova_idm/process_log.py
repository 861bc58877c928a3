"""The lines of the process log (standard error): no token and no e-mail address is written to it (threats V23, V49).

Nothing in this project logs either. This is the net for what a library quotes, and for the texts of exceptions.
"""

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

from providers.client_address import client_address

HIDDEN = "•••"
# Both begin where a word begins, so that a long text is read once.
_TOKEN = re.compile(r"ipr_[A-Za-z0-9_-]{20,}+")
_ADDRESS = re.compile(r"(?<![^\s\"'<>(=,;:/?&])(?:[^\s\"'<>(=,;:/?&@%]|%(?!40))++(?:@|%40)[^\s\"'<>(),;&]++")


class Formatter(logging.Formatter):
    """Hides tokens and e-mail addresses in the whole text of an entry, with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return _ADDRESS.sub(HIDDEN, _TOKEN.sub(f"ipr_{HIDDEN}", text))


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
