"""The tab *Sign-in* of a provider: the three ways in which a directory can sign in, as Entra names and orders them.

A permanent token has a tab of its own. Here are the OAuth clients: adding one, its secrets, whom it trusts, and the
dialogs that suspend, restore and revoke. The value of a secret is in one response body and nowhere else, as that of a
token is (`providers.console.provider.tokens`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from providers import oauth
from providers.access_tokens import token_url
from providers.console.frame import access
from providers.console.frame.badges import badge_of
from providers.console.frame.page import Text, ago, go_to, moment, show_dialog
from providers.console.provider.client_forms import ClientForm, TrustForm
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.console.provider.tokens import DEFAULT_OVERLAP, OVERLAPS, request_key
from providers.events import Actor
from providers.models import ClientKind, ClientSecret, FederatedTrust, OAuthClient, Provider, SigningKeys
from providers.oauth import MAX_LIVE_CLIENTS, NothingLearnedError, TooManyClientsError
from providers.tokens import AlreadyIssuedError, NotLiveError

_YEAR = timedelta(days=365)
SHOWN_CLIENTS = 20


@require_http_methods(["GET", "HEAD"])
def clients(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the tab. Four queries besides those of every tab, whatever the number of clients."""
    provider = get_provider(provider_id)
    known = provider.oauth_clients.prefetch_related("secrets").select_related("trust")
    found = list(known.order_by(F("revoked_at").desc(nulls_first=True), "-pk")[:SHOWN_CLIENTS])
    keys = SigningKeys.objects.in_bulk([client.trust.jwks_url for client in found if hasattr(client, "trust")])
    rows = [_row(client, keys) for client in found]
    used = [client.first_used_at for client in found if client.first_used_at and not client.revoked_at]
    context = {
        "cards": [(kind, [row for row in rows if row["client"].kind == kind]) for kind in ClientKind],
        "tenant_url": settings.OPTIONS.scim_url,
        "token_url": token_url(),
        "has_room": sum(client.revoked_at is None for client in found) < MAX_LIVE_CLIENTS,
        "oauth_since": moment(min(used)) if used and provider.live_tokens else "",
    }
    return tab(request, provider, "clients", context)


def _row(client: OAuthClient, keys: dict[str, SigningKeys]) -> dict[str, Any]:
    trust: FederatedTrust | None = getattr(client, "trust", None)
    return {
        "client": client,
        "badge": badge_of(client.state),
        "is_live": client.revoked_at is None,
        "last_used": ago(client.last_used_at) if client.last_used_at else _("Never"),
        "secrets": [_secret_row(secret) for secret in sorted(client.secrets.all(), key=lambda one: -one.pk)[:5]],
        "trust": trust,
        "terms": _terms(trust) if trust else [],
        "learned": list((trust.learned or {}).items()) if trust and trust.is_learning else [],
        "learned_at": moment(trust.learned_at) if trust and trust.learned_at else "",
        "keys": _keys_said(trust, keys.get(trust.jwks_url)) if trust else "",
    }


def _secret_row(secret: ClientSecret) -> dict[str, Any]:
    return {
        "secret": secret,
        "badge": badge_of(secret.state),
        "is_live": secret.state.value == "active",
        "first_used": moment(secret.first_used_at) if secret.first_used_at else _("Never"),
        "last_used": moment(secret.last_used_at) if secret.last_used_at else _("Never"),
        "expires": moment(secret.expires_at),
    }


def _terms(trust: FederatedTrust) -> list[tuple[Text, str]]:
    """Return what an assertion must have, in words; without the values that are not checked."""
    if trust.is_self_signed:
        return [(_("Signed by"), _("the client itself")), (_("JWKS URL"), trust.jwks_url)]
    values = [
        (_("Issuer"), trust.issuer),
        (_("JWKS URL"), trust.jwks_url),
        (_("Subject"), trust.subject),
        (_("Audience"), ", ".join(trust.audiences)),
        (_("Tenant"), trust.tenant),
        (_("Authorized party"), trust.authorized_party),
    ]
    return [(word, value) for word, value in values if value]


def _keys_said(trust: FederatedTrust, known: SigningKeys | None) -> Any:
    if trust.keys is not None:
        return _("Pasted here; they are not fetched.")
    if known is None or known.tried_at is None:
        return _("Fetched when the first assertion comes.")
    if known.error:
        return " ".join(filter(None, [_(known.error), known.detail]))
    return ago(known.fetched_at) if known.fetched_at else ""


def _get_client(provider: Provider, client_pk: int) -> OAuthClient:
    client = provider.oauth_clients.select_related("provider", "trust").filter(pk=client_pk).first()
    if client is None:
        raise Http404(_("There is no such client."))
    return client


