"""Figures of each provider next to the provisioning log: requests in twenty minutes, last contact, addresses.

The log's buffered writer writes them with each batch, so no request waits for them. Several workers
add to the same rows. Each statement adds to the stored values, in the same order of rows, so there
are no lost updates and no deadlocks.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from providers import removal_limit
from providers.models import TEST_PREFIX, JobRun, Provider, ProviderActivity, RemovalLimit
from providers.outcomes import CHANGES, Action, Outcome, SignInFailure, outcome_of
from scim.protocol.errors import Reason

SLOT_MINUTES = 20
# Why a client that had shown who it is got no access token.
_CERTAIN = {Reason.ADDRESS_REFUSED, *(failure for failure in SignInFailure if failure.proves_itself)}
# The key in `JobRun` of the last failure of the log's writer. There is no row until the first failure.
LOG_JOB = "request_log"
FAILURE_SHOWN = timedelta(minutes=10)


def log_failure() -> JobRun | None:
    """Return when and why the provisioning log could not be written, or None if not in the last ten minutes."""
    return log_failures().first()


def log_failures() -> QuerySet[JobRun]:
    """Return the query of `log_failure`, for another query to contain."""
    since = timezone.now() - FAILURE_SHOWN
    return JobRun.objects.filter(job=LOG_JOB, has_failed=True, ran_at__gte=since)


@dataclass(frozen=True)
class Call:
    """The data of one request that are counted. The names are those of `request_log.Entry`."""

    at: datetime
    provider_id: int
    token_id: int | None
    token_prefix: str
    method: str
    status: int
    reason: str
    source_ip: str | None
    is_uncovered: bool
    intent: str = ""
    part_of: UUID | None = None  # the bulk request that contained this one

    @property
    def is_test(self) -> bool:
        """Whether the request is from our own connection test, which shows nothing about the directory."""
        return self.token_prefix == TEST_PREFIX

    @property
    def is_sign_in(self) -> bool:
        """Whether the request asked for an access token."""
        return self.intent == Action.SIGN_IN

    @property
    def is_change(self) -> bool:
        """Whether the request asks for a change to users or groups."""
        return self.method in CHANGES and not self.is_sign_in

    @property
    def is_counted(self) -> bool:
        """Whether the request is in the figures: not our own connection test, and of sign-ins the refused ones."""
        return not self.is_test and (not self.is_sign_in or self.status >= 400)

    @property
    def is_refused(self) -> bool:
        """Whether the request was refused for its token or its address. Other 403 responses are about its content."""
        is_address = self.status == 403 and self.is_uncovered and self.reason != Reason.REMOVALS_REJECTED
        return self.status == 401 or is_address

    @property
    def shows_contact(self) -> bool:
        """Whether the request counts for last contact and refusals.

        Our own connection test does not. Nor does one of so many refused requests that it was throttled: the others
        show the reason. A refused sign-in counts if it was certainly the directory's: anybody may know the client id.
        """
        if self.is_sign_in:
            return self.reason in _CERTAIN
        return not self.is_test and self.reason != Reason.REFUSED_TOO_OFTEN


def slot_of(at: datetime) -> datetime:
    """Return the start of the twenty minutes that contain the moment."""
    moment = at.astimezone(UTC).replace(second=0, microsecond=0)
    return moment - timedelta(minutes=moment.minute % SLOT_MINUTES)


_COUNT = """
INSERT INTO providers_requestcount (provider_id, slot, outcome, is_change, count) VALUES {rows}
ON CONFLICT (provider_id, slot, outcome, is_change) DO UPDATE
SET count = providers_requestcount.count + EXCLUDED.count
"""
_SEE = """
INSERT INTO providers_sourceseen (provider_id, address, day, first_at, last_at, calls) VALUES {rows}
ON CONFLICT (provider_id, address, day) DO UPDATE SET
  first_at = least(providers_sourceseen.first_at, EXCLUDED.first_at),
  last_at = greatest(providers_sourceseen.last_at, EXCLUDED.last_at),
  calls = providers_sourceseen.calls + EXCLUDED.calls
"""
# An accepted request resets the count of the refusals before it.
_ACCEPT = """
INSERT INTO providers_provideractivity AS a (provider_id, first_at, accepted_at, refused_count, mass_change_count)
VALUES (%s, %s, %s, 0, 0)
ON CONFLICT (provider_id) DO UPDATE SET
  first_at = coalesce(a.first_at, EXCLUDED.first_at),
  accepted_at = greatest(a.accepted_at, EXCLUDED.accepted_at),
  refused_since = CASE WHEN a.refused_at > EXCLUDED.accepted_at THEN a.refused_since END,
  refused_at = CASE WHEN a.refused_at > EXCLUDED.accepted_at THEN a.refused_at END,
  refused_count = CASE WHEN a.refused_at > EXCLUDED.accepted_at THEN a.refused_count ELSE 0 END,
  refused_token_id = CASE WHEN a.refused_at > EXCLUDED.accepted_at THEN a.refused_token_id END,
  refused_address = CASE WHEN a.refused_at > EXCLUDED.accepted_at THEN a.refused_address END
