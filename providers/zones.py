"""Time zones: which names are known, and how a moment names its zone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

_REGIONS = {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}


@cache
def zones() -> frozenset[str]:
    """Return the names of the zones that can be chosen: UTC, and those named after a place (IANA)."""
    return frozenset({"UTC"} | {name for name in available_timezones() if name.partition("/")[0] in _REGIONS})


@cache
def zones_by_region() -> Mapping[str, Sequence[str]]:
    """Return the zones named after a place, in the order of a menu."""
    found: dict[str, list[str]] = {}
    for name in sorted(zones() - {"UTC"}):
        found.setdefault(name.partition("/")[0], []).append(name)
    return found


def zone_of(local: datetime) -> str:
    """Return the short name of a local time's zone, such as `CET`; where it has none, `UTC-03` or `UTC+05:45`."""
    name = local.tzname() or "UTC"
    return f"UTC{name[:3]}{name[3:] and ':'}{name[3:]}" if name[0] in "+-" else name
