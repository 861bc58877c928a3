"""The tables of users and groups, and of memberships.

One table has all resource types. The attributes that identify, sort or are searched most often are
columns. All attributes are in `document`. `folded` is the same document as comparison keys, under a
GIN index. Only `providers.resources` writes the rows.
"""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from providers.ids import parse_id
from providers.models.provider import OfProvider, Provider
from providers.models.record import ChangeEvent, search_words
from providers.states import Shown

# A search looks at the former names of at most this many users and groups.
MAX_FORMER = 500
LIVE = Q(deleted_at__isnull=True)
DOCUMENT = ("document", "folded", "search_text")


class Status(Shown):
    """The state of a user or group. DELETED is stored as `removed`, because saved filters and exports contain it."""

    ACTIVE = "active", "check", "ok", _("Active")
    DISABLED = "disabled", "slash", "bad", _("Disabled")
    DELETED = "removed", "trash", "", _("Deleted")

    @classmethod
    def of(cls, *, is_deleted: bool, is_enabled: bool) -> "Status":
        """Return the state of a resource."""
        return cls.DELETED if is_deleted else cls.ACTIVE if is_enabled else cls.DISABLED


class ResourceQuerySet(OfProvider):
    """Queries on users and groups."""

    def live(self) -> "ResourceQuerySet":
        """Return the resources that are not deleted."""
        return self.filter(LIVE)

    def in_recycle_bin(self) -> "ResourceQuerySet":
        return self.exclude(LIVE)

    def without_documents(self) -> "ResourceQuerySet":
        """Without the columns that lists do not show and that may be long."""
        return self.defer(*DOCUMENT)

    def search(self, text: str, *, can_see_names: bool = True) -> "ResourceQuerySet":
        """Return the resources with every word of `text` in their names, addresses or externalId, or in former names.

        Case and accents are ignored. A complete id finds its resource too. Sends one query, for the former names.
        Without `can_see_names`, users are found by their complete id or object id only: with parts of a name, the
        masked names could be guessed letter by letter. Names of groups are not masked. Raises
        `SearchTooLongError`.
        """
        if not can_see_names and text.strip():
            return self.filter(Q(pk__in=self._found_by_id(text.strip())) | self._named(text, resource_type="Group"))
        return self.filter(self._named(text))

    def _found_by_id(self, text: str) -> list[Any]:
        """The id in a text, and the users with it as externalId. One query."""
        own = parse_id(text)
        if own is None:
            return []
        # The search text has an index for all providers; the column is compared because the text has names too.
        found = Resource.objects.filter(
            search_text__contains=str(own), external_id__in=[text, text.lower(), text.upper()]
        )
        return [own, *found.values_list("pk", flat=True)]

    def _named(self, text: str, **only: str) -> Q:
        """The condition of a search by names. `only` limits it to some resources."""
        words = Q()
        for word in search_words(text):
            words &= Q(search_text__contains=word)
        if not words:
            return Q()
        own = parse_id(text.strip())
        formerly = (
            ChangeEvent.objects.with_former_name(text).order_by().values_list("resource_id", flat=True).distinct()
        )
        ids = [*formerly.filter(**only)[:MAX_FORMER], *([own] if own else [])]
        return Q(words | Q(id__in=ids) if ids else words, **only)


class Resource(models.Model):
    """A user or group of one provider. With `deleted_at` it is in the recycle bin."""

    id = models.UUIDField(primary_key=True)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="resources", db_index=False)
    resource_type = models.CharField(max_length=50)
    user_name = models.TextField(null=True)
    user_name_key = models.TextField(null=True, db_collation="C")
    display_name = models.TextField(null=True)
    display_name_key = models.TextField(null=True, db_collation="C")
    external_id = models.TextField(null=True, db_collation="C")
    active = models.BooleanField(null=True)
    version = models.IntegerField(default=1)
    created = models.DateTimeField()
    last_modified = models.DateTimeField()
    # The hours since 1970. An index of last_modified itself would prevent HOT updates of a group's row: each added
    # member would then write all indexes again. The hour changes at most once an hour and is just as good for a search.
    modified_hour = models.GeneratedField(
        expression=models.Func(
            F("last_modified"),
            template="floor(extract(epoch FROM %(expressions)s AT TIME ZONE 'UTC') / 3600)::integer",
        ),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    deleted_at = models.DateTimeField(null=True)
    document = models.JSONField()
    folded = models.JSONField()
    search_text = models.TextField()

    objects = ResourceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "user_name_key"],
                condition=LIVE & Q(resource_type="User"),
                name="unique_user_name",
            ),
            models.UniqueConstraint(
                fields=["provider", "display_name_key"],
                condition=LIVE & Q(resource_type="Group"),
                name="unique_group_display_name",
            ),
            models.CheckConstraint(
                condition=~Q(resource_type="User") | Q(user_name_key__isnull=False), name="user_has_user_name"
            ),
            # Without it a user would be neither enabled nor disabled, and no filter would find them.
            models.CheckConstraint(
                condition=~Q(resource_type="User") | Q(active__isnull=False), name="user_is_active_or_not"
            ),
        ]
        indexes = [
            models.Index(fields=["provider", "resource_type", "id"], condition=LIVE, name="resource_list"),
            models.Index(
                fields=["provider", "resource_type", "modified_hour"], condition=LIVE, name="resource_modified"
            ),
            models.Index(
                fields=["provider", "resource_type", "id"],
                condition=LIVE & Q(active=False),
                name="resource_disabled",
            ),
            models.Index(fields=["provider", "external_id"], condition=LIVE, name="resource_external_id"),
            models.Index(
                fields=["provider", "resource_type", "display_name_key"],
                condition=LIVE,
                name="resource_display_name",
            ),
            # For the users who had this name before, or who have it in another provider.
            models.Index(fields=["user_name_key"], condition=Q(resource_type="User"), name="resource_user_name"),
            models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="resource_recycle_bin"),
            GinIndex(OpClass(F("folded"), name="jsonb_path_ops"), fastupdate=False, name="resource_folded"),
            GinIndex(OpClass(F("search_text"), name="gin_trgm_ops"), fastupdate=False, name="resource_search"),
        ]

    @property
    def status(self) -> "Status":
        """Whether the resource is active, disabled or deleted."""
        is_enabled = self.active is True or self.resource_type != "User"  # a group is never disabled
        return Status.of(is_deleted=self.deleted_at is not None, is_enabled=is_enabled)

    @property
    def label(self) -> str:
        """The name that pages show."""
        return self.display_name or self.user_name or str(self.id)


