"""The changes of a group's members in a PATCH, as sets of ids that join and leave.

The members themselves are not needed: a group may have 100,000, and adding one must not read the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scim.protocol import errors
from scim.protocol.changes import Change
from scim.protocol.conditions import AnyOf, Compare, Condition


@dataclass
class MemberChange:
    """Ids that leave and join: first `reset` (all others leave), then `remove`, then `add`.

    `where` is a condition on the members, for a removal that does not name ids.
    """

    reset: bool = False
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    where: Condition | None = None


def member_changes(changes: Iterable[Change]) -> list[MemberChange]:
    """Merge the changes of `members`, in order, into as few sets as have the same effect."""
    result: list[MemberChange] = []
    added: dict[str, None] = {}
    removed: dict[str, None] = {}
    reset = False
    for change in changes:
        ids = _ids_named(change)
        if ids is None and change.where is not None:
            if reset or added or removed:
                result.append(MemberChange(reset, list(added), list(removed)))
                added, removed, reset = {}, {}, False
            result.append(MemberChange(where=change.where))
            continue
        if ids is None or change.op == "replace":
            added, removed, reset = {}, {}, True
        gain, loss = (added, removed) if change.op != "remove" else (removed, added)
        for member_id in ids or ():
            gain[member_id] = None
            loss.pop(member_id, None)
    if reset or added or removed:
        result.append(MemberChange(reset, list(added), list(removed)))
    return result


def _ids_named(change: Change) -> list[str] | None:
    """The member ids that a change names; None for all, or for those that `where` chooses."""
    if change.op == "remove":
        if change.target.sub is not None:
            raise errors.invalid_path("members", "a member has no parts to remove; name the member.")
        return None if change.where is None else _ids_of_filter(change.where)
    if change.where is not None or change.target.sub is not None:
        raise errors.invalid_path(
            "members", "members are added as a list and removed; a member has no parts to change."
        )
    return [element["value"] for element in change.value or ()]


def _ids_of_filter(where: Condition) -> list[str] | None:
    """The ids in `value eq "a" or value eq "b"`; None for any other filter."""
    terms = where.terms if isinstance(where, AnyOf) else (where,)
    ids = []
    for term in terms:
        if not (isinstance(term, Compare) and term.op == "eq" and term.target.leaf.name == "value"):
            return None
        ids.append(term.key)
    return ids
