"""The tables of records: change events, requests, the figures about them, mails and runs of jobs.

`ChangeEvent` and `RequestLog` are partitioned by id. The id is a UUIDv7 and contains the time, so a
partition is a month. A migration creates these tables by SQL; `providers.housekeeping` makes and
drops the partitions.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from providers.events import EventKind
from providers.ids import first_id_at, parse_id
from providers.models.provider import OfProvider
from providers.outcomes import Action, Outcome
from scim.protocol.values import search_key

_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})


# Migrations 0019 and 0029 have an index on each of these two.
FORMER_NAMES = "providers_former_names(changes)"
ASKED_NAMES = "providers_search_key(subject || ' ' || display_name || ' ' || external_id)"
# The condition of that index, word for word.
_FORMER = (
    "kind IN ('resource.changed', 'resource.disabled', 'resource.enabled') AND jsonb_path_exists(changes, "
    '\'$[*] ? (exists (@.before) && (@.path == "userName" || @.path == "displayName" || @.path == "externalId"'
    ' || @.path == "nickName" || @.path starts with "name."))\')'
)


MAX_SEARCH_WORDS = 10
MAX_SEARCH_LENGTH = 500


class SearchTooLongError(Exception):
    """A search has more than `MAX_SEARCH_WORDS` words or `MAX_SEARCH_LENGTH` characters."""


def search_words(text: str) -> list[str]:
    """Return the words of a search as search keys. Raises `SearchTooLongError`."""
    text = text.strip()
    if len(text) > MAX_SEARCH_LENGTH:
        raise SearchTooLongError
    words = search_key(text).split()
    if len(words) > MAX_SEARCH_WORDS:
        raise SearchTooLongError
    return words


def like_all(expression: str, text: str) -> tuple[str, list[str]]:
    """Return a condition in SQL that `expression` contains every word of a search, and its parameters.

    Not `LIKE ALL (…)`: no index is used for that. Raises `SearchTooLongError`.
    """
    words = [f"%{word.translate(_ESCAPES)}%" for word in search_words(text)]
    return " AND ".join([f"{expression} LIKE %s"] * len(words)) or "false", words


def sought_id(text: str) -> str | None:
    """Return the complete id that a text is; None for any other text, which no value is equal to."""
    own = parse_id(text.strip())
    return None if own is None else text.strip()


def _condition(sql: str, values: Sequence[str] = ()) -> RawSQL:
    return RawSQL(sql, values, models.BooleanField())  # noqa: S611 (the text is one of the constants here)


class ChangeEventQuerySet(OfProvider):
    """Queries on change events."""

    def about(self, *resources: UUID) -> "ChangeEventQuerySet":
        """The events of these users and groups."""
        return self.filter(resource_id__in=resources)

    def acts(self) -> "ChangeEventQuerySet":
        """What people and the system did; not what a directory did to its users and groups."""
        return self.filter(Q(resource_id__isnull=True) | Q(person_id__isnull=False))

    def with_former_name(self, text: str) -> "ChangeEventQuerySet":
        """Return the changes of users and groups that replaced names with every word of `text`."""
        return self.filter(_condition(_FORMER), _condition(*like_all(FORMER_NAMES, text)))

    def since(self, moment: datetime) -> "ChangeEventQuerySet":
        return self.filter(id__gte=first_id_at(moment))

    def on_day(self, start: datetime) -> "ChangeEventQuerySet":
        """Return the events of the day that starts at this moment, also if the clocks change on it."""
        end = timezone.make_aware(timezone.make_naive(start) + timedelta(days=1))
        return self.since(start - timedelta(minutes=1)).filter(at__gte=start, at__lt=end)


class ChangeEvent(models.Model):
    """One change of one resource by one request, or one act in the console. Rows are never updated."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    provider_id = models.BigIntegerField(null=True)
    resource_id = models.UUIDField(null=True)
    resource_type = models.CharField(max_length=50, default="")
    version = models.IntegerField(null=True)
    subject = models.TextField(default="")
    # The actor: a provider by its token, or a person in the console.
    token_prefix = models.CharField(max_length=8, default="")
    person_id = models.IntegerField(null=True)
    person_name = models.CharField(max_length=150, default="")
    address = models.GenericIPAddressField(null=True)
    request_id = models.UUIDField(null=True)
    # [{"path": …, "before": …, "after": …}]; without an earlier or later value, that key is missing.
    changes = models.JSONField(default=list)

    objects = ChangeEventQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "providers_changeevent"

    @property
    def event_kind(self) -> EventKind:
        """The kind of the event, with its icon and sentence."""
        return EventKind(self.kind)


