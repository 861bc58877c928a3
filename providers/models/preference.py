"""What belongs to a console account: its language, its saved filters, and whether its password is temporary."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone


class Preference(models.Model):
    """The choices of an account; where one is empty, the cookie and the browser decide (AC-I18N-4)."""

    account = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    language = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=50, default="", db_default="")


class TemporaryPassword(models.Model):
    """An account whose password an administrator made and has seen. The account must choose another at sign-in."""

    account = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")


class SavedFilter(models.Model):
    """The filters of a list, saved under a name by their owner and possibly shared with a role (AC-USR-6)."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_filters")
    shared_with = models.ForeignKey(Group, models.SET_NULL, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2_000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_filter_of_a_name")]

    def __str__(self) -> str:
        return self.name
