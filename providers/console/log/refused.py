"""The page *Refused requests* (AC-REF): calls with the token of a provider, and calls that no provider sent.

The first are rows of the provisioning log. The others are counted per address and hour, so that
a scan of the internet fills neither the disk nor the page. Nothing of what they sent as a token is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Max, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.page import Place, Text, moment, show
from providers.console.log.explanations import explanation_of
from providers.models import CLIENT_ID, Provider, RefusedCalls, RequestLog, Token, TokenState
from providers.outcomes import Outcome, Refusal

DAYS = 7
MOST = 100

_COPY = gettext_lazy("Enter the permanent token in the directory again, exactly as it was shown.")
_MEANINGS: Mapping[str, Text] = {
    Refusal.NO_TOKEN: gettext_lazy("No bearer token was sent: mostly a scan of the internet."),
    Refusal.JWT: gettext_lazy("The Secret Token is empty in Entra: enter the permanent token there."),
    Refusal.BEARER_TWICE: _COPY,
    Refusal.QUOTED: _COPY,
    Refusal.SPACED: _COPY,
    Refusal.ALTERED: _COPY,
    Refusal.NEVER_ISSUED: gettext_lazy(
        "It looks like one of ours: made by another iProva, or for a provider that no longer exists."
    ),
    Refusal.CLIENT_SECRET: gettext_lazy(
        "The secret of an OAuth client was sent as a token: choose OAuth 2.0 client credentials in the directory."
    ),
    Refusal.ACCESS_ENDED: gettext_lazy("Normal: a client asks for a new access token when the old one is refused."),
    Refusal.UNPROVEN: gettext_lazy(
        "So many wrong secrets or assertions for one provider that the log has only some of them."
    ),
    Refusal.LOCKED: gettext_lazy(
        "Ten refused sign-ins within a minute: from this address, the client has to wait a little."
    ),
    Refusal.UNKNOWN_CLIENT: gettext_lazy("A client id, or a secret without one, that is not known here."),
    Refusal.UNKNOWN: gettext_lazy("A token was sent that was never made here."),
}


def _kind(kind: str) -> tuple[Badge, Text]:
    refusal = Refusal(kind)
    return badge_of(refusal), _MEANINGS[refusal]


@dataclass(frozen=True)
class Attributed:
    """Refused calls of one provider's token or client from one address, for one reason."""

    provider: Provider | None
    cause: Text
    act: Text
    token: SafeString
    address: str
    count: int
    last: SafeString
    log_address: str


@require_safe
def refused(request: HttpRequest) -> HttpResponse:
    """Show both kinds of the last seven days, newest first."""
    since = timezone.now() - timedelta(days=DAYS)
    unnamed = RefusedCalls.objects.filter(hour__gte=since).order_by("-hour", "-id")[:MOST]
    context = {
        "attributed": _attributed(since),
        "unnamed": [(row, *_kind(row.kind), moment(row.hour)) for row in unnamed],
        "days": DAYS,
        "most": MOST,
    }
    return show(request, "console/log/refused.html", _("Refused requests"), Place("refused"), context)


def _attributed(since: datetime) -> list[Attributed]:
    """Refused calls of providers, grouped. Three queries: the groups, their providers, their tokens."""
    refusals = RequestLog.objects.since(since).filter(outcome=Outcome.REFUSED).order_by()
    # A client has another access token every hour, so its refusals are those of the client.
    permanent = Case(When(token_prefix__startswith=CLIENT_ID, then=None), default=F("token_id"))
    alike = refusals.values("provider_id", "token_prefix", "status", "reason", "source_ip", permanent_id=permanent)
    groups = list(alike.annotate(count=Count("pk"), last=Max("at")).order_by("-last")[:MOST])
    providers = Provider.objects.in_bulk({row["provider_id"] for row in groups})
    tokens = Token.objects.in_bulk({row["permanent_id"] for row in groups if row["permanent_id"]})
    return [_one(row, providers.get(row["provider_id"]), tokens.get(row["permanent_id"])) for row in groups]


def _one(row: Mapping[str, Any], provider: Provider | None, token: Token | None) -> Attributed:
    said = explanation_of(row["reason"], row["status"])
    query = {"outcome": Outcome.REFUSED.value, "provider": row["provider_id"], "period": 168}
    query |= {"address": row["source_ip"]} if row["source_ip"] else {}
    return Attributed(
        provider=provider,
        cause=said.title,
        act=said.act,
        token=_token(token) if token else format_html('<span class="mono">{}…</span>', row["token_prefix"]),
        address=row["source_ip"] or "",
        count=row["count"],
        last=moment(row["last"]),
        log_address=f"?{urlencode(query)}",
    )


def _token(token: Token) -> SafeString:
    """The token, with the day on which it ended if it did."""
    ended = token.revoked_at or token.suspended_at or (token.expires_at if token.state is TokenState.EXPIRED else None)
    shown = format_html('<span class="mono">{}</span>', token.shown)
    return format_html("{}, {}", shown, moment(ended, to="day")) if ended else shown
