"""The dashboard: the providers with the worst first, what needs attention, four figures, and a chart of all requests.

Each figure is the count of the list that it links to. *Needs attention* leaves out what the badges show already.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.activity import log_failure
from providers.console import housekeeping
from providers.console.frame.page import Place, Text, clock, grouped, show
from providers.console.frame.records import capped, capped_count
from providers.console.log.explanations import name_of_problem
from providers.console.log.not_provisioned import OPEN
from providers.console.log.query import CHANGES, PROBLEMS, rows_of
from providers.console.provider.chart import PERIODS, chart_of
from providers.console.provider.contact_strip import Contact, contacts_of
from providers.console.provider.ip_restriction import OLD
from providers.console.provider.providers import Row, provider_rows, with_people
from providers.console.provider.status import provider_status
from providers.health import Reason, State
from providers.models import IpMode, IpRule, Provider, RequestLog
from providers.outcomes import Outcome
from providers.totals import total_of_all

MOST_CARES = 20
# The most urgent providers have a row each. The others are counted by state.
MOST_PROVIDERS = 8


@dataclass(frozen=True)
class Figure:
    """One figure: its number, its words, and the address of the list that it counts."""

    name: str
    word: str
    number: str
    address: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Care:
    """Something that needs attention: `title` links to `address`, and `said` is the sentence next to it."""

    icon: str
    title: Text
    address: str
    said: Text


def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the dashboard; `?period=` is the period of the chart."""
    now = timezone.now()
    rows = provider_rows(Provider.objects.live().select_related("paused_by"), now)
    strip = with_people(rows[:MOST_PROVIDERS])
    contacts = contacts_of([row.provider.pk for row in strip], now)
    lost = log_failure()
    context = {
        "strip": [(row, contacts[row.provider.pk]) for row in strip],
        "legend": list(Contact),
        "others": _others(rows[MOST_PROVIDERS:]),
        "now": clock(now, now, to="second"),
        "lost": lost,
        "cares": list(islice(cares(rows, now, asks_log=lost is None), MOST_CARES)) if rows else [],
        "figures": figures(rows, now, asks_log=lost is None) if rows else [],
        "chart": chart_of(None, request.GET.get("period", ""), now) if rows else None,
        "periods": [(name, word) for name, (word, _hours, _count) in PERIODS.items()],
    }
    return show(request, "console/dashboard.html", _("External user management"), Place("eum"), context)


def _others(rows: Sequence[Row]) -> list[tuple[Text, str, str]]:
    """The providers without a row of their own: each state's word, their number, and the list of all in that state."""
    counts = Counter(row.health.state for row in rows)
    page = reverse("admin:providers")
    return [(state.label, grouped(counts[state]), f"{page}?status={state}") for state in State if counts[state]]


def cares(rows: Iterable[Row], now: datetime, *, asks_log: bool) -> Iterator[Care]:
    """Yield what needs attention, except the one reason that each provider's badge gives. Two or three queries.

    `asks_log`: whether the provisioning log is read too, for the most common problems.
    """
    titles = {row.provider.pk: row.provider.title for row in rows}
    for row in rows:
        said = 1 if row.health.state is State.SOME_ERRORS else 0
        for reason, token in row.health.reasons[said:]:
            if row.health.state is State.PAUSED or (reason is Reason.ERRORS and row.health.state is State.FAILING):
                continue
            alone = replace(row.health, state=State.SOME_ERRORS, reasons=[(reason, token)], token=token)
            status = provider_status(row.provider, alone)
            assert status.step
            yield Care("key" if token else "alert", row.provider.title, status.step.url, status.sentence)
    if asks_log:
        yield from _common_problems(titles, now)
        if any(row.health.problems for row in rows):
            who = f"{reverse('admin:not_provisioned')}?{urlencode({'status': OPEN, 'period': '24'})}"
            yield Care("user", _("Not provisioned"), who, _("See who was not provisioned, and why."))
    restricted = IpRule.objects.of_any(titles).exclude(provider__ip_mode=IpMode.OFF).exclude(tag="")
    lists = restricted.values_list("provider_id", "tag").annotate(Max("imported_at")).order_by("provider_id", "tag")
    for provider_id, tag, imported_at in lists:
        if now - imported_at >= OLD:
            days = {"tag": tag, "days": (now - imported_at).days}
            old = _("The list of %(tag)s was imported %(days)d days ago: Microsoft has newer ones.") % days
            yield Care("clock", titles[provider_id], reverse("admin:ip_restriction", args=[provider_id]), old)
    if count := sum(row.needs_care for row in housekeeping.rows()):
        late = ngettext("%(count)d job needs attention.", "%(count)d jobs need attention.", count)
        yield Care("gear", _("Housekeeping"), reverse("admin:housekeeping"), late % {"count": count})


def _common_problems(titles: Mapping[int, str], now: datetime) -> Iterator[Care]:
    """The three most common problems of the last 24 hours, if they occurred more than once."""
    day = RequestLog.objects.since(now - timedelta(hours=24)).filter(outcome__in=[Outcome.REJECTED, Outcome.ERROR])
    alike = day.of_any(titles).order_by().values("provider_id", "status", "reason", "resource_type")
    for found in alike.annotate(count=Count("pk")).filter(count__gt=1).order_by("-count", "provider_id", "status")[:3]:
        sent = {"provider": str(found["provider_id"]), "status": str(found["status"]), "period": "24"}
        word = name_of_problem(found["status"], found["reason"], found["resource_type"])
        said = _("%(problem)s: %(count)s in 24 h.") % {"count": grouped(found["count"]), "problem": word}
        yield Care("alert", titles[found["provider_id"]], f"{reverse('admin:log')}?{urlencode(sent)}", said)


def figures(rows: Sequence[Row], now: datetime, *, asks_log: bool = True) -> list[Figure]:
    """Return the figures: active users, changes of today, problems and refusals of the last 24 hours.

    The users' number is kept, and three counts are bounded. Without `asks_log` it is the users' alone: a log that
    cannot be written may not be readable either.
    """
    today = {"action": CHANGES, "outcome": Outcome.SUCCESS.value, "from": f"{timezone.localtime(now):%Y-%m-%d}"}
    problems = {"outcome": PROBLEMS, "period": "24"}
    refused = {"outcome": Outcome.REFUSED.value, "period": "24"}
    users = f"{reverse('admin:users')}?status=active"
    total = total_of_all("User")
    disabled = _("%(count)s disabled") % {"count": capped(total.disabled)}
    people = Figure("people", _("Active users"), capped(total.active), users, disabled)
    if not asks_log:
        return [people]
    requests = sum(row.health.requests for row in rows)
    among = ngettext("in %(count)s request", "in %(count)s requests", requests) % {"count": grouped(requests)}
    return [
        people,
        _of_log("changes", _("Changes today"), today, _("since 00:00")),
        _of_log("problems", _("Problems, 24 h"), problems, among, "bad"),
        _of_log("refused", _("Refused, 24 h"), refused, _whose([row for row in rows if row.health.refused]), "bad"),
    ]


def _whose(refused: Sequence[Row]) -> str:
    if not refused:
        return ""
    if len(refused) == 1:
        return _("from %(provider)s") % {"provider": refused[0].provider.title}
    return _("from %(count)s providers") % {"count": grouped(len(refused))}


def _of_log(name: str, word: str, sent: Mapping[str, str], note: str, tone: str = "") -> Figure:
    number = capped_count(rows_of(sent, shows_look_ups=False))
    return Figure(name, word, number, f"{reverse('admin:log')}?{urlencode(sent)}", note, tone if number != "0" else "")
