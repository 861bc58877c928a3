"""The page of a provider's IP restriction: its mode, the addresses that called, and its ranges.

The restriction applies to the SCIM endpoint only, not to the console, so nobody can lock themselves out of
turning it off (AC-IP-8).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from providers.audit import ChangedMeanwhileError
from providers.client_address import client_address
from providers.console.frame import access
from providers.console.frame.badges import Badge
from providers.console.frame.lists import PAGE_SIZE
from providers.console.frame.page import Text, ago, clock, go_to, grouped, show_dialog
from providers.console.frame.settings_form import shown_again
from providers.console.provider.forms import IpModeForm
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.ip_restriction import (
    SEEN_DAYS,
    CannotEnforceError,
    Seen,
    UncoveredError,
    addresses_seen,
    contained,
    matches,
    set_mode,
)
from providers.ip_rules import Network, plain_address
from providers.models import ChangeEvent, IpMode, IpRule, Provider

SHOWN_ADDRESSES = 50
# Microsoft's file, and a report by somebody whom Entra called from an address outside it.
FILE_URL = "https://www.microsoft.com/download/details.aspx?id=56519"
GAP_URL = "https://github.com/MicrosoftDocs/azure-docs/issues/124438"
# Microsoft publishes the file every week: how long until an import is marked as old, and as stale.
OLD, STALE = timedelta(days=14), timedelta(days=45)

MODES: Sequence[tuple[IpMode, Text, Text]] = (
    (IpMode.OFF, gettext_lazy("Off"), gettext_lazy("All addresses are allowed")),
    (IpMode.OBSERVE, gettext_lazy("Observe"), gettext_lazy("Refuse nobody, only note who would be refused")),
    (IpMode.ENFORCE, gettext_lazy("Enforce"), gettext_lazy("Refuse every other address")),
)
COVERED = Badge(gettext_lazy("Allowed"), "check", "ok")
UNCOVERED: Mapping[str, Badge] = {
    IpMode.OFF: Badge(gettext_lazy("Outside the ranges"), "alert"),
    IpMode.OBSERVE: Badge(gettext_lazy("Would be refused"), "alert", "warn"),
    IpMode.ENFORCE: Badge(gettext_lazy("Refused"), "stop", "bad"),
}
CANNOT: Mapping[str, Text] = {
    "no-ranges": gettext_lazy("There are no allowed ranges: enforcing would refuse everybody. Add some first."),
    "everyone": gettext_lazy("Together these allowed ranges contain every address: turn the restriction off instead."),
    "nothing-seen": gettext_lazy("No address seen yet: observe first."),
}


@require_safe
def ip_restriction(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the mode, the addresses seen, the ranges and the imports."""
    provider = get_provider(provider_id)
    now = timezone.now()
    seen = addresses_seen(provider)
    rules = list(provider.ip_rules.order_by("cidr"))
    calls = matches(provider)
    paginator = Paginator(rules, PAGE_SIZE)
    page = paginator.get_page(request.GET.get("p"))
    imports = _imports(rules, now)
    context = {
        "modes": MODES,
        "form": IpModeForm(initial={"mode": provider.ip_mode}),
        "said": _effect(provider.ip_mode, seen, has_rules=bool(rules)),
        "seen": [_seen_row(found, provider.ip_mode, now) for found in seen[:SHOWN_ADDRESSES]],
        "more_seen": max(len(seen) - SHOWN_ADDRESSES, 0),
        "seen_days": SEEN_DAYS,
        "browser": client_address(request),
        "check": _check(request.GET.get("check", ""), rules),
        "page": page,
        "page_range": paginator.get_elided_page_range(page.number),
        "rules": [(rule, grouped(calls.get(rule.pk, 0))) for rule in page.object_list],
        "contained": len(contained(rules)),
        "imports": imports,
        # A directory of another kind has one only if somebody has imported it before.
        "tag": provider.directory.service_tag or (imports[0]["tag"] if imports else ""),
        "file_url": FILE_URL,
        "gap_url": GAP_URL,
    }
    return tab(request, provider, "ip_restriction", context)


def _effect(mode: str, seen: list[Seen], *, has_rules: bool) -> dict[str, Any]:
    """The sentence at the top: what the mode does to the addresses that called, in numbers."""
    uncovered = sum(found.covered_by is None for found in seen)
    numbers = {"all": grouped(len(seen)), "covered": grouped(len(seen) - uncovered), "uncovered": grouped(uncovered)}
    if mode == IpMode.OFF:
        if has_rules:
            follow = _("Observe next: that refuses nobody and shows which addresses are outside the allowed ranges.")
        else:
            follow = _(
                "Add allowed ranges and observe first: that refuses nobody and shows which addresses are outside them."
            )
        return _said(_("Off."), _("All addresses are allowed."), follow)
    word = _("Observing.") if mode == IpMode.OBSERVE else _("Enforced.")
    if not seen:
        return _said(word, _("No address seen yet."), _("Come back when the directory has called."))
    if not uncovered:
        lead = ngettext(
            "The only address seen is in an allowed range.",
            "All %(all)s addresses seen are in allowed ranges.",
            len(seen),
        )
        follow = "" if mode == IpMode.ENFORCE else _("You can enforce when the directory has called for some days.")
        return _said(word, lead % numbers, follow, "ok", "check")
    if mode == IpMode.ENFORCE:
        lead = ngettext(
            "%(uncovered)s of %(all)s addresses seen is outside the allowed ranges: its calls are refused.",
            "%(uncovered)s of %(all)s addresses seen are outside the allowed ranges: their calls are refused.",
            uncovered,
        )
        return _said(word, lead % numbers, _("Allow those that are the directory's."), "bad", "stop")
    lead = ngettext(
        "%(covered)s of %(all)s addresses seen are in allowed ranges; %(uncovered)s would be refused.",
        "%(covered)s of %(all)s addresses seen are in allowed ranges; %(uncovered)s would be refused.",
        uncovered,
    )
    follow = _("Everything still works. Allow the addresses below that are the directory's before you enforce.")
    return _said(
        word, lead % numbers, follow if has_rules else _("There are no allowed ranges yet: add some."), "warn", "alert"
    )


