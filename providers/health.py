"""The health of each provider: one state, and the figures that explain it.

The number of queries does not depend on the number of providers. `providers.console.provider.status` writes the
sentences. A directory that calls in cycles is late after `late_after_minutes`; any directory is silent after
`silent_after_hours`. We do not yet know whether Entra sends requests in each cycle if nothing has changed, so late is
only a warning.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, Q, Sum
from django.utils.translation import gettext_lazy as _

from providers.activity import log_failures, slot_of
from providers.models import Provider, ProviderActivity, RequestCount, RequestLog, Token, TokenState
from providers.outcomes import CHANGES, Outcome, is_failure, is_problem, outcome_of
from providers.quota import usages
from providers.removal_limit import waiting_users
from providers.states import Shown

# A provider is failing with five errors of our own, or five changes of which this share fails, within an hour.
FAILING_SHARE, FAILING_COUNT = 0.4, 5
SOME_ERRORS_SHARE = 0.05
EXPIRY_NOTICE = timedelta(days=30)
# The warning about the old token of a rotation starts this long before its expiry, if the new one was never used.
UNUSED_NOTICE = timedelta(hours=24)
REMOVALS_SHOWN = timedelta(hours=24)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


class State(Shown):
    """The state of a provider. The most urgent state is first, and lists show it first."""

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
        """The place of the state in the order of urgency; 0 is the most urgent one."""
        return list(State).index(self)


class Reason(Enum):
    """The reason why a provider is in the state *some errors*."""

    REMOVALS = "removals"
    ERRORS = "errors"
    FULL = "full"
    TOKEN_ENDS = "token ends"
    TOKEN_UNUSED = "token unused"
    THROTTLED = "throttled"


Problem = tuple[int, str, str]  # status, reason, resource type


@dataclass(frozen=True)
class Health:
    """The state of one provider at one moment, and the figures behind it."""

    state: State
    at: datetime
    accepted_at: datetime | None = None
    requests: int = 0  # in the last 24 hours, like the next five
    problems: int = 0  # as the provisioning log lists them
    outcomes: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    changes: int = 0
    failed_changes: int = 0
    recent_changes: int = 0  # in the last 60 minutes, like the next three
    recent_failed: int = 0
    recent_throttled: int = 0
    recent_problems: Sequence[tuple[Problem, int]] = ()
    # All reasons that apply, in any state, the most serious first; each with its token, if it is about one.
    reasons: Sequence[tuple[Reason, Token | None]] = ()
    token: Token | None = None  # the token that was refused or expires soon
    current: Token | None = None  # the newest token that works
    activity: ProviderActivity = field(default_factory=ProviderActivity)
    waiting: int = 0  # users whose removal is held back
    cycle: timedelta | None = None  # how often the directory calls when nothing has changed, if it does

    @property
    def reason(self) -> Reason | None:
        """The most serious reason, or None."""
        return self.reasons[0][0] if self.reasons else None

    @property
    def refused(self) -> int:
        """The number of requests refused in the last 24 hours."""
        return self.outcomes.get(Outcome.REFUSED, 0)

    @property
    def next_expected(self) -> datetime | None:
        """When the next cycle should start; None if no request was accepted yet, or the directory has no cycle."""
        return self.accepted_at + self.cycle if self.accepted_at and self.cycle else None


def health_of(providers: Iterable[Provider], now: datetime) -> dict[int, Health]:
    """Return the health of each provider by its id.

    Three queries. One more if there are problems, one more if changes fail, and one more if removals are held back.
    """
    known = list(providers)
    ids = [provider.pk for provider in known]
    activities = ProviderActivity.objects.in_bulk(ids)
    day, suspects, is_log_readable = _counts(ids, now)
    # If the log cannot be written, its table may be missing or locked. Then only the counts are used (AC-LOG-7).
    problems = {pk: own["problems"] for pk, own in day.items()}
    recent: dict[int, dict[str, Any]] = {}
    if any(problems.values()) and is_log_readable:
        problems = problem_counts(ids, now)
        recent = _recent(suspects, now) if suspects else {}
    held = [provider.pk for provider in known if provider.held_at]
    waiting = waiting_users(held) if held else Counter()
    tokens = _tokens(ids, activities.values())
    found = {}
    for provider in known:
        activity = activities.get(provider.pk) or ProviderActivity(provider_id=provider.pk)
        figures = day[provider.pk] | recent.get(provider.pk, {}) | {"waiting": waiting[provider.pk]}
        figures["problems"] = problems.get(provider.pk, 0)
        own = [token for token in tokens if token.provider_id == provider.pk]
        found[provider.pk] = _judge(provider, activity, figures, own, now)
    return found


def _judge(
    provider: Provider, activity: ProviderActivity, figures: Mapping[str, Any], tokens: list[Token], now: datetime
) -> Health:
    """Return the health of one provider, by the first rule that applies."""
    refused = next((token for token in tokens if token.pk == activity.refused_token_id), None)
    permanent = [token for token in tokens if token.client_id is None]  # an access token always ends soon
    live = {token.pk: token for token in permanent if token.state in (TokenState.ACTIVE, TokenState.SUSPENDED)}
    reasons = list(_reasons(provider, activity, figures, live, now))
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
    elif provider.directory.cycle and silence > timedelta(minutes=provider.late_after_minutes):
        state = State.LATE
    elif reasons:
        state, token = State.SOME_ERRORS, reasons[0][1]
    numbers = {name: value for name, value in figures.items() if name != "is_failing"}
    numbers["cycle"] = provider.directory.cycle
    current = next(reversed(live.values()), None)
    return Health(
        state, now, activity.accepted_at, reasons=reasons, token=token, current=current, activity=activity, **numbers
    )


def _reasons(
    provider: Provider,
    activity: ProviderActivity,
    figures: Mapping[str, Any],
    live: Mapping[int, Token],
    now: datetime,
) -> Iterator[tuple[Reason, Token | None]]:
    """Yield each reason for *some errors* that applies, the most serious first."""
    if activity.mass_change_until and now - activity.mass_change_until < REMOVALS_SHOWN:
        yield Reason.REMOVALS, None
    if any(
        figures[failed] and figures[failed] >= SOME_ERRORS_SHARE * figures[all_of_them]
        for failed, all_of_them in (("failed_changes", "changes"), ("failed", "requests"))
    ):
        yield Reason.ERRORS, None
    if any(usage.is_nearly_full for usage in usages(provider)):
        yield Reason.FULL, None
    for token in live.values():
        successor = live.get(token.replaced_by_id or 0)
        left = token.expires_at - now if token.expires_at else None
        if left is None:
            continue
        if token.replaced_by_id is None and left <= EXPIRY_NOTICE:
            yield Reason.TOKEN_ENDS, token
        if successor and successor.first_used_at is None and left <= UNUSED_NOTICE:
            yield Reason.TOKEN_UNUSED, token
    if figures["recent_throttled"]:
        yield Reason.THROTTLED, None


def problem_counts(ids: Iterable[int], now: datetime) -> dict[int, int]:
    """Return the number of problems of each provider in the last 24 hours. Every page shows this number. One query."""
    day = RequestLog.objects.problems().since(now - _DAY).of_any(ids).order_by()
    return dict(day.values_list("provider_id").annotate(Count("pk")))


_COUNTED = ("requests", "problems", "failed", "changes", "failed_changes", "recent_throttled")


def _counts(ids: list[int], now: datetime) -> tuple[dict[int, dict[str, Any]], list[int], bool]:
    """Return the figures of the last 24 hours, the providers to ask the log about, and whether the log works.

    One query.
    """
    is_readable = True
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"outcomes": Counter()} | dict.fromkeys(_COUNTED, 0))
    lately: Counter[int] = Counter()
    since_hour = Q(slot__gt=now - _HOUR - timedelta(minutes=20))
    rows = RequestCount.objects.filter(provider_id__in=ids, slot__gt=slot_of(now - _DAY)).values_list(
        "provider_id", "outcome", "is_change"
    )
    counted = rows.annotate(total=Sum("count"), recent=Sum("count", filter=since_hour), lost=Exists(log_failures()))
    for pk, outcome, is_change, count, recent, is_lost in counted:
        is_readable = not is_lost
        own = found[pk]
        own["requests"] += count
        own["changes"] += count if is_change else 0
        own["problems"] += count if is_problem(outcome, is_change=is_change) else 0
        own["outcomes"][outcome] += count
        if outcome == Outcome.THROTTLED:
            own["recent_throttled"] += recent or 0
        if is_failure(outcome, is_change=is_change):
            own["failed"] += count
            own["failed_changes"] += count if is_change else 0
            lately[pk] += recent or 0
    return found, [pk for pk, count in lately.items() if count >= FAILING_COUNT], is_readable


_RECENT = """
SELECT provider_id, status, reason, resource_type, method = ANY(%s), count(*) FROM providers_requestlog
WHERE provider_id = ANY(%s) AND id >= providers_uuid7_floor(%s) AND at > %s AND token_prefix <> 'ipr_test'
GROUP BY 1, 2, 3, 4, 5
"""


def _recent(ids: list[int], now: datetime) -> dict[int, dict[str, Any]]:
    """Return the figures of the last 60 minutes of a few providers. The log has the exact times and the problems."""
    changes: Counter[int] = Counter()
    failed: Counter[int] = Counter()
    own_errors: Counter[int] = Counter()
    problems: dict[int, Counter[Problem]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [list(CHANGES), ids, now - _HOUR, now - _HOUR])
        for pk, status, reason, resource_type, is_change, count in cursor.fetchall():
            outcome = outcome_of(status, reason)
            changes[pk] += count if is_change else 0
            if outcome == Outcome.ERROR:
                own_errors[pk] += count
            if is_failure(outcome, is_change=is_change):
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
    """Return the live tokens, and the tokens that were last refused; the newest last."""
    refused = [activity.refused_token_id for activity in activities if activity.refused_token_id]
    known = Token.objects.filter(Q(pk__in=refused) | Q(pk__in=Token.objects.live()), provider__in=ids)
    return list(known.order_by("created_at", "pk"))
