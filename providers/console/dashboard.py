"""The dashboard: the worst provider first, four numbers, the changes of all providers, and who called when.

Each number is the count of the very list that it leads to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.activity import slot_of
from providers.console.chart import PERIODS, chart_of
from providers.console.lists import PAGE_SIZE
from providers.console.log_query import CHANGES, PROBLEMS, rows_of
from providers.console.page import Place, show
from providers.console.people_filters import active_people
from providers.console.provider_list import provider_rows, with_people
from providers.console.records import capped_count
from providers.models import Outcome, Provider, RequestCount

CYCLE = timedelta(minutes=40)
CYCLES = 36


@dataclass(frozen=True)
class Figure:
    name: str
    word: str
    number: str
    address: str
    tone: str = ""


@dataclass(frozen=True)
class Contacts:
    """In which of the last 36 cycles of 40 minutes a provider called, oldest first."""

    cycles: tuple[bool, ...]

    @property
    def description(self) -> str:
        count = sum(self.cycles)
        said = ngettext(
            "Called in %(count)s of 36 cycles of 40 minutes.", "Called in %(count)s of 36 cycles of 40 minutes.", count
        )
        return said % {"count": count}

    @property
    def marks(self) -> list[tuple[int, str]]:
        return [(number * 4, "on" if called else "off") for number, called in enumerate(self.cycles)]


def dashboard(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = provider_rows(Provider.objects.live().select_related("paused_by"), now)
    strip = with_people(rows[:PAGE_SIZE])
    contacts = contacts_of([row.provider.pk for row in strip], now)
    context = {
        "strip": [(row, contacts[row.provider.pk]) for row in strip],
        "is_more": len(rows) > PAGE_SIZE,
        "figures": figures(now) if rows else [],
        "chart": chart_of(None, request.GET.get("period", ""), now) if rows else None,
        "periods": [(name, word) for name, (word, _hours, _count) in PERIODS.items()],
    }
    return show(request, "console/dashboard.html", _("External user management"), Place("eum"), context)


def figures(now: datetime) -> list[Figure]:
    """People active, changes of today, problems and refusals of 24 hours. Four counts, each bounded."""
    today = {"action": CHANGES, "outcome": Outcome.SUCCESS.value, "from": f"{timezone.localtime(now):%Y-%m-%d}"}
    problems = {"outcome": PROBLEMS, "period": "24"}
    refused = {"outcome": Outcome.REFUSED.value, "period": "24"}
    users = f"{reverse('admin:users')}?status=active"
    return [
        Figure("people", _("People active"), capped_count(active_people()), users),
        _of_log("changes", _("Changes today"), today),
        _of_log("problems", _("Problems, 24 h"), problems, "bad"),
        _of_log("refused", _("Refused, 24 h"), refused, "bad"),
    ]


def _of_log(name: str, word: str, sent: Mapping[str, str], tone: str = "") -> Figure:
    number = capped_count(rows_of(sent, shows_look_ups=False))
    return Figure(name, word, number, f"{reverse('admin:log')}?{urlencode(sent)}", tone if number != "0" else "")


def contacts_of(provider_ids: Iterable[int], now: datetime) -> dict[int, Contacts]:
    """One query over the counts of twenty minutes; the log is not asked."""
    start = slot_of(now) + timedelta(minutes=20) - CYCLES * CYCLE
    wanted = list(provider_ids)
    called: dict[int, set[int]] = {pk: set() for pk in wanted}
    seen = RequestCount.objects.filter(provider_id__in=wanted, slot__gte=start).values_list("provider_id", "slot")
    for provider_id, slot in seen.distinct():
        called[provider_id].add((slot - start) // CYCLE)
    return {pk: Contacts(tuple(number in found for number in range(CYCLES))) for pk, found in called.items()}