def _say(
    request: HttpRequest, fragment: str, title: str, provider: Provider, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    path = f"console/provider/{fragment}.html"
    return show_dialog(request, path, title, place_of(provider), {"provider": provider, **context}, status=status)


def _back(request: HttpRequest, provider: Provider) -> HttpResponse:
    return go_to(request, reverse("admin:clients", args=[provider.pk]))


@sensitive_variables("value")
@require_http_methods(["GET", "HEAD", "POST"])
def add_client(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: ask for a name and the life of the secret. POST: add the client and show its secret, once."""
    provider = get_provider(provider_id)
    access.require(request, access.ADD_TOKEN, gettext_noop("to add a client"), provider)
    title, key = _("Client credentials for %(provider)s") % {"provider": provider.title}, request_key(request)
    form = ClientForm(request.POST or None)
    if not form.is_bound or not form.is_valid():
        return _say(request, "add_client", title, provider, {"form": form, "request_key": key})
    try:
        client, secret, value = oauth.add_client(
            provider,
            access.actor_of(request),
            label=form.cleaned_data["label"],
            life=form.cleaned_data["years"] * _YEAR,
            request_key=key,
            is_copied=False,
        )
    except (TooManyClientsError, AlreadyIssuedError) as error:
        return _refused(request, provider, error)
    return _reveal(request, provider, title, client, secret, value)


def _refused(request: HttpRequest, provider: Provider, error: Exception) -> HttpResponse:
    said = {
        TooManyClientsError: _("A provider can have two live clients, and this one has. Revoke one of them first."),
        AlreadyIssuedError: _("This was already done, and the secret cannot be shown again. Not copied? Rotate it."),
    }[type(error)]
    messages.warning(request, said)
    return _back(request, provider)


def _reveal(
    request: HttpRequest, provider: Provider, title: str, client: OAuthClient, secret: ClientSecret, value: str
) -> HttpResponse:
    context = {
        "client": client,
        "secret": secret,
        "value": value,
        "expires": moment(secret.expires_at, to="day"),
        "tenant_url": settings.OPTIONS.scim_url,
        "token_url": token_url(),
    }
    return _say(request, "_reveal_client", title, provider, context)


@sensitive_variables("value")
@require_http_methods(["GET", "HEAD", "POST"])
def rotate_secret(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """GET: ask how long the old secret keeps working. POST: make a new one and show it, once."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, gettext_noop("to rotate a client secret"), provider)
    client, key = _get_client(provider, client_pk), request_key(request)
    title = _("Rotate the secret of %(label)s") % {"label": client.label}
    overlap = OVERLAPS.get(request.POST.get("overlap", ""))
    if overlap is None:
        overlaps = [(name, word) for name, (word, _span) in OVERLAPS.items()]
        context = {"client": client, "request_key": key, "overlaps": overlaps, "default": DEFAULT_OVERLAP}
        return _say(request, "rotate_secret", title, provider, context)
    try:
        secret, value = oauth.rotate_secret(
            client, access.actor_of(request), overlap=overlap[1], request_key=key, is_copied=False
        )
    except AlreadyIssuedError as error:
        return _refused(request, provider, error)
    except NotLiveError:
        return _not_live(request, provider, client)
    return _reveal(request, provider, title, client, secret, value)


def _not_live(request: HttpRequest, provider: Provider, client: OAuthClient) -> HttpResponse:
    messages.warning(request, _("%(label)s is no longer active: nothing was changed.") % {"label": client.label})
    return _back(request, provider)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_secret(request: HttpRequest, provider_id: int, client_pk: int, secret_id: int) -> HttpResponse:
    """GET: explain what revoking does. POST: revoke the secret."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, gettext_noop("to revoke a client secret"), provider)
    secret = _get_secret(provider, client_pk, secret_id)
    if request.method == "POST":
        oauth.revoke_secret(secret, access.actor_of(request))
        messages.success(request, _("The secret %(shown)s is revoked.") % {"shown": secret.shown})
        return _back(request, provider)
    title = _("Revoke the secret %(shown)s?") % {"shown": secret.shown}
    return _say(request, "revoke_secret", title, provider, {"client": secret.client, "secret": secret})


def _get_secret(provider: Provider, client_pk: int, secret_id: int) -> ClientSecret:
    secret = _get_client(provider, client_pk).secrets.select_related("client").filter(pk=secret_id).first()
    if secret is None:
        raise Http404(_("There is no such secret."))
    return secret


@require_http_methods(["GET", "HEAD", "POST"])
def copied_secret(request: HttpRequest, provider_id: int, client_pk: int, secret_id: int) -> HttpResponse:
    """POST: note that the value was copied, and go to the tab. GET: go to the tab."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.ADD_TOKEN, gettext_noop("to add a client"), provider)
        oauth.note_copied(_get_secret(provider, client_pk, secret_id))
    return _back(request, provider)


@require_http_methods(["GET", "HEAD", "POST"])
def suspend_client(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """GET: explain what suspending does. POST: suspend the client."""
    tried = gettext_noop("to suspend a client")
    said = gettext_lazy("%(label)s is suspended.")
    asked = gettext_lazy("Suspend %(label)s?")
    return _end(request, provider_id, client_pk, tried, oauth.suspend_client, "suspend_client", asked, said)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_client(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """GET: explain what revoking does. POST: revoke the client."""
    tried = gettext_noop("to revoke a client")
    said = gettext_lazy("%(label)s is revoked.")
    asked = gettext_lazy("Revoke %(label)s?")
    return _end(request, provider_id, client_pk, tried, oauth.revoke_client, "revoke_client", asked, said)


def _end(
    request: HttpRequest,
    provider_id: int,
    client_pk: int,
    tried: str,
    act: Callable[[OAuthClient, Actor], None],
    name: str,
    asked: Text,
    said: Text,
) -> HttpResponse:
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, tried, provider)
    client = _get_client(provider, client_pk)
    label = {"label": client.label}
    if request.method != "POST":
        last_used = moment(client.last_used_at) if client.last_used_at else ""
        return _say(request, name, str(asked) % label, provider, {"client": client, "last_used": last_used})
    try:
        act(client, access.actor_of(request))
    except NotLiveError:
        return _not_live(request, provider, client)
    messages.success(request, str(said) % label)
    return _back(request, provider)


@require_http_methods(["GET", "HEAD", "POST"])
def restore_client(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """POST: accept a suspended client again, without a confirmation. GET: go to the tab with the button."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.CHANGE_TOKEN, gettext_noop("to restore a client"), provider)
        client = _get_client(provider, client_pk)
        try:
            oauth.restore_client(client, access.actor_of(request))
        except NotLiveError:
            return _not_live(request, provider, client)
        messages.success(request, _("%(label)s is restored.") % {"label": client.label})
    return _back(request, provider)


@require_http_methods(["GET", "HEAD", "POST"])
def add_federated_client(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: ask for the values that Entra shows. POST: add the client and show what Entra asks for."""
    provider = get_provider(provider_id)
    access.require(request, access.ADD_TOKEN, gettext_noop("to add a client"), provider)
    title, key = _("Workload identity for %(provider)s") % {"provider": provider.title}, request_key(request)
    form = TrustForm(request.POST if request.method == "POST" else None)
    address = reverse("admin:add_federated_client", args=[provider.pk])
    if not form.is_bound or not form.is_valid():
        return _say(request, "_trust", title, provider, {"form": form, "request_key": key, "action": address})
    label = form.cleaned_data["label"]
    try:
        client = oauth.add_federated_client(
            provider, access.actor_of(request), form.trust, label=label, request_key=key
        )
    except (TooManyClientsError, AlreadyIssuedError) as error:
        return _refused(request, provider, error)
    context = {"client": client, "tenant_url": settings.OPTIONS.scim_url, "token_url": token_url()}
    return _say(request, "_federated", title, provider, context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_trust(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """Show or save whom a client trusts."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_TOKEN, gettext_noop("to change whom a client trusts"), provider)
    client = _get_client(provider, client_pk)
    trust = FederatedTrust.objects.filter(client=client).first()
    if trust is None:
        raise Http404(_("There is no such client."))
    keys = orjson.dumps(trust.keys).decode() if trust.keys else ""
    initial = trust.terms | {"audience": " ".join(trust.audiences), "keys": keys}
    form = TrustForm(request.POST if request.method == "POST" else None, initial=initial)
    title = _("Whom does %(label)s trust?") % {"label": client.label}
    if not form.is_bound or not form.is_valid():
        address = reverse("admin:edit_trust", args=[provider.pk, client.pk])
        return _say(request, "_trust", title, provider, {"form": form, "client": client, "action": address})
    try:
        oauth.set_trust(client, access.actor_of(request), form.trust)
    except NotLiveError:
        return _not_live(request, provider, client)
    messages.success(request, _("Saved. %(label)s needs a new access token.") % {"label": client.label})
    return _back(request, provider)


@require_http_methods(["GET", "HEAD", "POST"])
def trust_learned(request: HttpRequest, provider_id: int, client_pk: int) -> HttpResponse:
    """POST: trust the assertion that the page showed. GET: go to the tab with the button."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.CHANGE_TOKEN, gettext_noop("to change whom a client trusts"), provider)
        client = _get_client(provider, client_pk)
        try:
            oauth.trust_learned(client, access.actor_of(request), _sent_moment(request))
        except NothingLearnedError:
            messages.warning(request, _("Another assertion has come meanwhile: look at it first."))
        except NotLiveError:
            return _not_live(request, provider, client)
        else:
            messages.success(request, _("%(label)s is trusted from now on.") % {"label": client.label})
    return _back(request, provider)


def _sent_moment(request: HttpRequest) -> datetime:
    """Return the moment that the button sent; or the present one, at which nothing was learned."""
    try:
        found = parse_datetime(request.POST.get("learned_at", ""))
    except ValueError:
        found = None
    return found if found and timezone.is_aware(found) else timezone.now()
