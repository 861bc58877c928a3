"""What a PATCH does to a relation, such as a group's members: sets of ids, never the relation itself."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from scim.protocol import errors
from scim.protocol.changes import Change
from scim.protocol.conditions import AnyOf, Compare, Condition


@dataclass
class MemberChange:
    """What a PATCH does to a relation, as sets of ids: first `reset` (all others leave), then remove, then add.

    `where` is a condition on the member rows for a removal that names no ids.
    """

    reset: bool = False
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    where: Condition | None = None


def member_changes(changes: Iterable[Change]) -> list[MemberChange]:
    """Changes of `members`, in order, as few sets as keep their effect."""
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
    """The member ids that a change names; None: all, or those that `where` chooses."""
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
    """The ids of `value eq "a" or value eq "b"`; None when the filter asks anything else."""
    terms = where.terms if isinstance(where, AnyOf) else (where,)
    ids = []
    for term in terms:
        if not (isinstance(term, Compare) and term.op == "eq" and term.target.leaf.name == "value"):
            return None
        ids.append(term.key)
    return ids
