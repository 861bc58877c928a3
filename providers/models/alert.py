"""The tables of alerts: who is told, what was told last, and each message."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

# Stands for the installation where a row is about no provider.
INSTALLATION = 0


class AlertSettings(models.Model):
    """Who is told about a provider, or about the whole installation."""

    provider_id = models.BigIntegerField(primary_key=True)
    addresses = ArrayField(models.EmailField(), default=list)
    # The URL of a chat's webhook is a secret: whoever has it can write into the chat. No page shows it.
    webhook = models.TextField(default="")
    has_digest = models.BooleanField(default=False)

    @property
    def targets(self) -> list[str]:
        """The addresses and the webhook."""
        return [*self.addresses, *([self.webhook] if self.webhook else [])]


class AlertState(models.Model):
    """The state of a provider or a job as it was last seen, since when, and which state was told last."""

    subject = models.CharField(max_length=80, primary_key=True)
    provider_id = models.BigIntegerField(db_index=True)
    seen = models.CharField(max_length=20, default="")
    since = models.DateTimeField()
    told = models.CharField(max_length=20, default="")


class AlertQuerySet(models.QuerySet["Alert"]):
    """Queries on messages."""

    def about(self, provider_id: int) -> "AlertQuerySet":
        """Return the messages that went to the recipients of a provider, or of the installation."""
        return self.filter(provider_id=provider_id)

    def waiting(self) -> "AlertQuerySet":
        """Return the messages that were not sent and are tried again."""
        return self.filter(sent_at=None, tries__lt=MOST_TRIES)


# A message that could not be sent so often is given up.
MOST_TRIES = 5


class Alert(models.Model):
    """A message to one address or webhook. `key` names the occasion, for which each gets one message.

    `kind` is the state that it tells, or `works`, `many`, `summary` or `test`. `about` is the title of the provider or
    the name of the job. `error` is a text of the catalogue, `detail` completes it.
    """

    provider_id = models.BigIntegerField()
    key = models.CharField(max_length=150)
    target = models.CharField(max_length=1000)
    kind = models.CharField(max_length=20)
    about = models.CharField(max_length=200)
    subject = models.CharField(max_length=300)
    body = models.TextField()
    created_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, default="")
    detail = models.CharField(max_length=200, default="")

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "target"], name="one_alert_per_occasion")]
        indexes = [
            models.Index(fields=["provider_id", "-id"], name="alert_newest"),
            models.Index(fields=["next_at"], condition=Q(sent_at=None), name="alert_waiting"),
        ]

    @property
    def is_webhook(self) -> bool:
        return self.target.startswith("https://")

    @property
    def is_given_up(self) -> bool:
        return self.sent_at is None and self.tries >= MOST_TRIES
