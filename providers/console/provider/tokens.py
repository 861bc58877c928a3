"""A provider's tokens: the list, and the dialogs that issue, rotate, suspend, restore, expire and revoke a token.

The value of a new token is in one response body and nowhere else: not in a redirect, session, message, address or
log. The form's `request_key` makes it harmless to send the form a second time (AC-TOK-5).
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from providers import tokens as domain
from providers.audit import ChangedMeanwhileError
from providers.console.frame import access
from providers.console.frame.page import Text, clock, go_to, moment, show_dialog
from providers.console.frame.settings_form import shown_again
from providers.console.provider.forms import ExpiryForm
from providers.console.provider.providers import expiry
from providers.console.provider.status import age_note, token_badge
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.events import Actor, EventKind
from providers.ids import parse_id
from providers.models import ChangeEvent, Provider, Token
from providers.tokens import (
    MAX_LIVE_TOKENS,
    AlreadyIssuedError,
    NotLiveError,
    TooManyTokensError,
    revocation_of,
    set_expiry,
)

# How long the old token keeps working after a rotation, by the name in the form.
OVERLAPS: Mapping[str, tuple[Text, timedelta]] = {
    "1h": (gettext_lazy("1 hour"), timedelta(hours=1)),
    "24h": (gettext_lazy("24 hours"), timedelta(hours=24)),
    "7d": (gettext_lazy("7 days"), timedelta(days=7)),
    "30d": (gettext_lazy("30 days"), timedelta(days=30)),
    "none": (gettext_lazy("None: it expires at once"), timedelta()),
}
DEFAULT_OVERLAP = "7d"


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: show the tab. POST: issue a token, after a confirmation if there is a live one already."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.ADD_TOKEN, gettext_noop("to make a token"), provider)
        return _issue(request, provider)
    now = timezone.now()
    found = list(provider.tokens.permanent().select_related("created_by").order_by("-created_at", "-pk"))
    by_id = {token.pk: token for token in found}
    rows = [_row(token, by_id.get(token.replaced_by_id or 0), now) for token in found]
    rotations = [row for row in rows if row["token"].is_retiring and row["successor"]]
    return tab(request, provider, "tokens", {"rows": rows, "rotations": rotations})


def _row(token: Token, successor: Token | None, now: datetime) -> dict[str, Any]:
    return {
        "token": token,
        "successor": successor,
        "successor_used": clock(successor.first_used_at, now) if successor and successor.first_used_at else "",
        "badge": token_badge(token, successor, now),
        "age": age_note(token, now),
        "created": moment(token.created_at),
        "created_by": access.name_of(token.created_by) if token.created_by else "",
        "last_used": moment(token.last_used_at) if token.last_used_at else _("Never"),
        "expires": moment(token.expires_at) if token.expires_at else _("Never"),
        "is_live": not token.is_ended,
    }


@sensitive_variables("value")
def _issue(request: HttpRequest, provider: Any) -> HttpResponse:
    title = _("Permanent token for %(provider)s") % {"provider": provider.title}
    key = request_key(request)
    context: dict[str, Any] = {"provider": provider, "request_key": key}
    if provider.live_tokens and "confirm" not in request.POST and not _was_used(provider, key):
        is_full = len(provider.live_tokens) >= MAX_LIVE_TOKENS
        fragment = "console/provider/_too_many_tokens.html" if is_full else "console/provider/_another_token.html"
        return _say(request, fragment, title, provider, context)
    try:
        token, value = domain.issue_token(provider, access.actor_of(request), request_key=key, is_copied=False)
    except AlreadyIssuedError:
        return _say(request, "console/provider/_already_issued.html", title, provider, context, status=409)
    except TooManyTokensError:
        return _say(request, "console/provider/_too_many_tokens.html", title, provider, context, status=409)
    context |= {"token": token, "value": value, "expiry": expiry(token)}
    return _say(request, "console/provider/_reveal.html", title, provider, context)


def request_key(request: HttpRequest) -> UUID:
    """Return the key of the submitted form, which makes sending it twice harmless."""
    return parse_id(request.POST.get("request_key", "")) or uuid.uuid4()


def _was_used(provider: Provider, key: UUID) -> bool:
    return provider.tokens.filter(request_key=key).exists()


def _say(
    request: HttpRequest, fragment: str, title: str, provider: Provider, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    return show_dialog(request, fragment, title, place_of(provider), context, status=status)


def _get_token(provider: Provider, token_id: int) -> Token:
    token = provider.tokens.permanent().filter(pk=token_id).first()
    if token is None:
        raise Http404(_("There is no such token."))
    return token


@sensitive_variables("value")
@require_http_methods(["GET", "HEAD", "POST"])
def rotate_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """GET: ask how long the old token keeps working. POST: rotate the token and show the new value, once."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, gettext_noop("to rotate a token"), provider)
    token = _get_token(provider, token_id)
    key = request_key(request)
    title = _("Rotate %(label)s") % {"label": token.label}
    context: dict[str, Any] = {"provider": provider, "token": token, "request_key": key, "default": DEFAULT_OVERLAP}
    context["overlaps"] = [(name, word) for name, (word, _span) in OVERLAPS.items()]
    overlap = OVERLAPS.get(request.POST.get("overlap", ""))
    if overlap is None:
        return _say(request, "console/provider/rotate_token.html", title, provider, context)
    try:
        made, value = domain.rotate_token(
            token, access.actor_of(request), overlap=overlap[1], request_key=key, is_copied=False
        )
    except AlreadyIssuedError:
        return _say(request, "console/provider/_already_issued.html", title, provider, context, status=409)
    except TooManyTokensError:
        return _say(request, "console/provider/_too_many_tokens.html", title, provider, context, status=409)
    except NotLiveError:
        return _not_live(request, provider, token)
    token.refresh_from_db()
    context |= {"token": made, "value": value, "expiry": expiry(made), "old": token}
    context["old_ends"] = moment(token.expires_at) if overlap[1] and token.expires_at else ""
    return _say(request, "console/provider/_reveal.html", title, provider, context)


