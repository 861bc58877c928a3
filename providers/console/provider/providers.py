"""The list of providers, worst first, and the deleted ones that can still be restored.

Status and errors come from health, not from a column. So the health of all providers is computed (in a fixed number
of queries), and they are sorted here. No users are counted: their numbers are kept (`providers.totals`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from providers.console.frame.lists import PAGE_SIZE
from providers.console.frame.page import Place, Text, clock, grouped, moment, show
from providers.console.provider.status import Status, provider_status
from providers.health import Health, State, health_of
from providers.models import MAX_SEARCH_LENGTH, MAX_SEARCH_WORDS, RECYCLE_BIN_DAYS, Provider, Token
from providers.totals import Total, totals
from scim.protocol.values import comparison_key

NO_USERS = Total()


@dataclass(frozen=True)
class Row:
    """One provider as lists and the dashboard show it."""

    provider: Provider
    health: Health
    status: Status
    users: Total = NO_USERS

    @property
    def token(self) -> Token | None:
        return self.health.current

    @property
    def active(self) -> int:
        return self.users.active

    @property
    def disabled(self) -> int:
        return self.users.disabled

    @property
    def people(self) -> int:
        return self.users.live


def provider_rows(providers: Iterable[Provider], now: datetime) -> list[Row]:
    """Return each provider with its health, worst first and then by title, without the numbers of users."""
    known = list(providers)
    health = health_of(known, now)
    rows = [Row(found, health[found.pk], provider_status(found, health[found.pk])) for found in known]
    return sorted(rows, key=lambda row: (row.health.state.rank, row.provider.title_key))


def with_people(rows: list[Row]) -> list[Row]:
    """Return the same rows with their numbers of users. One query."""
    found = totals("User", [row.provider.pk for row in rows])
    return [replace(row, users=found[row.provider.pk]) for row in rows]


# By the name in the address: the column's title and its sort key.
COLUMNS: Mapping[str, tuple[Text, Callable[[Row], Any]]] = {
    "title": (gettext_lazy("Title"), lambda row: row.provider.title_key),
    "status": (gettext_lazy("Status"), lambda row: row.health.state.rank),
    "last": (gettext_lazy("Last activity"), lambda row: -_seconds(row.health.accepted_at)),
    "users": (gettext_lazy("Users"), lambda row: row.people),
    "errors": (gettext_lazy("Problems 24 h"), lambda row: row.health.problems),
    "ip": (gettext_lazy("IP restriction"), lambda row: row.provider.ip_mode),
    "token": (gettext_lazy("Token"), lambda row: _seconds(row.token.expires_at if row.token else None)),
}


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


@require_safe
def providers(request: HttpRequest) -> HttpResponse:
    """Show the list.

    `?o=` is a name in COLUMNS to sort by, with `-` in front for descending. `?q=` is a part of the title, `?status=` a
    state.
    """
    now = timezone.now()
    known = list((Provider.objects.live() | Provider.objects.restorable()).with_oauth().select_related("paused_by"))
    rows = provider_rows([provider for provider in known if provider.deleted_at is None], now)
    deleted = [(provider, provider.deleted_at) for provider in known if provider.deleted_at is not None]
    deleted.sort(key=lambda pair: pair[1], reverse=True)
    is_empty = not rows
    chosen = _chosen(request.GET)
    named = [row for row in rows if all(word in row.provider.title_key for word in _words(chosen.get("q", "")))]
    chips = list(_chips(named, chosen))
    rows = [row for row in named if row.health.state == chosen.get("status", row.health.state)]
    order = request.GET.get("o", "status")
    column, is_descending = order.removeprefix("-"), order.startswith("-")
    if column not in COLUMNS:
        order, column, is_descending = "status", "status", False
    if column == "users":
        rows = with_people(rows)
    # The sort is stable: rows that are equal in this column stay worst first, then by title.
    rows.sort(key=COLUMNS[column][1], reverse=is_descending)
    paginator = Paginator(rows, PAGE_SIZE)
    page = paginator.get_page(request.GET.get("p"))
    context = {
        "headers": [_header(name, order, chosen) for name in COLUMNS],
        "is_empty": is_empty,
        "chosen": chosen,
        "order": order,
        "chips": chips,
        "kept": f"{_query(chosen, o=order)}&",
        "rows": [_cells(row, now) for row in with_people(list(page.object_list))],
        "page": page,
        "page_range": paginator.get_elided_page_range(page.number),
        "deleted": [(provider, moment(at)) for provider, at in deleted[:PAGE_SIZE]],
        "days": RECYCLE_BIN_DAYS,
    }
    return show(request, "console/provider/providers.html", _("Providers"), Place("providers"), context)


def _chosen(sent: QueryDict) -> dict[str, str]:
    """The filters of an address that have a value; an unknown state finds nothing."""
    found = {name: sent.get(name, "").replace("\0", "").strip()[:MAX_SEARCH_LENGTH] for name in ("q", "status")}
    return {name: value for name, value in found.items() if value}


def _words(text: str) -> list[str]:
    return [comparison_key(word) for word in text.split()[:MAX_SEARCH_WORDS]]


def _chips(rows: Iterable[Row], chosen: Mapping[str, str]) -> Iterator[tuple[Text, str, str, bool]]:
    """Yield each state that occurs: its word, the number of providers, its address, and whether it is chosen.

    The first one is for all.
    """
    counts = Counter(row.health.state for row in rows)
    others = {name: value for name, value in chosen.items() if name != "status"}
    status = chosen.get("status", "")
    yield _("All"), grouped(counts.total()), f"?{_query(others)}", not status
    for state in State:
        if counts[state] or state == status:
            yield state.label, grouped(counts[state]), f"?{_query(others, status=state)}", state == status


def _query(chosen: Mapping[str, str], **more: str) -> str:
    query = QueryDict(mutable=True)
    for name, value in {**chosen, **more}.items():
        query[name] = value
    return query.urlencode()


def _header(name: str, order: str, chosen: Mapping[str, str]) -> dict[str, Any]:
    is_sorted = order.removeprefix("-") == name
    is_ascending = is_sorted and not order.startswith("-")
    return {
        "word": COLUMNS[name][0],
        "address": f"?{_query(chosen, o=f'-{name}' if is_ascending else name)}",
        "sorted": ("ascending" if is_ascending else "descending") if is_sorted else "",
    }


def _cells(row: Row, now: datetime) -> dict[str, Any]:
    accepted = row.health.accepted_at
    return {
        "row": row,
        "last": clock(accepted, now) if accepted else _("Never"),
        "ip_mode": row.provider.get_ip_mode_display(),
        "expiry": expiry(row.token) if row.token else "",
    }


def expiry(token: Token) -> str | SafeString:
    """Return in words when a token expires."""
    if token.expires_at is None:
        return _("never expires")
    return format_html(_("expires {time}"), time=moment(token.expires_at))
