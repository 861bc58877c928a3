"""Changes of a group's members, applied: which memberships begin and end, and what the policy does about strangers.

A request names members by id. One that this provider deleted, or never had, adds nothing; whether that is
noted or refused depends on the provider's policy.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from providers.resources import members
from providers.resources.rows import Locked, MembersChanged
from scim.protocol import errors
from scim.protocol.members import MemberChange
from scim.protocol.policy import Fault, Policy
from scim.protocol.validation import Notes
from scim.store.columns import RELATIONS
from scim.store.filters import compile_member_condition

MAX_NOTED = 20


def change_members(
    group: Locked, changes: Sequence[MemberChange], policy: Policy, notes: Notes, event_id: UUID
) -> MembersChanged:
    """Apply the changes in order; how many members joined and left.

    Raises `ScimError` invalidValue for members that the policy does not skip, and when a replacement would
    leave nobody because none of the members that it names exists; `SelfMemberError`.
    """
    added = removed = 0
    for change in changes:
        if change.where is not None:
            chosen = compile_member_condition(change.where, RELATIONS["Group", "members"])
            removed += members.remove_where(group, chosen.text, chosen.params, event_id).removed
            continue
        lost = members.remove_except(group, change.add, event_id).removed if change.reset else 0
        removed += lost + members.remove(group, change.remove, event_id).removed
        gained = members.add(group, change.add, event_id)
        added += gained.added
        _skip_or_refuse(gained, policy, notes)
        skipped = len(gained.unknown) + len(gained.deleted)
        if lost and skipped and skipped == len(set(change.add)):
            raise errors.nobody_left(gained.deleted or gained.unknown)
    return MembersChanged(added, removed)


def _skip_or_refuse(gained: MembersChanged, policy: Policy, notes: Notes) -> None:
    """Ids that are not this provider's are noted and skipped, or refused."""
    if not policy.skips_unknown_members:
        if gained.unknown:
            raise errors.unknown_members(gained.unknown)
        if gained.deleted:
            policy.overlook(Fault.DELETED_MEMBER, partial(errors.deleted_members, gained.deleted))
    for ids, state in ((gained.unknown, "unknown"), (gained.deleted, "deleted")):
        for member_id in ids[:MAX_NOTED]:
            notes.add(f"members[{member_id[:100]}]: {state}")
