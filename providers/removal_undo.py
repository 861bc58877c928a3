"""Undoes removals of many users at once: deleted ones are restored, disabled ones enabled, with a preview.

What becomes of a user (`Fate`):

    user                                                       fate
    ---------------------------------------------------------  -----------------------------------------------
    deleted, the userName is free                              RESTORE; the one deleted last, if several have it
    deleted, a live user of the provider has the userName      TAKEN
    deleted, another one of the selection has the userName     TWIN
    disabled, and the caller names the user as to be enabled   ENABLE
    of a deleted provider                                      NO_PROVIDER: restore the provider first
    active, or disabled in another way                         NOTHING

A user who was disabled before being deleted is restored disabled, and enabled too if the caller names them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import Provider
from providers.resources import many

# That many users keep the locks for seconds, not for minutes.
MOST = 5_000


class Fate(StrEnum):
    """What becomes of a user when removals are undone."""

    RESTORE = "restore"
    ENABLE = "enable"
    TAKEN = "taken"
    TWIN = "twin"
    NO_PROVIDER = "no-provider"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Undo:
    """What becomes of each of the selected users."""

    fates: dict[UUID, Fate]
    providers: dict[UUID, int]
    active: frozenset[UUID]

    def of(self, fate: Fate) -> list[UUID]:
        return [pk for pk, own in self.fates.items() if own is fate]

    @property
    def changed(self) -> int:
        return len(self.of(Fate.RESTORE)) + len(self.of(Fate.ENABLE))

    @property
    def key(self) -> str:
        """The text by which a form names exactly this."""
        said = "".join(f"{pk}{fate}" for pk, fate in self.fates.items())
        return sha256(said.encode()).hexdigest()


class UndoChangedError(Exception):
    """What would become of the users has changed since it was shown."""


_FATES = """
SELECT r.id, r.provider_id, r.deleted_at IS NOT NULL, r.active IS NOT false, p.deleted_at IS NOT NULL,
  EXISTS (SELECT FROM providers_resource live WHERE live.provider_id = r.provider_id AND live.resource_type = 'User'
    AND live.user_name_key = r.user_name_key AND live.deleted_at IS NULL AND live.id <> r.id),
  row_number() OVER (PARTITION BY r.provider_id, r.user_name_key, r.deleted_at IS NULL
    ORDER BY r.deleted_at DESC, r.id DESC) > 1
FROM providers_resource r JOIN providers_provider p ON p.id = r.provider_id
WHERE r.id = ANY(%s::uuid[]) AND r.resource_type = 'User' ORDER BY r.id
"""


def preview(ids: Sequence[UUID], enable: Collection[UUID] = ()) -> Undo:
    """Return what would become of these users, at most `MOST` of them. One statement.

    `enable` are those to be enabled, of whom some may be deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FATES, [list(ids[:MOST])])
        rows = cursor.fetchall()
    wanted = frozenset(enable)
    fates = {row[0]: _fate(row, wanted) for row in rows}
    return Undo(fates, {row[0]: row[1] for row in rows}, frozenset(row[0] for row in rows if row[3]))


def _fate(row: tuple[Any, ...], enable: Collection[UUID]) -> Fate:
    pk, _provider_id, is_deleted, is_active, has_no_provider, is_taken, is_twin = row
    if has_no_provider:
        return Fate.NO_PROVIDER
    if not is_deleted:
        return Fate.ENABLE if pk in enable and not is_active else Fate.NOTHING
    if is_taken:
        return Fate.TAKEN
    return Fate.TWIN if is_twin else Fate.RESTORE


def undo(ids: Sequence[UUID], actor: Actor, *, shown: str, enable: Collection[UUID] = ()) -> Undo:
    """Restore and enable users as `preview` showed it (`Undo.key`), in one transaction with its change events.

    Raises `UndoChangedError`, changing nothing, if the preview would now be another one.
    """
    chosen = list(ids[:MOST])
    try:
        with transaction.atomic():
            many.lock(chosen)
            found = preview(chosen, enable)
            if found.key != shown or not found.changed:
                raise UndoChangedError
            restored = found.of(Fate.RESTORE)
            many.restore(restored, actor)
            wanted = frozenset(enable)
            disabled = [pk for pk in restored if pk in wanted and pk not in found.active]
            many.enable(sorted([*found.of(Fate.ENABLE), *disabled]), actor)
            _record(found, actor)
    except IntegrityError as error:  # somebody has taken a userName since the look at it
        raise UndoChangedError from error
    return found


def _record(found: Undo, actor: Actor) -> None:
    """One change event for each provider, with the numbers."""
    providers = Provider.objects.in_bulk({found.providers[pk] for pk in found.fates})
    for provider_id, provider in sorted(providers.items()):
        own = [fate for pk, fate in found.fates.items() if found.providers[pk] == provider_id]
        numbers = {"users restored": own.count(Fate.RESTORE), "users enabled": own.count(Fate.ENABLE)}
        if any(numbers.values()):
            record_act(EventKind.USERS_RESTORED, actor, provider=provider, after=numbers)
