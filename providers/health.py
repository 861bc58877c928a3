"""How each provider is doing: one state, with the facts of the sentence that explains it (console.md §3.5).

A fixed number of queries, however many providers are asked about. The words are the console's
(`providers.console.provider.status`). Until it is known whether Entra calls in every cycle although nothing
changed, silence alone is not alarming before `silent_after_hours`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _

from providers.activity import log_failure
from providers.models import HeldRemoval, Provider, ProviderActivity, RequestCount, Token, TokenState
from providers.outcomes import CHANGES, Outcome, is_problem, outcome_of
from providers.states import Shown

CYCLE = timedelta(minutes=40)
# A burst, of our own errors or of changes that fail, begins with five.
FAILING_SHARE, FAILING_COUNT = 0.4, 5
SOME_ERRORS_SHARE = 0.05
EXPIRY_NOTICE = timedelta(days=30)
# Before the old token of a rotation ends while the new one was never used.
UNUSED_NOTICE = timedelta(hours=24)
REMOVALS_SHOWN = timedelta(hours=24)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class State(Shown):
    """The state of a provider, in the order of what needs somebody most: lists show the worst first."""

    HELD = "held", "stop", "bad", _("On hold")
    REFUSED = "refused", "stop", "bad", _("Refused")
    FAILING = "failing", "x", "bad", _("Failing")
    SILENT = "silent", "silent", "bad", _("Silent")
    LATE = "late", "clock", "warn", _("Late")
    SOME_ERRORS = "some_errors", "alert", "warn", _("Some errors")
    HEALTHY = "healthy", "check", "ok", _("Healthy")
    PAUSED = "paused", "pause", "", _("Paused")
    NOT_CONNECTED = "not_connected", "plug", "", _("Not connected")

    @property
    def rank(self) -> int:
        return list(State).index(self)


class Reason(Enum):
    """Why a provider has *some errors*."""

    REMOVALS = "removals"
    ERRORS = "errors"
    TOKEN_ENDS = "token ends"
    TOKEN_UNUSED = "token unused"


Problem = tuple[int, str, str]  # status, reason, resource type


@dataclass(frozen=True)
class Health:
    """The state of one provider at one moment, and what it follows from."""

    state: State
    at: datetime
    accepted_at: datetime | None = None
    requests: int = 0  # in 24 hours, and the next four too
    errors: int = 0
    failed: int = 0  # errors but refusals
    changes: int = 0
    failed_changes: int = 0
    recent_changes: int = 0  # in 60 minutes, and the next two too
    recent_failed: int = 0
    recent_problems: Sequence[tuple[Problem, int]] = ()
    # Each that holds, the gravest first, whatever the state; and the token that ends.
    reasons: Sequence[tuple[Reason, Token | None]] = ()
    token: Token | None = None  # that was refused, or ends
    current: Token | None = None  # the newest of those that work
    activity: ProviderActivity = field(default_factory=ProviderActivity)
    waiting: int = 0  # users whose removal is held back

    @property
    def reason(self) -> Reason | None:
        return self.reasons[0][0] if self.reasons else None

    @property
    def refused(self) -> int:
        """Requests turned away in 24 hours."""
        return self.errors - self.failed

    @property
    def next_expected(self) -> datetime | None:
        return self.accepted_at + CYCLE if self.accepted_at else None


def health_of(providers: Iterable[Provider], now: datetime) -> dict[int, Health]:
    """The health of each provider, by its id. Three queries; two more while changes fail, one if people are held."""
    known = list(providers)
    ids = [provider.pk for provider in known]
    activities = ProviderActivity.objects.in_bulk(ids)
    day, suspects = _counts(ids, now)
    # A log that cannot be written may be gone, or held by somebody: then the counts alone tell (AC-LOG-7).
    recent = _recent(suspects, now) if suspects and not log_failure() else {}
    waiting = _waiting([provider.pk for provider in known if provider.held_at])
    tokens = _tokens(ids, activities.values())
    found = {}
    for provider in known:
        activity = activities.get(provider.pk) or ProviderActivity(provider_id=provider.pk)
        figures = day[provider.pk] | recent.get(provider.pk, {}) | {"waiting": waiting[provider.pk]}
        own = [token for token in tokens if token.provider_id == provider.pk]
        found[provider.pk] = _judge(provider, activity, figures, own, now)
    return found


def _judge(
    provider: Provider, activity: ProviderActivity, figures: Mapping[str, Any], tokens: list[Token], now: datetime
) -> Health:
    """The first rule that holds (the table of console.md §3.5)."""
    refused = next((token for token in tokens if token.pk == activity.refused_token_id), None)
    live = {token.pk: token for token in tokens if token.state in (TokenState.ACTIVE, TokenState.SUSPENDED)}
    reasons = list(_reasons(activity, figures, live, now))
    state, token = State.HEALTHY, None
    silence = now - activity.accepted_at if activity.accepted_at else None
    if provider.paused_at:
        state = State.PAUSED
    elif provider.held_at:
        state = State.HELD
    elif activity.refused_count:
        state, token = State.REFUSED, refused
    elif silence is None:
        state = State.NOT_CONNECTED
    elif figures.get("is_failing"):
        state = State.FAILING
    elif silence > timedelta(hours=provider.silent_after_hours):
        state = State.SILENT
    elif silence > timedelta(minutes=provider.late_after_minutes):
        state = State.LATE
    elif reasons:
        state, token = State.SOME_ERRORS, reasons[0][1]
    numbers = {name: value for name, value in figures.items() if name != "is_failing"}
    current = next(reversed(live.values()), None)
    return Health(
        state, now, activity.accepted_at, reasons=reasons, token=token, current=current, activity=activity, **numbers
    )


def _reasons(
    activity: ProviderActivity, figures: Mapping[str, Any], live: Mapping[int, Token], now: datetime
) -> Iterator[tuple[Reason, Token | None]]:
    if activity.mass_change_until and now - activity.mass_change_until < REMOVALS_SHOWN:
        yield Reason.REMOVALS, None
    if any(
        figures[failed] and figures[failed] >= SOME_ERRORS_SHARE * figures[all_of_them]
        for failed, all_of_them in (("failed_changes", "changes"), ("failed", "requests"))
    ):
        yield Reason.ERRORS, None
    for token in live.values():
        successor = live.get(token.replaced_by_id or 0)
        left = token.expires_at - now if token.expires_at else None
        if left is None:
            continue
        if token.replaced_by_id is None and left <= EXPIRY_NOTICE:
            yield Reason.TOKEN_ENDS, token
        if successor and successor.first_used_at is None and left <= UNUSED_NOTICE:
            yield Reason.TOKEN_UNUSED, token


def _waiting(held_ids: list[int]) -> Counter[int]:
    """How many removals of each provider are held back."""
    if not held_ids:
        return Counter()
    rows = HeldRemoval.objects.filter(provider_id__in=held_ids).values_list("provider_id")
    return Counter(dict(rows.annotate(Count("pk"))))


def _counts(ids: list[int], now: datetime) -> tuple[dict[int, dict[str, Any]], list[int]]:
    """The numbers of 24 hours, and who failed often enough lately to be looked at closely."""
    found: dict[int, dict[str, Any]] = defaultdict(
        lambda: {"requests": 0, "errors": 0, "failed": 0, "changes": 0, "failed_changes": 0}
    )
    lately: Counter[int] = Counter()
    since_hour = Q(slot__gt=now - _HOUR - timedelta(minutes=20))
    rows = RequestCount.objects.filter(provider_id__in=ids, slot__gt=now - _DAY).values_list(
        "provider_id", "outcome", "is_change"
    )
    for pk, outcome, is_change, count, recent in rows.annotate(
        total=Sum("count"), recent=Sum("count", filter=since_hour)
    ):
        own = found[pk]
        own["requests"] += count
        own["changes"] += count if is_change else 0
        if is_problem(outcome, is_change=is_change):
            own["errors"] += count
            if outcome != Outcome.REFUSED:
                own["failed"] += count
                own["failed_changes"] += count if is_change else 0
                lately[pk] += recent or 0
    return found, [pk for pk, count in lately.items() if count >= FAILING_COUNT]


_RECENT = """
SELECT provider_id, status, reason, resource_type, method = ANY(%s), count(*) FROM providers_requestlog
WHERE provider_id = ANY(%s) AND id >= providers_uuid7_floor(%s) AND at > %s AND token_prefix <> 'ipr_test'
GROUP BY 1, 2, 3, 4, 5
"""


def _recent(ids: list[int], now: datetime) -> dict[int, dict[str, Any]]:
    """The last 60 minutes of a few providers, from the log itself: to the minute, and with what went wrong."""
    changes: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    own_errors: Counter[int] = Counter()
    problems: dict[int, Counter[Problem]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [list(CHANGES), ids, now - _HOUR, now - _HOUR])
        for pk, status, reason, resource_type, is_change, count in cursor.fetchall():
            outcome = outcome_of(status)
            changes[pk] += count if is_change else 0
            if outcome == Outcome.ERROR:
                own_errors[pk] += count
            if outcome != Outcome.REFUSED and is_problem(outcome, is_change=is_change):
                failed[pk] += count if is_change else 0
                problems[pk][status, reason, resource_type] += count
    return {
        pk: {
            "recent_changes": changes[pk],
            "recent_failed": failed[pk],
            "recent_problems": problems[pk].most_common(),
            "is_failing": own_errors[pk] >= FAILING_COUNT
            or (changes[pk] >= FAILING_COUNT and failed[pk] >= FAILING_SHARE * changes[pk]),
        }
        for pk in ids
    }


def _tokens(ids: list[int], activities: Iterable[ProviderActivity]) -> list[Token]:
    """Those that work, and those that were presented and refused; the newest last."""
    refused = [activity.refused_token_id for activity in activities if activity.refused_token_id]
    known = Token.objects.filter(Q(pk__in=refused) | Q(pk__in=Token.objects.live()), provider__in=ids)
    return list(known.order_by("created_at", "pk"))