class _OfType(models.Manager.from_queryset(ResourceQuerySet)):  # type: ignore[misc]
    """A manager of one resource type."""

    def __init__(self, resource_type: str) -> None:
        super().__init__()
        self.resource_type = resource_type

    def get_queryset(self) -> ResourceQuerySet:
        found: ResourceQuerySet = super().get_queryset().filter(resource_type=self.resource_type)
        return found


class SyncedUser(Resource):
    """A provisioned user."""

    objects: ClassVar[Any] = _OfType("User")

    class Meta:
        proxy = True
        verbose_name = "synced user"


class SyncedGroup(Resource):
    """A provisioned group."""

    objects: ClassVar[Any] = _OfType("Group")

    class Meta:
        proxy = True
        verbose_name = "synced group"


class ResourceCount(models.Model):
    """A part of the number of a provider's users or groups: the number is the sum of these rows.

    Triggers add a row for each change of the number, and now and then replace many rows by their sum
    (`providers.totals`).
    """

    # Not a foreign key: its check would cost each creation more than the row.
    provider_id = models.BigIntegerField()
    resource_type = models.CharField(max_length=50)
    live = models.IntegerField()
    # Live users who are disabled.
    disabled = models.IntegerField()
    deleted = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["provider_id", "resource_type"], name="resource_count")]


def synced_user_model() -> type[SyncedUser]:
    """Return the model of users. django-scim2 calls this, as its setting USER_MODEL_GETTER."""
    return SyncedUser


class MembershipEnding(models.TextChoices):
    """The reason why a membership ended."""

    REMOVED = "removed", "Removed from the group"
    MEMBER_DELETED = "member-deleted", "The member was deleted"
    GROUP_DELETED = "group-deleted", "The group was deleted"


class MembershipQuerySet(OfProvider):
    """Queries on memberships."""

    def current(self) -> "MembershipQuerySet":
        return self.filter(left_at__isnull=True)

    def ended(self) -> "MembershipQuerySet":
        return self.filter(left_at__isnull=False)

    def with_members(self) -> "MembershipQuerySet":
        """Each with its member, without the member's document."""
        return self.select_related("member").defer(*(f"member__{column}" for column in DOCUMENT))

    def with_groups(self) -> "MembershipQuerySet":
        """Each with its group, without the group's document."""
        return self.select_related("group").defer(*(f"group__{column}" for column in DOCUMENT))


class Membership(models.Model):
    """A current or former membership of a resource in a group. It is current while `left_at` is null."""

    # These foreign keys have no index of their own. PostgreSQL would sometimes choose the group's instead of the unique
    # index on group and member.
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+", db_index=False)
    # There is no constraint on the group either: for each purged group, its check would need such an index or read the
    # whole table. A membership is made under the group's lock and purged before the group.
    group = models.ForeignKey(Resource, models.CASCADE, related_name="memberships", db_index=False, db_constraint=False)
    member = models.ForeignKey(Resource, models.CASCADE, related_name="memberships_held", db_index=False)
    member_type = models.CharField(max_length=50)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=20, choices=MembershipEnding, default="")
    # Plain columns, not foreign keys, because old events are dropped.
    joined_event = models.UUIDField()
    left_event = models.UUIDField(null=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "member"],
                condition=Q(left_at__isnull=True),
                name="unique_current_membership",
            ),
            models.CheckConstraint(condition=~Q(group=F("member")), name="not_a_member_of_itself"),
        ]
        indexes = [
            models.Index(fields=["group"], condition=Q(left_at__isnull=False), name="membership_ended_of_group"),
            models.Index(fields=["member"], name="membership_of_member"),
            # For the removal limit: the users who were removed from a group lately.
            models.Index(
                fields=["provider", "left_at"],
                condition=Q(left_at__isnull=False, member_type="User", ending__in=("removed", "group-deleted")),
                name="membership_removed",
            ),
            models.Index(fields=["joined_event"], name="membership_joined_event"),
            models.Index(fields=["left_event"], name="membership_left_event"),
        ]
