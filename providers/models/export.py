"""Exports of lists: what an account asked for, and the file as compressed parts. `providers.exports` writes them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers.states import Shown

# A file is kept for a day: long enough to fetch it, short enough for the personal data in it.
KEPT = timedelta(days=1)


class ExportState(Shown):
    """The state of an export."""

    RUNNING = "running", "clock", "", _("Running")
    DONE = "done", "check", "ok", _("Ready")
    FAILED = "failed", "alert", "bad", _("Failed")


class ExportFailure(models.TextChoices):
    """The reason why there is no file, and what to do."""

    INTERRUPTED = "interrupted", _("The program that wrote the file was stopped. Start the export again.")
    ERROR = "error", _("An error stopped it. Start it again; if it fails again, look in the server's log.")
    TOO_LARGE = "too-large", _("There is no room for this file. Delete other exports, or use more filters.")
    TOO_LONG = "too-long", _("It took longer than an hour. Use more filters.")
    NO_RIGHT = "no-right", _("You no longer have the right to export this list.")
    PURGED = "purged", _("A user or group was purged, and the file may contain it. Start the export again.")


class Export(models.Model):
    """One export. The row and its parts belong to its owner, and are deleted a day after it ended."""

    id = models.AutoField(primary_key=True)  # half of the key of an advisory lock, so 32 bits
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The list, the query string of its address, and the language and time zone of the person who asked.
    listed = models.CharField(max_length=20)
    query = models.TextField(default="")
    language = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=50, default="", db_default="")
    # For the audit: where the request came from.
    address = models.GenericIPAddressField(null=True)
    request_id = models.UUIDField(null=True)
    asked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=ExportState.RUNNING)
    failure = models.CharField(max_length=20, default="")
    # Whether the file has names that some accounts see masked.
    has_names = models.BooleanField(default=False)
    expected = models.IntegerField(null=True)
    row_count = models.IntegerField(default=0)
    # Bytes of the file, and of its parts in the database.
    size = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, default="")
    file_name = models.CharField(max_length=300, default="")

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="export_newest")]

    @property
    def expires_at(self) -> datetime:
        """When the export is deleted."""
        return (self.ended_at or self.asked_at) + KEPT


class ExportPart(models.Model):
    """A part of a file, compressed with zlib. `start` is the place of its first byte in the file."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="parts", db_index=False)
    start = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "start"], name="one_part_at_a_place")]