def _not_live(request: HttpRequest, provider: Provider, token: Token) -> HttpResponse:
    event = revocation_of(token)
    if event:
        names = {"label": token.label, "person": event.person_name or _("The system"), "time": moment(event.at)}
        said = format_html(_("{label} was revoked by {person}, {time}. Nothing was changed."), **names)
    else:
        said = format_html(_("{label} is no longer active: nothing was changed."), label=token.label)
    messages.warning(request, said)
    return go_to(request, reverse("admin:tokens", args=[provider.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def copied_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """POST: note that the value was copied, and go to the provider's page. GET: go to the tab."""
    provider = get_provider(provider_id)
    if request.method != "POST":
        return go_to(request, reverse("admin:tokens", args=[provider.pk]))
    access.require(request, access.ADD_TOKEN, gettext_noop("to make a token"), provider)
    domain.note_copied(_get_token(provider, token_id))
    return go_to(request, reverse("admin:overview", args=[provider.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def suspend_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """GET: explain what suspending does. POST: suspend the token."""
    said = gettext_lazy("%(label)s is suspended.")
    act = gettext_noop("to suspend a token")
    return _end(
        request, provider_id, token_id, act, "suspend", domain.suspend_token, gettext_lazy("Suspend %(label)s?"), said
    )


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """GET: explain what revoking does. POST: revoke the token."""
    said = gettext_lazy("%(label)s is revoked.")
    act = gettext_noop("to revoke a token")
    return _end(
        request, provider_id, token_id, act, "revoke", domain.revoke_token, gettext_lazy("Revoke %(label)s?"), said
    )


def _end(
    request: HttpRequest,
    provider_id: int,
    token_id: int,
    tried: str,
    verb: str,
    act: Callable[[Token, Actor], None],
    asked: Text,
    said: Text,
) -> HttpResponse:
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, tried, provider)
    token = _get_token(provider, token_id)
    if request.method == "POST":
        try:
            act(token, access.actor_of(request))
        except NotLiveError:
            return _not_live(request, provider, token)
        messages.success(request, str(said) % {"label": token.label})
        return go_to(request, reverse("admin:tokens", args=[provider.pk]))
    last_used = moment(token.last_used_at) if token.last_used_at else ""
    others = [one for one in provider.live_tokens if one.pk != token.pk and one.last_used_at and not one.suspended_at]
    other = max(others, key=lambda one: one.last_used_at, default=None)
    context = {
        "provider": provider,
        "token": token,
        "last_used": last_used,
        "other": other,
        "other_used": moment(other.last_used_at) if other else "",
    }
    return _say(request, f"console/provider/{verb}_token.html", str(asked) % {"label": token.label}, provider, context)


@require_http_methods(["GET", "HEAD", "POST"])
def restore_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """POST: make a suspended token work again, without a confirmation. GET: go to the tab with the button."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.CHANGE_TOKEN, gettext_noop("to restore a token"), provider)
        token = _get_token(provider, token_id)
        try:
            domain.restore_token(token, access.actor_of(request))
        except NotLiveError:
            return _not_live(request, provider, token)
        messages.success(request, _("%(label)s is restored.") % {"label": token.label})
    return go_to(request, reverse("admin:tokens", args=[provider.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def expire_token(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """Show or save the last day on which a token works; without one it never expires."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, gettext_noop("to change the expiry of a token"), provider)
    token = _get_token(provider, token_id)
    last_day = timezone.localdate(token.expires_at - timedelta(microseconds=1)) if token.expires_at else None
    form = ExpiryForm(request.POST or None, initial={"last_day": last_day})
    context = {"provider": provider, "token": token, "today": timezone.localdate().isoformat()}
    events = (
        ChangeEvent.objects.acts()
        .of(provider)
        .filter(kind=EventKind.TOKEN_EXPIRY_SET, subject__endswith=f"({token.shown})")
    )
    if form.is_bound and (again := shown_again(form, events)):
        form, meanwhile = again
        context |= meanwhile
    elif form.is_bound and form.is_valid():
        seen = {"expires_at": token.expires_at}
        try:
            set_expiry(token, access.actor_of(request), expires_at=form.cleaned_data["last_day"], seen=seen)
        except NotLiveError:
            return _not_live(request, provider, token)
        except ChangedMeanwhileError:  # since the token was read, just now
            return expire_token(request, provider_id, token_id)
        messages.success(request, _("The expiry of %(label)s is changed.") % {"label": token.label})
        return go_to(request, reverse("admin:tokens", args=[provider.pk]))
    title = _("When does %(label)s expire?") % {"label": token.label}
    context |= {"form": form, "again": reverse("admin:expire_token", args=[provider.pk, token.pk])}
    return _say(request, "console/provider/expire_token.html", title, provider, context)
