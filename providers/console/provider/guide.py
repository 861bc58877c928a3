"""The setup guide of a provider, in the order and with the words of its directory (`providers.kinds`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from providers.administration import tick_guide
from providers.connection_test import AlreadyTestingError, run_connection_test
from providers.console.frame import access
from providers.console.frame.page import Place, Text, clock, go_to, show, show_dialog
from providers.console.provider.public_address import address_warning
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.kinds import DEFAULT
from providers.models import Provider, ProviderActivity, Resource


@dataclass(frozen=True)
class Step:
    """One step; `shows` names a value to copy ("url" or "token"), which the page shows next to the step.

    `shown_by` names what can only arrive once the step is done: "request", "user" or "group".
    """

    id: str
    title: Text
    text: Text
    shows: str = ""
    shown_by: str = ""


@dataclass(frozen=True)
class Progress:
    """One step as the page shows it. `seen`: when something arrived that shows that it is done; "" otherwise."""

    step: Step
    is_done: bool
    seen: Text
    is_next: bool


GUIDES: Mapping[str, tuple[Text, Sequence[Step]]] = {
    "entra": (
        _("Microsoft Entra ID"),
        (
            Step(
                "app",
                _("Enterprise apps → your app → Provisioning"),
                _(
                    "Sign in to the Entra admin center. Open Enterprise apps, choose the app of iProva (or New"
                    " application → Create your own application), and open Provisioning."
                ),
                shown_by="request",
            ),
            Step(
                "configuration",
                _("New configuration"),
                _(
                    "Choose New configuration and how Entra signs in. Secret token needs the two values below. OAuth"
                    " 2.0 client credentials grant needs the Tenant URL, token endpoint, client identifier and client"
                    " secret; Workload identity the same without a secret. The tab Sign-in has these."
                ),
                shown_by="request",
            ),
            Step("url", _("Tenant URL"), _("Copy this value and paste it as Tenant URL."), "url", shown_by="request"),
            Step(
                "token",
                _("Secret token"),
                _("Make the permanent token here and paste it as Secret token."),
                "token",
                shown_by="request",
            ),
            Step(
                "test",
                _("Test Connection, then Create"),
                _("Entra asks for a user who does not exist. The line above shows when that request has come in."),
                shown_by="request",
            ),
            Step(
                "assign",
                _("Users and groups"),
                _(
                    "Assign one test user first. Users who have only Default Access are skipped, and groups "
                    "inside groups are not provisioned: assign their members, or the inner group itself."
                ),
                shown_by="user",
            ),
            Step(
                "mapping",
                _("Attribute mapping"),
                _("The default mapping works. Keep userName as the matching attribute, and objectId for externalId."),
            ),
            Step(
                "demand",
                _("Provision on demand"),
                _("Try the test user, or a group with at most five of its members: Entra allows no more at a time."),
            ),
            Step(
                "notices",
                _("Notification email and accidental-deletion prevention"),
                _("Under Properties, enter an address that is read, and a threshold for deletions."),
            ),
            Step(
                "start",
                _("Start provisioning"),
                _("The first cycle takes longest: hours for thousands of users. Then Entra calls every 40 minutes."),
            ),
        ),
    ),
    "okta": (
        _("Okta"),
        (
            Step(
                "okta-app",
                _("Applications → your app → General"),
                _("Set Provisioning to SCIM, and save."),
                shown_by="request",
            ),
            Step(
                "okta-integration",
                _("Provisioning → Integration"),
                _("Unique identifier field: userName. Tick Push New Users, Push Profile Updates and Push Groups."),
                shown_by="request",
            ),
            Step(
                "okta-url", _("SCIM connector base URL"), _("Copy this value and paste it."), "url", shown_by="request"
            ),
            Step(
                "okta-token",
                _("Authentication Mode: HTTP Header"),
                _("Make the permanent token here and paste it as Authorization Bearer."),
                "token",
                shown_by="request",
            ),
            Step(
                "okta-test",
                _("Test Connector Configuration"),
                _("The line above shows when the request has come in."),
                shown_by="request",
            ),
            Step(
                "okta-to-app",
                _("Provisioning → To App"),
                _("Enable Create Users, Update User Attributes and Deactivate Users."),
                shown_by="user",
            ),
            Step(
                "okta-assign",
                _("Assignments, then Push Groups"),
                _("Assign one test user first, then the groups."),
                shown_by="group",
            ),
        ),
    ),
    "other": (
        _("Another directory"),
        (
            Step(
                "other-app",
                _("A SCIM 2.0 connection"),
                _("Add one in the directory, with a bearer token."),
                shown_by="request",
            ),
            Step("other-url", _("SCIM base URL"), _("Copy this value and paste it."), "url", shown_by="request"),
            Step(
                "other-token",
                _("Bearer token"),
                _("Make the permanent token here and paste it."),
                "token",
                shown_by="request",
            ),
            Step(
                "other-mapping",
                _("Attribute mapping"),
                _("Match users by userName. Send externalId, and active for users who are disabled."),
            ),
            Step(
                "other-test",
                _("Connection test"),
                _("The line above shows when the first request has come in."),
                shown_by="request",
            ),
            Step(
                "other-assign",
                _("Users and groups"),
                _("Assign one test user first, then the groups."),
                shown_by="group",
            ),
        ),
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def guide(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: show the steps. POST: tick or untick them; the ticks are stored with the provider.

    A step of which the result has arrived is done without a tick.
    """
    provider = get_provider(provider_id)
    name = request.GET.get("for", "")
    name = name if name in GUIDES else provider.kind
    seen = _seen(provider, timezone.now())
    # What has arrived shows nothing about the guides of other directories.
    arrived = {key: at for key, _word, at in seen if name == provider.kind}
    progress = _progress(GUIDES[name][1], arrived, provider.guide_steps)
    if request.method == "POST":
        access.require(request, access.CHANGE_PROVIDER, gettext_noop("to tick steps of the setup guide"), provider)
        with_a_box = [one.step.id for one in progress if not one.seen]
        tick_guide(provider, with_a_box, request.POST.getlist("step"))
        return go_to(request, f"{reverse('admin:guide', args=[provider.pk])}?for={name}")
    context: dict[str, Any] = {
        "guides": _guides(),
        "name": name,
        "steps": progress,
        "done": sum(one.is_done for one in progress),
        "tenant_url": settings.OPTIONS.scim_url,
        "token": provider.live_tokens[0] if provider.live_tokens else None,
        "seen": seen,
        "is_print": "print" in request.GET,
    }
    return tab(request, provider, "guide", context)


