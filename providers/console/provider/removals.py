"""The pages of the removal limit: what is held back, each decision in a dialog, and who was removed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from providers import removal_decisions
from providers.console.frame import access
from providers.console.frame.badges import badge_of
from providers.console.frame.masking import mask_text
from providers.console.frame.page import Text, clock, go_to, grouped, moment, show_dialog
from providers.console.frame.records import read_moment
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.events import EventKind
from providers.models import HeldRemoval, Provider, RemovalLimit, Resource, Status
from providers.removal_decisions import ALLOWED_FOR, OFF_HOURS, Situation, StaleDecisionError, situation_of
from providers.removal_limit import SPAN, Removed, held_from, removals_query, removed_between

WAITING_SHOWN, REMOVED_SHOWN, NAMED = 200, 500, 8


@require_safe
def removals(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the removals that are held back, those before them, and the decisions that are possible."""
    provider = get_provider(provider_id)
    now = timezone.now()
    situation = situation_of(provider)
    context: dict[str, Any] = {
        "situation": situation,
        "decisions": [(name, one.button, one.note, one.tone) for name, one in _possible(situation).items()],
        "off_until": clock(situation.count_from, now) if situation.is_off and situation.count_from else "",
        "is_hold": provider.removal_limit == RemovalLimit.HOLD,
    }
    if provider.held_at:
        can_see_names = access.may(request, access.VIEW_PERSONAL)
        window = (held_from(provider), provider.held_at)
        removed, count = removed_between(provider, *window, NAMED)
        held = HeldRemoval.objects.of(provider).order_by("first_at", "pk")[:WAITING_SHOWN]
        context |= {
            "held": clock(provider.held_at, now),
            "rejected": clock(provider.rejected_at, now) if provider.rejected_at else "",
            "removed": [one.name if can_see_names else mask_text(one.name) for one in removed],
            "removed_count": count,
            "removed_more": count - len(removed),
            "removed_address": f"{reverse('admin:removed_users', args=[provider.pk])}?{removals_query(*window)}",
            "rows": _rows(list(held), now, can_see_names=can_see_names),
            "count": situation.waiting + situation.allowed,
        }
    return tab(request, provider, "removals", context)


def _rows(held: list[HeldRemoval], now: datetime, *, can_see_names: bool) -> list[dict[str, Any]]:
    """The removals that are held back, each with the name of its user or group. One query."""
    names = _names_of([one.resource_id for one in held], can_see_names=can_see_names)
    return [
        {
            "removal": one,
            "name": names.get(one.resource_id, str(one.resource_id)),
            "is_group": one.resource_type == "Group",
            "request": _request_of(one),
            "first": clock(one.first_at, now),
            "last": clock(one.last_at, now),
            "allowed": clock(one.allowed_until, now) if one.allowed_until and one.allowed_until > now else "",
        }
        for one in held
    ]


def _names_of(ids: list[UUID], *, can_see_names: bool) -> dict[UUID, str]:
    found = Resource.objects.filter(pk__in=ids).without_documents()
    return {
        one.pk: one.label if can_see_names or one.resource_type == "Group" else mask_text(one.label) for one in found
    }


def _request_of(removal: HeldRemoval) -> str:
    if removal.resource_type == "User":
        return _("Delete") if removal.is_deletion else _("Disable")
    count = removal.user_count
    if removal.is_deletion:
        said = ngettext("Delete this group of %(count)s user", "Delete this group of %(count)s users", count)
    else:
        said = ngettext(
            "Remove %(count)s user, who would be in no group",
            "Remove %(count)s users, who would be in no group or leave it empty",
            count,
        )
    return said % {"count": grouped(count)}


Sentences = list[Any]


@dataclass(frozen=True)
class _Decision:
    """A decision as the console offers it. `title` and `says` get the situation; `says` also the provider."""

    button: Text
    note: Text
    tone: str
    is_possible: Callable[[Situation], object]
    title: Callable[[Situation], str]
    says: Callable[[Situation, Provider], Sentences]
    act: Callable[..., Any]
    done: Text


def _allowing(situation: Situation, provider: Provider) -> Sentences:
    users = ngettext(
        "%(count)s user is affected when the directory requests this again.",
        "%(count)s users are affected when the directory requests this again.",
        situation.waiting_users,
    )
    until = clock(timezone.now() + ALLOWED_FOR, timezone.now())
    return [
        users % {"count": grouped(situation.waiting_users)},
        _("Only exactly these removals are allowed. Everybody else is still held."),
        format_html(_("A removal that the directory has not requested again by {until} waits again."), until=until),
    ]


