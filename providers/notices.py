"""Mails to a provider's notification address: a token or client secret expires soon, removals are above the limit, or
it is nearly full.

`write_notices` writes the mails that are due into a table, one for each occasion. `send_notices` sends them, and tries
a failed one again after an hour. Both are housekeeping jobs. A mail contains userNames, because the reader must see
which users are concerned; each name is one line, whatever characters it has. A mail never contains a token.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, override

from providers import health
from providers.models import (
    ClientSecret,
    HeldRemoval,
    Notice,
    OAuthClient,
    Provider,
    ProviderActivity,
    RemovalLimit,
    Resource,
    Token,
)
from providers.plain_text import one_line
from providers.quota import Usage, usages
from providers.removal_limit import held_from, removals_query, removed_between
from providers.zones import zone_of

# The days before the expiry of a token on which a mail is sent (AC-TOK-11).
EXPIRY_DAYS = (1, 7, 30)
RETRY_AFTER = timedelta(hours=1)
KEPT = timedelta(days=90)
NAMED = 100  # users whose names a mail contains; the others are only counted


class UnsentError(Exception):
    """Some notices could not be sent and wait for the next try."""


@dataclass(frozen=True)
class _Due:
    """A mail that is due. `key` identifies the occasion, so that it is sent only once."""

    provider: Provider
    key: str
    subject: str
    body: str


def write_notices() -> str:
    """Write the mails that are due, for providers with a notification address. Return their number as a text."""
    if not settings.OPTIONS.email_url:
        return gettext_noop("EMAIL_URL is not set")
    now = timezone.now()
    with override(settings.LANGUAGE_CODE):
        due = [*_ending_tokens(now), *_ending_secrets(now), *_removals(now), *_nearly_full()]
    known = set(
        Notice.objects.filter(provider_id__in={one.provider.pk for one in due}).values_list("provider_id", "key")
    )
    new = [
        Notice(
            provider_id=one.provider.pk,
            key=one.key,
            address=one.provider.notification_email,
            subject=one_line(one.subject, 300),
            body=one.body,
            created_at=now,
        )
        for one in due
        if (one.provider.pk, one.key) not in known
    ]
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return str(len(new))


def send_notices() -> int:
    """Send one waiting mail. Return 1, or 0 if none waits. Raises `UnsentError` if only failed ones are left."""
    if not settings.OPTIONS.email_url:
        return 0
    now = timezone.now()
    waiting = Notice.objects.filter(sent_at=None)
    found = waiting.filter(Q(tried_at=None) | Q(tried_at__lt=now - RETRY_AFTER)).order_by("pk").first()
    if found is None:
        if failed := waiting.count():
            raise UnsentError(f"{failed} notices wait")
        return 0
    found.tried_at = now
    try:
        EmailMessage(found.subject, found.body, settings.DEFAULT_FROM_EMAIL, [found.address]).send()
    except OSError:  # raised by SMTP and the network; the mail is tried again, and then `UnsentError` reports it
        pass
    else:
        found.sent_at = timezone.now()
    found.save(update_fields=["tried_at", "sent_at"])
    return 1


def _notified() -> Any:
    """Return the providers that have a notification address."""
    return Provider.objects.live().exclude(notification_email="").order_by("pk")


def _ending_tokens(now: datetime) -> Iterator[_Due]:
    """Yield a mail for each token that expires soon, if it was not replaced or if its successor was never used."""
    soon = Token.objects.live().filter(provider__in=_notified(), expires_at__lte=now + health.EXPIRY_NOTICE)
    for token in soon.select_related("provider", "replaced_by").order_by("pk"):
        assert token.expires_at
        left = token.expires_at - now
        if token.replaced_by_id is None:
            days = next(days for days in EXPIRY_DAYS if left <= timedelta(days=days))
            yield _about_token(token, f"token {token.pk} {token.expires_at:%Y-%m-%dT%H:%M} {days}", now)
        elif left <= health.UNUSED_NOTICE and token.replaced_by and token.replaced_by.first_used_at is None:
            yield _about_token(token, f"unused {token.pk} {token.expires_at:%Y-%m-%dT%H:%M}", now)


def _about_token(token: Token, key: str, now: datetime) -> _Due:
    assert token.expires_at
    names = {
        "title": one_line(token.provider.title),
        "token": f"{one_line(token.label)} ({token.shown})",
        "time": clock(token.expires_at),
        "where": str(token.provider.directory.renewal),
        "url": address("tokens", token.provider),
    }
    if token.replaced_by_id is None:
        subject = _("%(title)s: a token expires on %(time)s")
        body = _(
            "The token %(token)s of %(title)s expires on %(time)s. From then on every call of the directory is "
            "refused, and people who leave your organisation keep their access.\n\nRotate it in time and enter the "
            "new one in the directory (%(where)s):\n%(url)s"
        )
    else:
        subject = _("%(title)s: the old token expires on %(time)s, the new one is unused")
        body = _(
            "The old token %(token)s of %(title)s expires on %(time)s, and the one that replaces it was never used. "
            "Enter the new one in the directory (%(where)s):\n%(url)s"
        )
    return _Due(token.provider, key, subject % names, body % names)


def _ending_secrets(now: datetime) -> Iterator[_Due]:
    """Yield the same mails for each client secret that expires soon."""
    clients = OAuthClient.objects.live().filter(provider__in=_notified())
    secrets = ClientSecret.objects.live().filter(client__in=clients)
    by_client: dict[int, ClientSecret] = {}  # the secret that came after
    for secret in secrets.select_related("client__provider").order_by("-pk"):
        newer, left = by_client.get(secret.client_id), secret.expires_at - now
        by_client[secret.client_id] = secret
        if newer is None and left <= health.EXPIRY_NOTICE:
            days = next(days for days in EXPIRY_DAYS if left <= timedelta(days=days))
            yield _about_secret(secret, f"secret {secret.pk} {secret.expires_at:%Y-%m-%dT%H:%M} {days}", None)
        elif newer and newer.first_used_at is None and left <= health.UNUSED_NOTICE:
            yield _about_secret(secret, f"unused secret {secret.pk} {secret.expires_at:%Y-%m-%dT%H:%M}", newer)


def _about_secret(secret: ClientSecret, key: str, newer: ClientSecret | None) -> _Due:
    provider = secret.client.provider
    names = {
        "title": one_line(provider.title),
        "secret": f"{one_line(secret.client.label)} ({secret.shown})",
        "time": clock(secret.expires_at),
        "url": address("clients", provider),
    }
    if newer is None:
        subject = _("%(title)s: a client secret expires on %(time)s")
        body = _(
            "The client secret %(secret)s of %(title)s expires on %(time)s. From then on the directory cannot sign in, "
            "and people who leave your organisation keep their access.\n\nRotate it in time and enter the new one in "
            "the directory (in Entra ID: Provisioning, Client Secret):\n%(url)s"
        )
    else:
        subject = _("%(title)s: the old client secret expires on %(time)s, the new one is unused")
        body = _(
            "The old client secret %(secret)s of %(title)s expires on %(time)s, and the one that replaces it was never "
            "used. Enter the new one in the directory (in Entra ID: Provisioning, Client Secret):\n%(url)s"
        )
    return _Due(provider, key, subject % names, body % names)


def _removals(now: datetime) -> Iterator[_Due]:
    """Yield a mail for each provider whose removals are held back, or were noted as above the limit."""
    for provider in _notified().filter(held_at__isnull=False):
        yield _about_hold(provider)
    providers = {provider.pk: provider for provider in _notified().filter(removal_limit=RemovalLimit.WARN)}
    since = now - health.REMOVALS_SHOWN
    lately = ProviderActivity.objects.filter(pk__in=list(providers), mass_change_until__gt=since)
    for activity in lately.order_by("pk"):
        assert activity.mass_change_since and activity.mass_change_until
        yield _about_removals(
            providers[activity.pk], activity.mass_change_since, activity.mass_change_until, activity.mass_change_count
        )


def _about_removals(provider: Provider, since: datetime, until: datetime, count: int) -> _Due:
    removed, number = removed_between(provider, since, until, NAMED)
    names = {
        "title": one_line(provider.title),
        "count": count,
        "since": clock(since),
        "users": _listed([user.name for user in removed], number),
        "url": f"{address('removed_users', provider)}?{removals_query(since, until)}",
    }
    subject = ngettext(
        "%(title)s: %(count)d user was disabled, deleted or removed from their groups at once",
        "%(title)s: %(count)d users were disabled, deleted or removed from their groups at once",
        count,
    )
    body = _(
        "Since %(since)s %(title)s has disabled, deleted or removed from their groups unusually many "
        "users:\n\n%(users)s\n\nIf that is a mistake, pause the provider and correct the scope or the assignments in "
        "the directory; users who are assigned again are enabled again:\n%(url)s"
    )
    return _Due(provider, f"departures {since.astimezone(UTC).isoformat()}", subject % names, body % names)


def _about_hold(provider: Provider) -> _Due:
    assert provider.held_at
    removed, number = removed_between(provider, held_from(provider), provider.held_at, NAMED)
    waiting = HeldRemoval.objects.of(provider).order_by("pk")
    names = {
        "title": one_line(provider.title),
        "time": clock(provider.held_at),
        "left": _listed([user.name for user in removed], number),
        "waiting": _listed(_names_of(waiting), waiting.count()),
        "url": address("removals", provider),
    }
    body = _(
        "Since %(time)s iProva holds back further removals of %(title)s: it answers 503, and nothing is lost. An "
        "administrator decides whether they are allowed:\n%(url)s\n\nRemoved before "
        "that:\n\n%(left)s\n\nHeld back so far:\n\n%(waiting)s"
    )
    subject = _("%(title)s: removals are held back, please decide")
    return _Due(provider, f"held {provider.held_at.astimezone(UTC).isoformat()}", subject % names, body % names)


def _nearly_full() -> Iterator[_Due]:
    """Yield a mail for each provider that has 90 % of the users or groups that it may have, and one when it is full."""
    for provider in _notified():
        for used in usages(provider):
            if used.is_nearly_full:
                yield _about_usage(provider, used)


def _about_usage(provider: Provider, used: Usage) -> _Due:
    is_of_users = used.resource_type == "User"
    names = {
        "title": one_line(provider.title),
        "count": used.count,
        "most": used.limit,
        "url": address("overview", provider),
    }
    if used.is_full:
        subject = _("%(title)s is full: no further users are created")
        if not is_of_users:
            subject = _("%(title)s is full: no further groups are created")
    else:
        subject = _("%(title)s has nearly as many users as it may have")
        if not is_of_users:
            subject = _("%(title)s has nearly as many groups as it may have")
    body = _(
        "%(title)s has %(count)d users, those in the recycle bin included; %(most)d are allowed. At the limit, "
        "creating is rejected. Check the scope of provisioning in the directory, or have the limit raised:\n%(url)s"
    )
    if not is_of_users:
        body = _(
            "%(title)s has %(count)d groups, those in the recycle bin included; %(most)d are allowed. At the limit, "
            "creating is rejected. Check the scope of provisioning in the directory, or have the limit raised:\n%(url)s"
        )
    key = f"{'full' if used.is_full else 'nearly full'} {used.resource_type} {used.limit}"
    return _Due(provider, key, subject % names, body % names)


def _names_of(waiting: Any) -> list[str]:
    """Return the names of the users and groups whose removal waits; with a group, how many users it affects."""
    rows = list(waiting[:NAMED])
    named = Resource.objects.filter(pk__in=[row.resource_id for row in rows]).without_documents()
    names = {resource.pk: resource.user_name or resource.label for resource in named}
    return [_name_of(row, names.get(row.resource_id, str(row.resource_id))) for row in rows]


def _name_of(row: HeldRemoval, name: str) -> str:
    if row.resource_type == "User":
        return name
    name = one_line(name, 150)  # so that the number is not cut off
    said = ngettext("%(group)s (a group, %(count)d user)", "%(group)s (a group, %(count)d users)", row.user_count)
    return said % {"group": name, "count": row.user_count}


def _listed(names: list[str], count: int) -> str:
    lines = [f"- {one_line(name)}" for name in names]
    if count > len(names):
        lines.append(_("and %(count)d more") % {"count": count - len(names)})
    return "\n".join(lines) or _("nobody")


def clock(at: datetime) -> str:
    """Return a moment as mails have it: in the time zone of the setting TIME_ZONE, which it names."""
    local = timezone.localtime(at, timezone.get_default_timezone())
    return " ".join([date_format(local, _("j M Y, H:i")), zone_of(local)])


def address(page: str, provider: Provider) -> str:
    """Return the whole address of a page of a provider."""
    return settings.OPTIONS.base_url + reverse(f"admin:{page}", args=[provider.pk])
