"""A provider's tokens: the list, *Permanent token* with the value shown once, and revoking.

The value is in one response body and nowhere else: no redirect, session, message, address or
log. The form's `request_key` makes sending it twice harmless (AC-TOK-5).
"""

import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from providers.console import access
from providers.console.page import Place, go_to, moment, show_dialog
from providers.console.providers import expiry, get_provider, tab
from providers.console.status import TOKEN
from providers.models import Provider, Token
from providers.tokens import MAX_LIVE_TOKENS, AlreadyIssuedError, TooManyTokensError, issue_token, revoke_token


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: the tab. POST: issue a token."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.ADD_TOKEN, "to make a token", provider)
        return _issue(request, provider)
    not_copied = request.GET.get("not-copied", "")
    found = provider.tokens.select_related("created_by").order_by("-created_at", "-pk")
    rows = [_row(token, is_not_copied=str(token.pk) == not_copied) for token in found]
    return tab(request, provider, "tokens", {"rows": rows})


def _row(token: Token, *, is_not_copied: bool) -> dict[str, Any]:
    return {
        "token": token,
        "badge": TOKEN[token.state],
        "created": moment(token.created_at),
        "created_by": access.name_of(token.created_by) if token.created_by else "",
        "last_used": moment(token.last_used_at) if token.last_used_at else _("Never"),
        "expires": moment(token.expires_at) if token.expires_at else _("Never"),
        "is_live": token.state in ("active", "suspended"),
        # A token that has been used was copied, whatever an old address says.
        "is_not_copied": is_not_copied and token.state == "active" and token.last_used_at is None,
    }


@sensitive_variables("value")
def _issue(request: HttpRequest, provider: Any) -> HttpResponse:
    title = _("Permanent token for %(provider)s") % {"provider": provider.title}
    key = _request_key(request)
    context: dict[str, Any] = {"provider": provider, "request_key": key}
    if provider.live_tokens and "confirm" not in request.POST and not _was_used(provider, key):
        is_full = len(provider.live_tokens) >= MAX_LIVE_TOKENS
        fragment = "console/_too_many_tokens.html" if is_full else "console/_another_token.html"
        return _say(request, fragment, title, provider, context)
    try:
        token, value = issue_token(provider, access.actor_of(request), request_key=key)
    except AlreadyIssuedError:
        return _say(request, "console/_already_issued.html", title, provider, context, status=409)
    except TooManyTokensError:
        return _say(request, "console/_too_many_tokens.html", title, provider, context, status=409)
    context |= {"token": token, "value": value, "expiry": expiry(token)}
    return _say(request, "console/_reveal.html", title, provider, context)


def _request_key(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("request_key", ""))
    except ValueError:
        return uuid.uuid4()


def _was_used(provider: Provider, key: UUID) -> bool:
    return provider.tokens.filter(request_key=key).exists()


def _say(
    request: HttpRequest, fragment: str, title: str, provider: Provider, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    crumbs = [
        (_("Providers"), reverse("admin:providers")),
        (provider.title, reverse("admin:provider", args=[provider.pk])),
    ]
    return show_dialog(request, fragment, title, Place("providers", crumbs), context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, provider_id: int, token_id: int) -> HttpResponse:
    """GET: what revoking does, in words. POST: do it."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, "to revoke a token", provider)
    token = provider.tokens.filter(pk=token_id).first()
    if token is None:
        raise Http404(_("There is no such token."))
    if request.method == "POST":
        revoke_token(token, access.actor_of(request))
        messages.success(request, _("%(label)s is revoked.") % {"label": token.label})
        return go_to(request, reverse("admin:tokens", args=[provider.pk]))
    title = _("Revoke %(label)s?") % {"label": token.label}
    last_used = moment(token.last_used_at) if token.last_used_at else ""
    context = {"provider": provider, "token": token, "last_used": last_used}
    return _say(request, "console/_revoke_token.html", title, provider, context)