@require_safe
def guide_overview(request: HttpRequest) -> HttpResponse:
    """Show the same steps without a provider, while there is none yet (AC-LIST-3)."""
    name = request.GET.get("for", "")
    name = name if name in GUIDES else DEFAULT
    context = {
        "guides": _guides(),
        "name": name,
        "steps": GUIDES[name][1],
        "tenant_url": settings.OPTIONS.scim_url,
        "address_warning": address_warning(),
    }
    return show(request, "console/provider/guide_overview.html", gettext("Setup guide"), Place("providers"), context)


def _progress(steps: Sequence[Step], seen: Mapping[str, Text], ticked: Collection[str]) -> list[Progress]:
    found = [(step, seen.get(step.shown_by, "")) for step in steps]
    first = next((step for step, at in found if not at and step.id not in ticked), None)
    return [Progress(step, bool(at) or step.id in ticked, at, step is first) for step, at in found]


def _guides() -> list[tuple[str, Text]]:
    return [(key, word) for key, (word, _steps) in GUIDES.items()]


@require_safe
def guide_seen(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Return the line of what has arrived, which live.js requests until everything has (AC-GUI-2)."""
    found = _seen(get_provider(provider_id), timezone.now())
    response = render(request, "console/provider/guide_seen.html", {"seen": found})
    if all(at for _key, _word, at in found):
        response["X-Live"] = "done"
    return response


def _seen(provider: Provider, now: datetime) -> list[tuple[str, Text, Text]]:
    """What has arrived so far, and when: the first request, the first user, the first group. Three queries."""
    activity = ProviderActivity.objects.filter(pk=provider.pk).first()
    firsts = [
        ("request", _("first request"), activity.first_at if activity else None),
        *(
            (
                kind.lower(),
                word,
                Resource.objects.of(provider)
                .filter(resource_type=kind)
                .order_by("id")
                .values_list("created", flat=True)
                .first(),
            )
            for kind, word in (("User", _("first user")), ("Group", _("first group")))
        ),
    ]
    return [(key, word, clock(at, now) if at else "") for key, word, at in firsts]


@require_http_methods(["GET", "HEAD", "POST"])
def test_connection(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST: run the test and show its five checks. GET: go back to the guide."""
    provider = get_provider(provider_id)
    if request.method != "POST":
        return go_to(request, reverse("admin:guide", args=[provider.pk]))
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to test a connection"), provider)
    try:
        checks = run_connection_test(provider, access.actor_of(request), settings.OPTIONS.scim_url)
    except AlreadyTestingError:
        messages.error(request, gettext("Another connection test is running. Try again in ten seconds."))
        return go_to(request, reverse("admin:guide", args=[provider.pk]))
    context = {
        "provider": provider,
        "checks": checks,
        "passed": all(check.has_passed for check in checks),
        "address_warning": address_warning(provider),
        "tenant_url": settings.OPTIONS.scim_url,
    }
    title = gettext("Connection test of %(title)s") % {"title": provider.title}
    return show_dialog(request, "console/provider/test_connection.html", title, place_of(provider), context)