def _switching_off(situation: Situation, provider: Provider) -> Sentences:
    waiting = ngettext(
        "%(count)s user who waits is removed when the directory asks again.",
        "%(count)s users who wait are removed when the directory asks again.",
        situation.waiting_users,
    )
    return [
        waiting % {"count": grouped(situation.waiting_users)},
        _("Until the time you choose, nobody is counted or held. Then the count starts at zero."),
    ]


def _holding_again(situation: Situation, provider: Provider) -> Sentences:
    again = ngettext(
        "%(count)s user who was allowed, and whom the directory has not removed yet, waits again.",
        "%(count)s users who were allowed, and whom the directory has not removed yet, wait again.",
        situation.allowed_users,
    )
    opened = [again % {"count": grouped(situation.allowed_users)}] if situation.allowed else []
    if situation.is_off and situation.count_from:
        until = clock(situation.count_from, timezone.now())
        opened.append(format_html(_("The removal limit is switched off until {until}. That ends now."), until=until))
    return [
        *opened,
        _("Each further removal is held until an administrator decides. Users who were removed stay removed."),
    ]


def _rejecting(situation: Situation, provider: Provider) -> Sentences:
    affected = situation.waiting_users + situation.allowed_users
    said = ngettext(
        "The directory gets 403 for %(count)s user, and for everybody else whom it wants to remove.",
        "The directory gets 403 for %(count)s users, and for everybody else whom it wants to remove.",
        affected,
    )
    return [
        said % {"count": grouped(affected)},
        _("They stay as they are until you lift the rejection. Correct the scope or the assignments in the directory."),
    ]


def _counting_again(situation: Situation, provider: Provider) -> Sentences:
    said = ngettext(
        "%(count)s user who was held back is removed when the directory asks again.",
        "%(count)s users who were held back are removed when the directory asks again.",
        situation.waiting_users + situation.allowed_users,
    )
    limit = ngettext(
        "Removals are counted from zero: the next hold starts at %(count)s user within an hour.",
        "Removals are counted from zero: the next hold starts at %(count)s users within an hour.",
        provider.removal_limit_users,
    )
    return [
        said % {"count": grouped(situation.waiting_users + situation.allowed_users)},
        limit % {"count": grouped(provider.removal_limit_users)},
    ]


def _allow_title(situation: Situation) -> str:
    said = ngettext("Allow this %(count)s removal?", "Allow these %(count)s removals?", situation.waiting)
    return said % {"count": grouped(situation.waiting)}


DECISIONS: Mapping[str, _Decision] = {
    "allow": _Decision(
        gettext_lazy("Allow these"),
        gettext_lazy("if these removals are intended: only they happen, and everybody else is still held."),
        "primary",
        lambda now: now.is_held and now.waiting,
        _allow_title,
        _allowing,
        removal_decisions.allow_waiting,
        gettext_lazy("These removals are allowed. Everybody else is still held."),
    ),
    "reject": _Decision(
        gettext_lazy("Reject"),
        gettext_lazy("if they are a mistake: the directory gets 403 until you lift the rejection."),
        "bad",
        lambda now: now.is_held,
        lambda now: _("Reject removals?"),
        _rejecting,
        removal_decisions.reject_removals,
        gettext_lazy("Removals are rejected until you lift the rejection."),
    ),
    "lift": _Decision(
        gettext_lazy("Lift the rejection"),
        gettext_lazy("when the directory is corrected: removals are accepted and counted again."),
        "primary",
        lambda now: now.rejected_at,
        lambda now: _("Lift the rejection?"),
        _counting_again,
        removal_decisions.lift_rejection,
        gettext_lazy("The rejection is lifted. Removals are counted again from now on."),
    ),
    "end": _Decision(
        gettext_lazy("End the hold"),
        gettext_lazy("when all is well again: removals are accepted and counted from zero."),
        "",
        lambda now: now.is_held,
        lambda now: _("End the hold?"),
        _counting_again,
        removal_decisions.end_hold,
        gettext_lazy("The hold has ended. Removals are counted again from now on."),
    ),
    "off": _Decision(
        gettext_lazy("Switch the limit off"),
        gettext_lazy("for some hours, if many more intended removals follow: nobody is counted or held."),
        "",
        lambda now: now.held_at,
        lambda now: _("Switch the removal limit off?"),
        _switching_off,
        removal_decisions.switch_limit_off,
        gettext_lazy("The removal limit is switched off for a time."),
    ),
    "again": _Decision(
        gettext_lazy("Hold again"),
        gettext_lazy("to withdraw what was allowed: every further removal is held."),
        "",
        lambda now: now.is_off or (now.allowed and now.is_held),
        lambda now: _("Hold removals again?"),
        _holding_again,
        removal_decisions.hold_again,
        gettext_lazy("Removals are held again."),
    ),
}


