"""The tables of users and groups, and of memberships.

One table has all resource types. The attributes that identify, sort or are searched most often are
columns. All attributes are in `document`. `folded` is the same document as comparison keys. Only
`providers.resources` writes the rows.

PostgreSQL writes every index of a row again when one indexed column changes; a change of other columns
is a HOT update, which writes the row only. So the two indexes that cost most are on a table of their
own, `Sought`, which a trigger writes when what is in it changes. `make bench-indexes` shows the costs.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
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
        words, own = search_words(text), parse_id(text.strip())
        if not words:
            return self.none() if text.strip() and not can_see_names else self.all()
        of_type = {} if can_see_names else {"resource_type": "Group"}
        formerly = (
            ChangeEvent.objects.with_former_name(text).order_by().values_list("resource_id", flat=True).distinct()
        )
        ids = [*formerly.filter(**of_type)[:MAX_FORMER], *([own] if own else [])]
        if can_see_names:
            return self.filter(pk__in=_sought(words, ids))
        known = self._found_by_id(text.strip())
        return self.filter(Q(pk__in=known) | Q(**of_type), pk__in=_sought(words, [*ids, *known]))

    def _found_by_id(self, text: str) -> list[Any]:
        """The id in a text, and the users with it as externalId. One query."""
        own = parse_id(text)
        if own is None:
            return []
        # The search text has an index for all providers; the column is compared because the text has names too.
        found = Resource.objects.filter(pk__in=_sought([str(own)]), external_id__in=[text, text.lower(), text.upper()])
        return [own, *found.values_list("pk", flat=True)]


def _sought(words: Iterable[str], ids: Sequence[Any] = ()) -> Any:
    """The query for the ids of resources with every word in their search text, and for these ids.

    The ids are asked for here, not next to it: PostgreSQL joins an OR of two conditions only within one table.
    """
    every = Q()
    for word in words:
        every &= Q(text__contains=word)
    return Sought.objects.filter(every | Q(resource_id__in=ids) if ids else every).values("resource_id")


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
    # The hours since 1970. Its index is a BRIN: the newest hour of each 32 pages. From PostgreSQL 16 on, such an index
    # does not prevent HOT updates. Until then at most one update an hour writes all indexes of its row.
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
            BrinIndex(fields=["modified_hour"], pages_per_range=32, autosummarize=True, name="resource_modified_hour"),
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
            # For deleted users who had a name; `unique_user_name` has the others.
            models.Index(
                fields=["user_name_key"],
                condition=Q(resource_type="User", deleted_at__isnull=False),
                name="resource_deleted_name",
            ),
            models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="resource_recycle_bin"),
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


class Sought(models.Model):
    """What a resource is found by, besides its own columns. A trigger writes the rows (migration 0029)."""

    # No constraint: the trigger writes and deletes the row together with the resource's.
    resource = models.OneToOneField(
        Resource, models.DO_NOTHING, primary_key=True, related_name="sought", db_constraint=False
    )
    # The part of `folded` that tells users apart (`scim.store.columns.INDEXED`), and a copy of `search_text`.
    indexed = models.JSONField()
    text = models.TextField()

    class Meta:
        indexes = [
            GinIndex(OpClass(F("indexed"), name="jsonb_path_ops"), fastupdate=False, name="sought_indexed"),
            # A text has some 70 trigrams. They are collected for a thousand rows and then written together; a search
            # reads the collected ones too.
            GinIndex(
                OpClass(F("text"), name="gin_trgm_ops"),
                fastupdate=True,
                gin_pending_list_limit=1024,
                name="sought_text",
            ),
        ]


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
            models.Index(fields=["left_event"], condition=Q(left_event__isnull=False), name="membership_ended_event"),
        ]
