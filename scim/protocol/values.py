"""Comparison keys of text and times (RFC 7643 §2.3).

Uniqueness, filters and sorting compare the comparison keys of values, not the values as sent.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

# Characters without a visible form (Unicode: Default_Ignorable_Code_Point):
# two names that differ only in them look the same.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def copied(value: Any) -> Any:
    """A deep copy of a JSON value. The standard library's, made for any object, takes ten times as long."""
    if isinstance(value, dict):
        return {name: copied(part) for name, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


def comparison_key(text: str) -> str:
    """NFKC(casefold(NFKC(text))) without ignorable characters and outer white space (threat V9)."""
    if text.isascii():
        return text.lower().strip()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _IGNORABLE.sub("", folded).strip()


def differences_of_equals(one: str, other: str) -> list[str]:
    """In what two texts with the same comparison key differ, for a sentence that says why they count as equal."""
    seen, also_seen = (_IGNORABLE.sub("", text) for text in (one, other))
    bare, also_bare = seen.strip(), also_seen.strip()
    differs_in_case = unicodedata.normalize("NFKC", bare) != unicodedata.normalize("NFKC", also_bare)
    differing = {
        "upper and lower case": differs_in_case,
        "the width or form of characters": bare != also_bare
        and (not differs_in_case or bare.casefold() != also_bare.casefold()),
        "blanks at the beginning or end": seen.partition(bare)[::2] != also_seen.partition(also_bare)[::2],
        "invisible characters": _IGNORABLE.findall(one) != _IGNORABLE.findall(other),
    }
    return [what for what, differs in differing.items() if differs]


def search_key(text: str) -> str:
    """The comparison key with accents dropped, for the console's search."""
    if text.isascii():
        return text.lower().strip()
    parts = unicodedata.normalize("NFKD", comparison_key(text))
    return "".join(char for char in parts if not unicodedata.combining(char))


# The names of values that nobody may read again.
SECRET_NAME = re.compile(r"password|secret|token", re.IGNORECASE)
_DATE_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:\d\d)?", re.ASCII)


def parse_date_time(text: str) -> datetime | None:
    """Read an xsd:dateTime (RFC 7643 §2.3.5); without a zone it is UTC. None for any other text."""
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    plain = f"{year}-{month}-{day}T{hour}:{minute}:{second}.{(fraction or '0')[:6].ljust(6, '0')}"
    try:
        return datetime.fromisoformat(plain + ("+00:00" if zone in (None, "Z", "z") else zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def date_time_key(instant: datetime) -> str:
    """A UTC time as text that sorts in the order of time."""
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
