"""The overview of one provider: figures, chart and latest problems, or a line that waits for the first request."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.badges import Badge
from providers.console.frame.page import clock, moment
from providers.console.log.described import shown_names
from providers.console.log.explanations import why_of
from providers.console.log.query import PROBLEMS
from providers.console.provider.chart import PERIODS, chart_of
from providers.console.provider.contact_strip import contacts_of
from providers.console.provider.providers import Row, expiry, provider_rows, with_people
from providers.console.provider.status import Status, provider_status
from providers.console.provider.tabs import get_provider, tab
from providers.health import Health, State, health_of
from providers.models import RequestLog, Resource
from providers.outcomes import Action
from providers.problems import resolutions
from providers.totals import totals

MOST_PROBLEMS = 5
PROBLEM_DAYS = 7
# For how long a trace of a request may come before its count. The log's writer needs about 5 seconds.
UNCOUNTED = timedelta(minutes=1)


@require_safe
def overview(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the overview. The chart and the problems are added once a request has come in."""
    provider = get_provider(provider_id)
    now = timezone.now()
    row = with_people(provider_rows([provider], now))[0]
    context = {
        "row": row,
        "tenant_url": settings.OPTIONS.scim_url,
        "figures": _figures(row, now),
        "token": row.token,
        "had_tokens": row.token is None and provider.tokens.permanent().exists(),
        "created": moment(provider.created_at),
        "created_by": access.name_of(provider.created_by) if provider.created_by else "",
        "ip_mode": provider.get_ip_mode_display(),
    }
    if _has_just_called(provider, row.health):
        context["is_counting"] = True
        if row.health.state is State.NOT_CONNECTED:
            context["status"] = Status(Badge(_("Just connected"), "check"), _being_counted())
    if row.health.requests or row.health.accepted_at or row.health.activity.refused_count:
        context |= {
            "chart": chart_of(provider.pk, request.GET.get("period", ""), now),
            "periods": [(name, word) for name, (word, _hours, _count) in PERIODS.items()],
            "contacts": contacts_of([provider.pk], now)[provider.pk],
            "day_ago": clock(now - timedelta(hours=24), now),
            "problems": _latest_problems(row, now, can_see_names=access.may(request, access.VIEW_PERSONAL)),
            "all_problems": urlencode({"provider": provider.pk, "outcome": PROBLEMS, "period": PROBLEM_DAYS * 24}),
        }
    if access.may(request, access.DELETE_PROVIDER):
        context["groups"] = totals("Group", [provider.pk])[provider.pk].live
    return tab(request, provider, "overview", context)


def _has_just_called(provider: Any, health: Health) -> bool:
    """Whether the first requests have left a trace, but are not counted yet: their counts follow within seconds.

    At most two queries, and none once a request was counted.
    """
    if health.accepted_at or health.activity.refused_count:
        return False
    since = health.at - UNCOUNTED
    traces = [provider.held_at, *(token.last_used_at for token in provider.live_tokens)]
    if any(at and at > since for at in traces):
        return True
    newest = Resource.objects.of(provider).live().order_by("-id").values_list("created", flat=True)
    return any((at := newest.filter(resource_type=kind).first()) and at > since for kind in ("User", "Group"))


def _being_counted() -> SafeString:
    return format_html("{}", _("The first requests have arrived and are being counted."))


def _figures(row: Row, now: datetime) -> dict[str, Any]:
    health, token = row.health, row.token
    share = round(100 * health.failed_changes / health.changes) if health.changes else 0
    return {
        "last": clock(health.accepted_at, now) if health.accepted_at else _("Never"),
        "share": share,
        "token_expiry": expiry(token) if token else "",
        "token_used": clock(token.last_used_at, now) if token and token.last_used_at else "",
        "token_created": clock(token.created_at, now) if token else "",
    }


def _latest_problems(row: Row, now: datetime, *, can_see_names: bool) -> list[dict[str, Any]]:
    """The last five problems, each with the time at which a later request showed that it is over. Two queries.

    A refused token is over when a request was accepted, any other problem by the rules of `providers.problems`.
    """
    of_provider = RequestLog.objects.of(row.provider).problems().since(now - timedelta(days=PROBLEM_DAYS))
    found = list(of_provider.order_by("-id").without_bodies()[:MOST_PROBLEMS])
    over = resolutions(found)
    accepted = row.health.accepted_at
    over |= {entry.id: accepted for entry in found if entry.status == 401 and accepted and accepted > entry.at}
    return [
        {
            "entry": entry,
            "why": why_of(entry, shown_names(entry.rejected, row.provider, can_see_names=can_see_names)),
            "action": Action(entry.action).of(entry.resource_type),
            "at": clock(entry.at, now),
            "resolved": clock(over[entry.id], now) if entry.id in over else "",
        }
        for entry in found
    ]


@require_safe
def live(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Return the status line, which live.js requests until the first request has come in (AC-PROV-6)."""
    provider = get_provider(provider_id)
    health = health_of([provider], timezone.now())[provider.pk]
    is_connected = health.accepted_at is not None
    status = provider_status(provider, health)
    if health.state is State.NOT_CONNECTED and _has_just_called(provider, health):
        status = replace(status, sentence=_being_counted())
    context = {"status": status, "is_connected": is_connected}
    response = render(request, "console/provider/live.html", context)
    if is_connected:
        response["X-Live"] = "done"
    return response
