"""What happened: changes (append-only), requests, and calls that no provider can be named for.

`change_event` and `request_log` are range-partitioned by id (UUIDv7, so by month); the
migration creates them by SQL, `providers.housekeeping` makes and drops the months.
"""

from django.db import models

from providers.events import EventKind


class ChangeEvent(models.Model):
    """One change of one resource by one request, or one act in the console. Never updated."""

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    provider_id = models.BigIntegerField(null=True)
    resource_id = models.UUIDField(null=True)
    resource_type = models.CharField(max_length=50, default="")
    version = models.IntegerField(null=True)
    subject = models.TextField(default="")
    # Who: a provider by its token, or a person of the console.
    token_prefix = models.CharField(max_length=8, default="")
    person_id = models.IntegerField(null=True)
    person_name = models.CharField(max_length=150, default="")
    address = models.GenericIPAddressField(null=True)
    request_id = models.UUIDField(null=True)
    # [{"path": …, "before": …, "after": …}]; a path without a value on one side lacks that key.
    changes = models.JSONField(default=list)

    class Meta:
        managed = False
        db_table = "providers_changeevent"

    @property
    def event_kind(self) -> EventKind:
        return EventKind(self.kind)


class RequestLog(models.Model):
    """One request of a known provider, written in batches after its answer."""

    id = models.UUIDField(primary_key=True)  # the request id of X-Request-Id
    at = models.DateTimeField()
    provider_id = models.BigIntegerField()
    token_id = models.BigIntegerField(null=True)
    token_prefix = models.CharField(max_length=8, default="")
    method = models.CharField(max_length=10)
    path = models.TextField()
    query = models.TextField(default="")
    status = models.SmallIntegerField()
    scim_type = models.CharField(max_length=30, default="")
    detail = models.TextField(default="")
    duration_ms = models.FloatField()
    source_ip = models.GenericIPAddressField(null=True)
    is_uncovered = models.BooleanField(default=False)
    client_request_id = models.CharField(max_length=100, default="")
    resource_type = models.CharField(max_length=50, default="")
    resource_id = models.UUIDField(null=True)
    # Names of attributes that no schema knows; they were not stored.
    ignored = models.JSONField(default=list)
    request_body = models.TextField(default="")
    response_body = models.TextField(default="")

    class Meta:
        managed = False
        db_table = "providers_requestlog"


class RefusedCalls(models.Model):
    """How many calls without a usable token one address made in one hour, by kind of refusal."""

    address = models.GenericIPAddressField()
    hour = models.DateTimeField()
    kind = models.CharField(max_length=20)
    count = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address", "hour", "kind"], name="one_row_per_address_and_hour")]