"""
_REFUSE = """
INSERT INTO providers_provideractivity AS a
  (provider_id, refused_since, refused_at, refused_count, refused_token_id, refused_address, mass_change_count)
VALUES (%s, %s, %s, %s, %s, %s, 0)
ON CONFLICT (provider_id) DO UPDATE SET
  refused_since = coalesce(a.refused_since, EXCLUDED.refused_since),
  refused_at = EXCLUDED.refused_at,
  refused_count = a.refused_count + EXCLUDED.refused_count,
  refused_token_id = EXCLUDED.refused_token_id,
  refused_address = EXCLUDED.refused_address
WHERE a.accepted_at IS NULL OR a.accepted_at < EXCLUDED.refused_at
"""


def write_counts(calls: list[Call]) -> None:
    """Add to the counts of requests of each provider, slot and outcome."""
    counts = Counter(
        (call.provider_id, slot_of(call.at), str(outcome_of(call.status, call.reason).value), call.is_change)
        for call in calls
        if call.is_counted
    )
    _upsert(_COUNT, [(*key, count) for key, count in sorted(counts.items())])


def write_throttled(counted: list[tuple[tuple[int, datetime, bool], int]]) -> None:
    """Add throttled requests without an entry in the log, by provider, slot and whether it was a change."""
    rows = [(*key[:2], Outcome.THROTTLED.value, key[2], count) for key, count in sorted(counted)]
    _upsert(_COUNT, rows)


def write_sources(calls: list[Call]) -> None:
    """Note the addresses of requests with a valid token, in an allowed range or not.

    Without a valid token the caller could be anybody, so the address is not noted.
    """
    seen: dict[tuple[int, str, date], list[datetime]] = defaultdict(list)
    for call in calls:
        if call.source_ip and call.status != 401 and not call.is_sign_in and call.shows_contact and not call.part_of:
            seen[call.provider_id, call.source_ip, call.at.astimezone(UTC).date()].append(call.at)
    _upsert(_SEE, [(*key, min(moments), max(moments), len(moments)) for key, moments in sorted(seen.items())])


def write_contacts(calls: list[Call]) -> None:
    """Note when each provider's last accepted request was, and which requests were refused after it."""
    by_provider: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.shows_contact:
            by_provider[call.provider_id].append(call)
    with connection.cursor() as cursor:
        for provider_id, own in sorted(by_provider.items()):
            accepted = max((call.at for call in own if not call.is_refused), default=None)
            refused = [call for call in own if call.is_refused and (accepted is None or call.at > accepted)]
            if accepted:
                cursor.execute(_ACCEPT, [provider_id, accepted, accepted])
            if refused:
                last = max(refused, key=lambda call: call.at)
                address = last.source_ip if last.status == 403 else None
                since = min(call.at for call in refused)
                cursor.execute(_REFUSE, [provider_id, since, last.at, len(refused), last.token_id, address])


def note_removals(calls: list[Call]) -> None:
    """Note the recent removals of each provider if they are above its removal limit (AC-HEA-6)."""
    changed = {call.provider_id for call in calls if call.is_change and call.status < 300}
    for provider_id in sorted(changed):
        _note_removals_of(provider_id, max(call.at for call in calls if call.provider_id == provider_id))


def _note_removals_of(provider_id: int, now: datetime) -> None:
    provider = Provider.objects.filter(pk=provider_id).exclude(removal_limit=RemovalLimit.OFF).first()
    if provider is None:
        return
    known = ProviderActivity.objects.filter(pk=provider_id).first()
    start = now - removal_limit.SPAN
    if known and known.mass_change_since and known.mass_change_until and known.mass_change_until > start:
        start = known.mass_change_since  # the noted removals continue
    if removals := removal_limit.removals_above_limit(provider, start):
        values = {
            "mass_change_since": removals.since,
            "mass_change_until": removals.until,
            "mass_change_count": removals.users,
        }
        ProviderActivity.objects.filter(pk=provider_id).update(**values)


WRITES = (write_counts, write_sources, write_contacts, note_removals)


def _upsert(statement: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        one = f"({', '.join(['%s'] * len(rows[0]))})"
        with connection.cursor() as cursor:
            cursor.execute(statement.format(rows=", ".join([one] * len(rows))), [part for row in rows for part in row])