class RequestLogQuerySet(OfProvider):
    """Queries on the provisioning log."""

    def notable(self) -> "RequestLogQuerySet":
        """Return all requests except successful look-ups, which are numerous and not interesting."""
        return self.exclude(action=Action.LOOK_UP, outcome=Outcome.SUCCESS)

    def problems(self) -> "RequestLogQuerySet":
        """Return the problems: requests of directories that were not done. Every count of them is this query."""
        return self.filter(is_problem=True)

    def since(self, moment: datetime) -> "RequestLogQuerySet":
        """Return the requests since `moment`. Reads only the partitions of these months."""
        return self.filter(id__gte=first_id_at(moment))

    def with_short_id(self, text: str) -> "RequestLogQuerySet":
        """Return the requests whose id ends with these eight characters, as pages show it."""
        return self.filter(_condition("right(id::text, 8) = %s", [text.lower()]))

    def asking_for(self, text: str, *, can_see_names: bool = True) -> "RequestLogQuerySet":
        """Return the problems that asked for names, or an externalId, with every word of `text`.

        Without `can_see_names`, those about users are found by a complete object id only (`ResourceQuerySet.search`).
        """
        found = self.problems().filter(
            _condition("subject || external_id <> ''"), _condition(*like_all(ASKED_NAMES, text))
        )
        return found if can_see_names else found.filter(Q(resource_type="Group") | Q(external_id=sought_id(text)))

    def without_bodies(self) -> "RequestLogQuerySet":
        """Without the columns that may be long."""
        return self.defer("request_body", "response_body")


