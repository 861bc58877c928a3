"""*Add provider*, and the page of one provider: its header, its tabs and the overview."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Max, Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_safe

from providers.administration import TitleTakenError, add_provider
from providers.console import access
from providers.console.chart import PERIODS, chart_of
from providers.console.contacts import contacts_of
from providers.console.forms import AddProviderForm, with_suggestion
from providers.console.log_query import PROBLEMS
from providers.console.page import Place, clock, go_to, moment, show, show_dialog
from providers.console.problems import name_of_action, name_of_problem
from providers.console.provider_list import Row, expiry, provider_rows, with_people
from providers.console.status import IP_MODE, provider_status
from providers.health import Health, State, health_of
from providers.models import TEST_PREFIX, IpMode, Provider, RequestLog, SyncedGroup, Token
from providers.outcomes import CHANGES, is_problem, outcome_of

MOST_PROBLEMS = 5
PROBLEM_DAYS = 7


def get_provider(pk: int) -> Any:
    """A live provider with its `live_tokens`, the newest first; 404 for any other."""
    live_tokens = Prefetch("tokens", Token.objects.live().order_by("-created_at", "-pk"), to_attr="live_tokens")
    found = Provider.objects.live().select_related("paused_by", "created_by").prefetch_related(live_tokens)
    provider = found.filter(pk=pk).first()
    if provider is None:
        raise Http404(_("There is no such provider."))
    return provider


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """The form *Add provider*; never makes a token (AC-ADD-7)."""
    access.require(request, access.ADD_PROVIDER, gettext_noop("to add a provider"))
    form = AddProviderForm(with_suggestion(request.POST)) if request.method == "POST" else AddProviderForm()
    if "use" not in request.POST and form.is_bound and form.is_valid():
        mode = IpMode.OBSERVE if form.cleaned_data["ip_restrict"] else IpMode.OFF
        try:
            provider = add_provider(
                form.cleaned_data["title"], access.actor_of(request), ip_mode=mode, ranges=form.networks
            )
        except TitleTakenError:
            form.title_is_taken()
        else:
            messages.success(request, _("Provider added"))
            return go_to(request, reverse("admin:provider", args=[provider.pk]))
    return show_dialog(request, "console/_add_provider.html", _("Add provider"), place_of(), {"form": form})


def place_of(provider: Provider | None = None) -> Place:
    """Below the list of providers, or below the page of one."""
    crumbs = [(_("Providers"), reverse("admin:providers"))]
    if provider:
        crumbs.append((provider.title, reverse("admin:provider", args=[provider.pk])))
    return Place("providers", crumbs)


def tab(
    request: HttpRequest, provider: Any, name: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """One tab of a provider's page, under the header that they share."""
    context = context or {}
    if "row" not in context:
        context["row"] = provider_rows([provider], timezone.now())[0]
    row = context["row"]
    shared = {
        "provider": provider,
        "tab": name,
        "status": row.status,
        "next_contact": _next_contact(row.health),
        "request_key": uuid.uuid4(),
    }
    template = f"console/provider_{name}.html"
    return show(request, template, provider.title, place_of(), {**shared, **context}, status=status)


def _next_contact(health: Health) -> SafeString | str:
    """When the next contact is expected, where the sentence of the state does not say it."""
    is_said = health.state in (State.HEALTHY, State.PAUSED)
    if is_said or health.next_expected is None or health.next_expected < health.at:
        return ""
    return format_html(_("Next contact expected by {time}."), time=clock(health.next_expected, health.at))


@require_safe
def overview(request: HttpRequest, provider_id: int) -> HttpResponse:
    provider = get_provider(provider_id)
    now = timezone.now()
    row = with_people(provider_rows([provider], now))[0]
    context = {
        "row": row,
        "tenant_url": settings.OPTIONS.scim_url,
        "figures": _figures(row, now),
        "token": row.token,
        "had_tokens": row.token is None and provider.tokens.exists(),
        "created": moment(provider.created_at),
        "created_by": access.name_of(provider.created_by) if provider.created_by else "",
        "ip_mode": IP_MODE[provider.ip_mode],
    }
    if row.health.requests or row.health.accepted_at or row.health.activity.refused_count:
        context |= {
            "chart": chart_of(provider.pk, request.GET.get("period", ""), now),
            "periods": [(name, word) for name, (word, _hours, _count) in PERIODS.items()],
            "contacts": contacts_of([provider.pk], now)[provider.pk],
            "day_ago": clock(now - timedelta(hours=24), now),
            "problems": _latest_problems(row, now),
            "all_problems": urlencode({"provider": provider.pk, "outcome": PROBLEMS, "period": PROBLEM_DAYS * 24}),
        }
    if access.may(request, access.DELETE_PROVIDER):
        context["groups"] = SyncedGroup.objects.live().of(provider).count()
    return tab(request, provider, "overview", context)


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


def _latest_problems(row: Row, now: datetime) -> list[dict[str, Any]]:
    """The last five, each with whether it is over: what was in the way then has been done since."""
    since = now - timedelta(days=PROBLEM_DAYS)
    of_provider = RequestLog.objects.filter(provider_id=row.provider.pk, at__gte=since).exclude(
        token_prefix=TEST_PREFIX
    )
    failed = of_provider.filter(status__gte=400).exclude(status=404, method="GET").order_by("-id")
    found = [
        entry
        for entry in failed.defer("request_body", "response_body")[: 4 * MOST_PROBLEMS]
        if is_problem(outcome_of(entry.status), is_change=entry.method in CHANGES)
    ][:MOST_PROBLEMS]
    ids = [entry.resource_id for entry in found if entry.resource_id]
    done = dict(
        of_provider.filter(resource_id__in=ids, status__lt=400, method__in=CHANGES)
        .order_by()
        .values_list("resource_id")
        .annotate(Max("at"))
    )
    accepted = row.health.accepted_at
    shown = []
    for entry in found:
        over = done.get(entry.resource_id)
        if entry.status == 401:
            over = accepted
        shown.append(
            {
                "entry": entry,
                "name": name_of_problem(entry.status, entry.scim_type, entry.resource_type),
                "action": name_of_action(entry.method, entry.resource_type),
                "at": clock(entry.at, now),
                "resolved": clock(over, now) if over and over > entry.at else "",
            }
        )
    return shown


@require_safe
def live(request: HttpRequest, provider_id: int) -> HttpResponse:
    """What live.js asks for every few seconds until a first request has come (AC-PROV-6)."""
    provider = get_provider(provider_id)
    health = health_of([provider], timezone.now())[provider.pk]
    is_connected = health.accepted_at is not None
    context = {"status": provider_status(provider, health), "is_connected": is_connected}
    response = render(request, "console/_live.html", context)
    if is_connected:
        response["X-Live"] = "done"
    return response
