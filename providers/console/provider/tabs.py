"""Code that the pages of one provider share: finding the provider, the header with the tabs, and the crumbs."""

import uuid
from typing import Any

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.frame.gone import missing_provider
from providers.console.frame.page import Place, clock, show
from providers.console.provider.providers import provider_rows
from providers.console.provider.public_address import address_warning
from providers.health import Health, State
from providers.models import Provider, Token


def get_provider(pk: int) -> Any:
    """Return a live provider with its `live_tokens`, newest first. Two queries.

    Raises GoneError for a provider that was deleted, and Http404 for one that never was.
    """
    live_tokens = Prefetch("tokens", Token.objects.live().order_by("-created_at", "-pk"), to_attr="live_tokens")
    found = Provider.objects.live().with_oauth().select_related("paused_by", "created_by").prefetch_related(live_tokens)
    provider = found.filter(pk=pk).first()
    if provider is None:
        raise missing_provider(pk)
    return provider


def place_of(provider: Provider | None = None) -> Place:
    """Return the place of a page below the list of providers, or below the overview of one."""
    crumbs = [(_("Providers"), reverse("admin:providers"))]
    if provider:
        crumbs.append((provider.title, reverse("admin:overview", args=[provider.pk])))
    return Place("providers", crumbs)


def tab(
    request: HttpRequest, provider: Any, name: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Return one tab of a provider's page, under the header that all tabs share.

    The context may have `row`, the provider with its health; otherwise it is read here.
    """
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
        "address_warning": address_warning(provider) if name in ("overview", "guide") else "",
    }
    template = f"console/provider/{name}.html"
    return show(request, template, provider.title, place_of(), {**shared, **context}, status=status)


def _next_contact(health: Health) -> SafeString | str:
    """When the next contact is expected; "" if the sentence of the state has it already, or if it is late."""
    is_said = health.state in (State.HEALTHY, State.PAUSED)
    if is_said or health.next_expected is None or health.next_expected < health.at:
        return ""
    return format_html(_("Next contact expected by {time}."), time=clock(health.next_expected, health.at))