class RequestLog(models.Model):
    """One request of a known provider. Rows are written in batches, after the responses."""

    id = models.UUIDField(primary_key=True)  # the request id of X-Request-Id
    at = models.DateTimeField()
    provider_id = models.BigIntegerField()
    token_id = models.BigIntegerField(null=True)
    token_prefix = models.CharField(max_length=8, default="")
    method = models.CharField(max_length=10)
    path = models.TextField()
    query = models.TextField(default="")
    status = models.SmallIntegerField()
    # The `scim.protocol.errors.Reason` of an error. "" for a success, but a PATCH of which nothing was understood has
    # `nothing-understood`.
    reason = models.CharField(max_length=40, default="")
    scim_type = models.CharField(max_length=30, default="")
    detail = models.TextField(default="")
    duration_ms = models.FloatField()
    source_ip = models.GenericIPAddressField(null=True)
    is_uncovered = models.BooleanField(default=False)
    client_request_id = models.CharField(max_length=100, default="")
    resource_type = models.CharField(max_length=50, default="")
    resource_id = models.UUIDField(null=True)
    # Names of sent attributes that are in no schema. They were not stored.
    ignored = models.JSONField(default=list)
    # What the request asks for (`scim.protocol.intent`): its action where the method does not show it, the names that
    # it gives the user or group, and the attributes that it names. `rejected` are those it was rejected for, [] is all.
    intent = models.CharField(max_length=10, default="")
    subject = models.TextField(default="")
    subject_key = models.TextField(default="", db_collation="C")
    display_name = models.TextField(default="")
    external_id = models.TextField(default="")
    asked = models.JSONField(default=list)
    rejected = models.JSONField(default=list)
    # Each operation of a bulk request has a row of its own.
    part_of = models.UUIDField(null=True)
    request_body = models.TextField(default="")
    response_body = models.TextField(default="")
    outcome = models.GeneratedField(
        expression=Func(F("status"), F("reason"), function="providers_outcome"),
        output_field=models.CharField(max_length=10, choices=Outcome),
        db_persist=True,
    )
    # Whether it counts as a problem (`providers.outcomes.is_problem`). Our own connection tests never do.
    is_problem = models.GeneratedField(
        expression=Func(F("status"), F("reason"), F("method"), F("token_prefix"), function="providers_is_problem"),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    action = models.GeneratedField(
        expression=Func(F("method"), F("resource_type"), F("query"), F("intent"), function="providers_action"),
        output_field=models.CharField(max_length=10, choices=Action),
        db_persist=True,
    )

    objects = RequestLogQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "providers_requestlog"


class RefusedCalls(models.Model):
    """The number of requests without a usable token from one address in one hour, by kind of refusal."""

    address = models.GenericIPAddressField()
    hour = models.DateTimeField()
    kind = models.CharField(max_length=20)
    count = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address", "hour", "kind"], name="one_row_per_address_and_hour")]
        indexes = [models.Index(fields=["-hour", "-id"], name="refused_newest")]


class RequestCountQuerySet(OfProvider):
    """Queries on the counts of requests."""


class RequestCount(models.Model):
    """The number of requests of one kind that a provider made in twenty minutes, for charts and health.

    Twenty minutes divide both an hour and Entra's cycle of 40 minutes. The counts are in a table of
    their own, so that a figure costs the same with a thousand rows in the log as with a million.
    """

    # Not a foreign key: counting must not fail while a provider is being purged.
    provider_id = models.BigIntegerField()
    slot = models.DateTimeField()
    outcome = models.CharField(max_length=10)
    is_change = models.BooleanField()
    count = models.IntegerField()

    objects = RequestCountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider_id", "slot", "outcome", "is_change"], name="one_count_per_slot")
        ]
        indexes = [models.Index(fields=["slot"], name="request_count_slot")]


class ProviderActivity(models.Model):
    """A provider's last accepted request, its refused requests since then, and its latest removals above the limit."""

    provider_id = models.BigIntegerField(primary_key=True)
    first_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    refused_since = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refused_count = models.IntegerField(default=0)
    refused_token_id = models.BigIntegerField(null=True)
    # Set when the address was refused, not the token.
    refused_address = models.GenericIPAddressField(null=True)
    # The latest removals above the limit: the first, the last, and the number of users. The columns keep an old name.
    mass_change_since = models.DateTimeField(null=True)
    mass_change_until = models.DateTimeField(null=True)
    mass_change_count = models.IntegerField(default=0)


class SourceSeen(models.Model):
    """An address from which a provider sent requests with a valid token, by day.

    Whether it is in an allowed range is not stored, because the ranges can change.
    """

    provider_id = models.BigIntegerField()
    address = models.GenericIPAddressField()
    day = models.DateField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    calls = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider_id", "address", "day"], name="one_row_per_day")]


class Notice(models.Model):
    """A mail to a provider's notification address. `key` identifies the occasion, for which there is only one mail."""

    provider_id = models.BigIntegerField()
    key = models.CharField(max_length=100)
    address = models.EmailField()
    subject = models.CharField(max_length=300)
    body = models.TextField()
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider_id", "key"], name="one_notice_per_occasion")]


class Erasure(models.Model):
    """What is still to be erased after a purge: the values, and the row of the provider's log down to which it is done.

    A row is deleted as soon as its values are erased everywhere (`providers.resources.traces`).
    """

    provider_id = models.BigIntegerField(db_index=True)
    values = models.JSONField()
    position = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now)


class JobRun(models.Model):
    """The last run of a housekeeping job. `result` is what it did, or the class of the error that stopped it."""

    job = models.CharField(max_length=50, primary_key=True)
    ran_at = models.DateTimeField()
    took_ms = models.IntegerField()
    has_failed = models.BooleanField()
    result = models.CharField(max_length=500)
