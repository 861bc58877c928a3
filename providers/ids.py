"""Ids are UUIDs; ours are of version 7, so their order is that of time."""

import re
from datetime import datetime
from uuid import UUID

_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def parse_id(text: str) -> UUID | None:
    """Read an id: a UUID in lower or upper case, with its hyphens. None for any other text."""
    return exact_id(text.lower())


def exact_id(text: str) -> UUID | None:
    """Read an id that a client sends. It is caseExact (RFC 7643 §3.1): in upper case it is another text, so no id."""
    return UUID(text) if is_exact_id(text) else None


def is_exact_id(text: str) -> bool:
    """Return whether a text has the form of an id."""
    return bool(_FORM.fullmatch(text))


def first_id_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment: a bound by id is a bound by time, and names the months to be read.

    Such an id has 48 bits of milliseconds since 1970. An earlier moment counts as the first of them.
    """
    return UUID(int=max(int(moment.timestamp() * 1_000), 0) << 80)