def _said(word: str, lead: str, follow: str, tone: str = "", icon: str = "gear") -> dict[str, Any]:
    return {"word": word, "lead": lead, "follow": follow, "tone": tone, "icon": icon}


def _seen_row(found: Seen, mode: str, now: datetime) -> dict[str, Any]:
    return {
        "seen": found,
        "badge": COVERED if found.covered_by else UNCOVERED[mode],
        "calls": grouped(found.calls),
        "first": clock(found.first_at, now),
        "last": clock(found.last_at, now),
    }


def _check(text: str, rules: list[IpRule]) -> dict[str, Any]:
    """Whether an address that somebody typed is allowed, and the narrowest range that allows it."""
    text = text.strip()[:100]
    if not text:
        return {}
    try:
        address = plain_address(text)
    except ValueError:
        return {"text": text, "problem": _("Enter a valid IP address.")}
    covering: list[Network] = [
        rule.cidr for rule in rules if rule.cidr.version == address.version and address in rule.cidr
    ]
    by = max(covering, key=lambda network: network.prefixlen, default=None)
    return {"text": text, "badge": COVERED if by else UNCOVERED[IpMode.OFF], "by": by}


def _imports(rules: list[IpRule], now: datetime) -> list[dict[str, Any]]:
    """Each imported service tag: its change number, its age, and a tone if it is old."""
    found = {}
    for rule in rules:
        if rule.tag and rule.imported_at:
            age = now - rule.imported_at
            found[rule.tag] = {
                "tag": rule.tag,
                "number": rule.change_number,
                "age": ago(rule.imported_at, now),
                "tone": "bad" if age >= STALE else "warn" if age >= OLD else "",
            }
    return list(found.values())


@require_http_methods(["GET", "HEAD", "POST"])
def ip_mode(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST: change the mode, or show what prevents it, or that somebody changed it while the page was open.

    Enforcing needs a tick if an address that called recently would be refused (AC-IP-4).
    """
    provider = get_provider(provider_id)
    page = reverse("admin:ip_restriction", args=[provider.pk])
    if request.method != "POST":
        return go_to(request, page)
    access.require(request, access.CHANGE_IP, gettext_noop("to change an IP restriction"), provider)
    mode = request.POST.get("mode", "")
    if mode not in IpMode.values:
        return go_to(request, page)
    form = IpModeForm(request.POST, initial={"mode": provider.ip_mode})
    if again := shown_again(form, ChangeEvent.objects.acts().of(provider)):
        return _mode_again(request, provider, *again)
    context: dict[str, Any] = {"provider": provider, "asked": "confirm" in request.POST, "form": form}
    try:
        knows_refused = "understood" in request.POST
        set_mode(provider, IpMode(mode), access.actor_of(request), knows_refused=knows_refused, seen=provider.ip_mode)
    except ChangedMeanwhileError:  # since the provider was read, just now
        return ip_mode(request, provider_id)
    except CannotEnforceError as error:
        return refuse(request, provider, str(CANNOT[error.reason]))
    except UncoveredError as error:
        context["uncovered"] = [(found.address, grouped(found.calls)) for found in error.seen[:SHOWN_ADDRESSES]]
        count = len(error.seen)
        context["lead"] = ngettext(
            "%(count)s address that called in the last 7 days is outside the allowed ranges. It would be refused.",
            "%(count)s addresses that called in the last 7 days are outside the allowed ranges. They would be refused.",
            count,
        ) % {"count": grouped(count)}
        title = _("Enforce anyway?")
        return show_dialog(request, "console/provider/ip_mode.html", title, place_of(provider), context)
    words = {name: word for name, word, _note in MODES}
    messages.success(request, _("IP restriction: %(mode)s.") % {"mode": words[IpMode(mode)]})
    return go_to(request, page)


def _mode_again(
    request: HttpRequest, provider: Provider, form: IpModeForm, meanwhile: Mapping[str, Any]
) -> HttpResponse:
    again = reverse("admin:ip_restriction", args=[provider.pk])
    context = {"provider": provider, "form": form, "modes": MODES, "again": again, **meanwhile}
    title = _("IP restriction")
    return show_dialog(request, "console/provider/ip_mode_again.html", title, place_of(provider), context)


def refuse(request: HttpRequest, provider: Provider, reason: str) -> HttpResponse:
    """Return the dialog with the reason why an act is impossible; there is nothing to confirm."""
    context = {"provider": provider, "reason": reason}
    return show_dialog(request, "console/provider/_cannot.html", _("IP restriction"), place_of(provider), context)