def _possible(situation: Situation) -> dict[str, _Decision]:
    return {name: one for name, one in DECISIONS.items() if one.is_possible(situation)}


@require_http_methods(["GET", "HEAD", "POST"])
def decide_removals(request: HttpRequest, provider_id: int, name: str) -> HttpResponse:
    """GET: explain a decision, with numbers and names. POST: decide, if what was explained is still true."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to decide on removals"), provider)
    if name not in DECISIONS:
        raise Http404(_("There is no such decision."))
    decision = DECISIONS[name]
    is_stale = False
    if request.method == "POST":
        try:
            decision.act(provider, access.actor_of(request), **_sent(request, name))
        except StaleDecisionError:
            is_stale = True
            provider = get_provider(provider_id)
        else:
            messages.success(request, str(decision.done))
            return go_to(request, reverse("admin:removals", args=[provider.pk]))
    situation = situation_of(provider)
    if name not in _possible(situation):
        messages.info(request, _("Somebody has decided in the meantime, so nothing was changed now."))
        return go_to(request, reverse("admin:removals", args=[provider.pk]))
    context = {"provider": provider, "name": name, "decision": decision, "is_stale": is_stale}
    context |= _explained(request, provider, situation, name)
    status = 409 if is_stale else 200
    template = "console/provider/decide_removals.html"
    return show_dialog(request, template, decision.title(situation), place_of(provider), context, status=status)


def _sent(request: HttpRequest, name: str) -> dict[str, Any]:
    sent: dict[str, Any] = {"key": request.POST.get("key", "")}
    if name == "allow":
        sent["waiting"] = request.POST.get("waiting", "")
    if name == "off":
        hours = request.POST.get("hours", "")
        sent["hours"] = int(hours) if hours in map(str, OFF_HOURS) else OFF_HOURS[0]
    return sent


def _explained(request: HttpRequest, provider: Provider, situation: Situation, name: str) -> dict[str, Any]:
    """What a dialog says about a decision, and the first users and groups whom it concerns."""
    now = timezone.now()
    held = HeldRemoval.objects.of(provider).order_by("first_at", "pk")
    held = {"allow": held.waiting, "again": held.allowed}.get(name, held.all)()
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    rows = _rows(list(held[:NAMED]), now, can_see_names=can_see_names)
    count = {"allow": situation.waiting, "again": situation.allowed}.get(name, situation.waiting + situation.allowed)
    return {
        "situation": situation,
        "sentences": DECISIONS[name].says(situation, provider),
        "rows": rows,
        "more": count - len(rows),
        "hours": [(hours, clock(now + timedelta(hours=hours), now)) for hours in OFF_HOURS] if name == "off" else [],
        "longest": OFF_HOURS[-1],
    }


_WHAT: Mapping[str, Text] = {
    EventKind.RESOURCE_DISABLED: gettext_lazy("Disabled"),
    EventKind.RESOURCE_DELETED: gettext_lazy("Deleted"),
    "": gettext_lazy("Removed from their groups"),
}


@require_safe
def removed_users(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show who was removed between `?since=` and `?until=`, with what they are now, to restore or enable them.

    Without a time it is the last hour.
    """
    provider = get_provider(provider_id)
    now = timezone.now()
    until = read_moment(request.GET.get("until", "")) or now
    since = read_moment(request.GET.get("since", "")) or until - SPAN
    removed, count = removed_between(provider, since, until, REMOVED_SHOWN)
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    context = {
        "since": moment(since),
        "until": moment(until),
        "rows": _removed_rows(removed, now, can_see_names=can_see_names),
        "count": count,
        "source": [("provider", provider.pk), *parse_qsl(removals_query(since, until))],
        "history": f"{reverse('admin:history', args=[provider.pk])}?what=removals&{removals_query(since, until)}",
    }
    return tab(request, provider, "removed_users", context)


def _removed_rows(removed: list[Removed], now: datetime, *, can_see_names: bool) -> list[dict[str, Any]]:
    """The removed users, each with the present state. One query; a purged user has none."""
    users = {
        one.pk: one for one in Resource.objects.filter(pk__in=[one.user_id for one in removed]).without_documents()
    }
    rows = []
    for one in removed:
        user = users.get(one.user_id)
        is_back = user is not None and user.status is Status.ACTIVE
        name = (user.label if user else one.name) or str(one.user_id)
        rows.append(
            {
                "id": one.user_id,
                "name": name if can_see_names else mask_text(name),
                "what": _WHAT[one.what],
                "at": clock(one.at, now),
                "exists": user is not None,
                "badge": badge_of(user.status) if user else None,
                "can_be_undone": user is not None and not is_back,
            }
        )
    return rows
