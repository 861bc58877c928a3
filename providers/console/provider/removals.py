"""The page of the removal limit: the removals that are held back, and the decision about them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from providers.administration import allow_removals, lift_rejection, reject_removals
from providers.console.frame import access
from providers.console.frame.masking import mask_text
from providers.console.frame.page import clock, go_to
from providers.console.provider.tabs import get_provider, tab
from providers.models import HeldRemoval, Provider, SyncedUser
from providers.removal_limit import ALLOWED_FOR, held_from, removals_between, removals_query

WAITING_SHOWN, REMOVED_SHOWN = 200, 100
_ACTS = {
    "release": (allow_removals, _("Removals are allowed for 24 hours.")),
    "reject": (reject_removals, _("Further removals are rejected until you lift the rejection.")),
    "lift": (lift_rejection, _("The rejection is lifted; removals are counted again from now on.")),
}


@require_http_methods(["GET", "HEAD", "POST"])
def removals(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: show the removals so far, those held back, and each decision. POST: decide; the button names the act."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.CHANGE_PROVIDER, gettext_noop("to decide on removals"), provider)
        act, said = _ACTS.get(request.POST.get("act", ""), (None, ""))
        if act:
            act(provider, access.actor_of(request))
            messages.success(request, said)
        return go_to(request, reverse("admin:removals", args=[provider.pk]))
    return tab(request, provider, "removals", _context(request, provider))


def _context(request: HttpRequest, provider: Provider) -> dict[str, Any]:
    now = timezone.now()
    context: dict[str, Any] = {"hours": int(ALLOWED_FOR.total_seconds() // 3600)}
    if provider.removals_count_from and provider.removals_count_from > now:
        context["released_until"] = clock(provider.removals_count_from, now)
    if not provider.held_at:
        return context
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    window = (held_from(provider), provider.held_at)
    removed = removals_between(provider, *window)
    waiting = HeldRemoval.objects.of(provider)
    return context | {
        "held": clock(provider.held_at, now),
        "rejected": clock(provider.rejected_at, now) if provider.rejected_at else "",
        "removed": [name if can_see_names else mask_text(name) for name in removed[:REMOVED_SHOWN]],
        "removed_count": removed.count(),
        "removed_address": f"{reverse('admin:history', args=[provider.pk])}?{removals_query(*window)}",
        "waiting": _rows(list(waiting.order_by("first_at", "pk")[:WAITING_SHOWN]), can_see_names=can_see_names),
        "waiting_count": waiting.count(),
    }


def _rows(waiting: list[HeldRemoval], *, can_see_names: bool) -> list[dict[str, Any]]:
    """The removals that are held back, each with the name of its user. One query."""
    users = SyncedUser.objects.in_bulk([removal.resource_id for removal in waiting])
    now = timezone.now()
    rows = []
    for removal in waiting:
        user = users.get(removal.resource_id)
        name = (user.display_name or user.user_name or "") if user else str(removal.resource_id)
        rows.append(
            {
                "removal": removal,
                "name": name if can_see_names else mask_text(name),
                "first": clock(removal.first_at, now),
                "last": clock(removal.last_at, now),
            }
        )
    return rows
