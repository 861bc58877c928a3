"""The verbs of SCIM on the store: read, list, create, replace, patch and delete.

Every write takes the same way:

    1. validate   the body, which needs no database: a refused body has touched nothing
    2. read       the resource, and compare its version with If-Match
    3. work out   the resource after the change, and the changes of its members
    4. write      what differs, with one change event; nothing when nothing differs. The same statement
                  returns the resource for the response, unless that contains a group's members

A change of attributes alone reads without a lock, and its one statement writes only if the resource still has the
version that was read. A PATCH by which certain members join or leave a group is one statement that locks, checks and
writes (`_move_members`). Otherwise, steps 2 to 4 are one transaction that holds the resource's lock. It runs again when
PostgreSQL chose it to end a deadlock.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure
from uuid_utils.compat import uuid7

from providers import removal_limit
from providers.events import Actor
from providers.ids import exact_id
from providers.resources import writes
from providers.resources.members import SelfMemberError
from providers.resources.rows import VERSION, Locked, MembersChanged, Row
from providers.resources.writes import ChangedMeanwhileError
from scim.protocol import errors
from scim.protocol.attributes import ResourceType
from scim.protocol.budget import Budget
from scim.protocol.changes import Change, apply_changes
from scim.protocol.listing import ListQuery, MemberQuery
from scim.protocol.members import MemberChange, member_changes
from scim.protocol.patch import read_patch, read_resource
from scim.protocol.policy import Policy
from scim.protocol.projection import Name, Projection, names_in
from scim.protocol.validation import Notes, check_immutable, check_lengths, keep_defaults, keep_immutable
from scim.protocol.values import differences_of_equals
from scim.store.answers import Answer, answer_of, read_one, returning_answer
from scim.store.columns import RELATIONS, row_of
from scim.store.filters import TRUE, Sql, compile_condition
from scim.store.lookups import look_up
from scim.store.member_changes import change_members
from scim.store.member_pages import PAGE_SCHEMA, read_member_page
from scim.store.pages import Page, Part, read_page

Resource = dict[str, Any]
Done = TypeVar("Done")
MAX_ATTEMPTS = 5


def as_sent(resource: Resource) -> Resource:
    return resource


@dataclass(frozen=True)
class Call:
    """The provider that calls, the resource type, and the policy for the request.

    `limits_removals`: users who are disabled, deleted or removed from their groups are counted, and further ones held
    when they are too many at once. `budget` is that of the whole request. `shape` may alter a resource before it is
    stored. `notes` collects what was left out.
    """

    provider_id: int
    resource_type: ResourceType
    policy: Policy
    actor: Actor
    projection: Projection
    if_match: str = ""
    if_none_match: str = ""
    limits_removals: bool = False
    budget: Budget = field(default_factory=Budget)
    shape: Callable[[Resource], Resource] = as_sent
    notes: Notes = field(default_factory=Notes)


def read(call: Call, resource_id: str, member_query: MemberQuery | None = None) -> Answer:
    """Read one resource. Raises ScimError 404; with `member_query` also invalidValue, invalidCursor, expiredCursor."""
    parsed = exact_id(resource_id)
    asked = (call.provider_id, call.resource_type)
    if parsed and member_query:
        answer = read_member_page(*asked, parsed, call.projection, member_query, call.policy.cursor_timeout_s)
    else:
        answer = read_one(*asked, parsed, call.projection, _members_if_new(call)) if parsed else None
    if not answer:
        raise errors.not_found(call.resource_type.name, resource_id)
    return answer


_STRONG_OR_WEAK = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')


def _members_if_new(call: Call) -> Sql:
    """The condition by which a group `r` is read with its members.

    With its version in If-None-Match it is not, because the response is 304. A group's ETag is its version alone.
    """
    if call.resource_type.name != "Group" or not call.if_none_match:
        return TRUE
    tags = [_STRONG_OR_WEAK.fullmatch(tag.strip()) for tag in call.if_none_match.split(",")]
    return Sql("r.version <> ALL(%s::int[])", ([int(tag[1]) for tag in tags if tag],))


def list_resources(
    provider_id: int, asked: Sequence[tuple[ResourceType, Projection]], query: ListQuery, policy: Policy
) -> Page:
    """List resources of one or several types as one collection.

    Raises ScimError invalidCursor, expiredCursor.
    """
    if len(asked) == 1:
        [(known, projection)] = asked
        found = look_up(provider_id, known, projection, query)
        if found is not None:
            return Page([(known, answer.body) for answer in found], len(found))
    parts = [Part(known, _where(known, query), projection) for known, projection in asked]
    return read_page(provider_id, parts, query, policy.cursor_timeout_s, policy.max_page_bytes)


def _where(resource_type: ResourceType, query: ListQuery) -> Sql:
    if query.filter is None:
        return TRUE
    return compile_condition(query.filter.conditions[resource_type.name], resource_type)


def create(call: Call, body: Any) -> Answer:
    """POST (§3.3). Raises ScimError 400, 409 uniqueness."""
    resource, members = _validated(call, body)
    del body  # the members of a large group, which are not needed twice
    resource = keep_defaults(None, resource, call.resource_type)
    check_lengths({}, resource, call.policy)
    row = _row(call, resource)
    projection = _projection(call, _written(call, resource))

    def write(_attempt: int) -> Answer:
        event_id = uuid7()
        returning = (not members and returning_answer(call.resource_type, None, projection)) or VERSION
        with transaction.atomic() if members else _one_statement():
            with _names_of(row):
                made = writes.create(call.provider_id, call.resource_type.name, row, call.actor, event_id, returning)
            if members:
                group = Locked(made[0], call.provider_id, call.resource_type.name, 1, resource)
                change_members(group, [MemberChange(add=members)], call.policy, call.notes, event_id)
            return _answer(call, made[0], None if members else made[1], projection)

    return _retried(call, write)


def replace(call: Call, resource_id: str, body: Any) -> Answer:
    """PUT (RFC 7644 §3.5.1). What is not sent is cleared, members too; only `active` stays as it was."""
    if isinstance(body, dict) and any(name.lower() == PAGE_SCHEMA.lower() for name in body):
        raise errors.invalid_value(
            "The body holds one page of the group's members: a PUT of it would remove the others."
        )
    resource, members = _validated(call, body)
    del body

    def after(before: Resource) -> Resource:
        changed = keep_defaults(before, resource, call.resource_type)
        return keep_immutable(before, changed, call.resource_type)

    deltas = [MemberChange(reset=True, add=members)] if _holds_members(call.resource_type) else []
    answer = _change(call, resource_id, after, deltas, _projection(call, _written(call, resource)))
    assert answer is not None
    return answer


def patch(call: Call, resource_id: str, body: Any, *, answers: bool) -> Answer | None:
    """PATCH (§3.5.2), all or nothing. With `answers` False nothing is returned, for a 204."""
    changes = read_patch(body, call.resource_type, call.policy, call.notes, call.budget)
    own, related = _split(changes, call.resource_type)
    del body, changes

    def after(before: Resource) -> Resource:
        if not own:
            return before
        changed = apply_changes(before, call.budget.timed(own), call.resource_type, call.policy)
        changed = keep_defaults(before, call.shape(changed), call.resource_type)
        check_immutable(before, changed, call.resource_type)
        return changed

    moved = member_changes(related)
    if not (own or answers) and _move_members(call, resource_id, moved):
        return None
    written = (name for change in own for name in names_in(change.target, change.value))
    projection = _projection(call, written) if answers else None
    return _change(call, resource_id, after, moved, projection)


def delete(call: Call, resource_id: str) -> None:
    """DELETE (§3.6): the resource goes to the recycle bin. Raises ScimError 404, 412."""

    def remove(_attempt: int) -> None:
        parsed = exact_id(resource_id)
        with transaction.atomic():
            locked = parsed and writes.lock_for_delete(call.provider_id, call.resource_type.name, parsed)
            if not locked:
                raise _missing(call, resource_id)
            _check_version(call, locked)
            event_id = uuid7()
            with _watch(call, locked, is_deletion=True):
                writes.delete(locked, call.actor, event_id)
            if _holds_members(call.resource_type):
                _check_members(call, locked, event_id, is_deletion=True)

    _retried(call, remove)


def _validated(call: Call, body: Any) -> tuple[Resource, list[str]]:
    """A POST or PUT body as the resource to store, and separately the ids of its members."""
    resource = read_resource(body, call.resource_type, call.policy, call.notes)
    members = [element["value"] for element in resource.pop("members", ())]
    return call.shape(resource), members


def _holds_members(resource_type: ResourceType) -> bool:
    return (resource_type.name, "members") in RELATIONS


def _split(changes: Sequence[Change], resource_type: ResourceType) -> tuple[list[Change], list[Change]]:
    """Separate the changes of the resource's own attributes from those of its members."""
    own: list[Change] = []
    related: list[Change] = []
    for change in changes:
        target = change.target
        is_related = target.attribute and not target.schema and (resource_type.name, target.attribute.name) in RELATIONS
        (related if is_related else own).append(change)
    return own, related


def _change(
    call: Call,
    resource_id: str,
    after: Callable[[Resource], Resource],
    deltas: Sequence[MemberChange],
    projection: Projection | None,
) -> Answer | None:
    """Steps 2 to 4 of a PUT or PATCH. `after` works out the resource; `projection` is None if nothing is returned."""

    def change(attempt: int) -> Answer | None:
        is_locking = bool(deltas) or attempt > 1
        with transaction.atomic() if is_locking else _one_statement():
            before = _read(call, resource_id, writes.lock if is_locking else writes.find)
            changed = after(before.document)
            if changed is not before.document:
                check_lengths(before.document, changed, call.policy)
            if not is_locking and call.limits_removals and writes.is_disabling(before.document, changed):
                raise ChangedMeanwhileError  # a removal is counted under the lock
            return _write(call, before, changed, deltas, projection)

    return _retried(call, change)


def _move_members(call: Call, group_id: str, deltas: Sequence[MemberChange]) -> bool:
    """Do what directories mostly ask of a group by one statement: certain members join, or leave.

    Return whether it was done. Otherwise nothing was, and `_change` finds out why: a member is unknown, is in the
    group already or is not in it, or the group is not here.
    """
    match deltas:
        case [MemberChange(reset=False, add=joining, remove=leaving, where=None)] if bool(joining) != bool(leaving):
            ids = joining or leaving
        case _:
            return False
    parsed = exact_id(group_id)
    if not parsed or call.if_match or group_id in ids or (leaving and call.limits_removals):
        return False

    def move(attempt: int) -> bool:
        if attempt > 1:  # somebody changed the same members
            return False
        counts = MembersChanged(len(joining), len(leaving))
        try:
            with _one_statement():
                return writes.move_members(call.provider_id, parsed, counts, ids, call.actor, uuid7())
        except IntegrityError as error:
            raise ChangedMeanwhileError from error

    call.notes.moves_members = _retried(call, move)
    return call.notes.moves_members


def _one_statement() -> AbstractContextManager[None]:
    """Around a write by one statement. That needs no transaction of its own, but within one a savepoint."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _retried(call: Call, act: Callable[[int], Done]) -> Done:
    """Run `act` with the number of the attempt, and again when it had to give way to another transaction."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            with _refusals(call):
                return act(attempt)
        except ChangedMeanwhileError:
            if attempt == MAX_ATTEMPTS:
                raise
        except OperationalError as error:
            is_passing = isinstance(error.__cause__, (DeadlockDetected, SerializationFailure))
            if not is_passing or attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable")


# The attribute and the column of each unique index. The column of comparison keys has the same name with `_key`.
_UNIQUE = {"unique_user_name": ("userName", "user_name"), "unique_group_display_name": ("displayName", "display_name")}


class _NameTakenError(Exception):
    """Another resource has the name of a row; the transaction is lost."""

    def __init__(self, row: Row, attribute: str, column: str) -> None:
        super().__init__(f"the {attribute} is taken")
        self.attribute = attribute
        self.column = column
        self.sent: str = getattr(row, column)
        self.key: str = getattr(row, f"{column}_key")


@contextmanager
def _names_of(row: Row) -> Iterator[None]:
    """Around the statement that writes a row. The name of a constraint that it violates gives the attribute."""
    try:
        yield
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        known = _UNIQUE.get(diagnosis.constraint_name or "") if diagnosis else None
        if known is None:
            raise
        raise _NameTakenError(row, *known) from error


@contextmanager
def _refusals(call: Call) -> Iterator[None]:
    """Turn what the database refuses into refusals of the protocol, after the transaction was rolled back.

    A `RemovalHeldError` passes after the removal is noted: `scim.api` makes the refusal.
    """
    try:
        yield
    except _NameTakenError as taken:
        held = writes.held_name(call.provider_id, call.resource_type.name, taken.column, taken.key)
        differing = [] if held is None else differences_of_equals(taken.sent, held)
        raise errors.not_unique(taken.attribute, call.resource_type.name, taken.sent, differing) from taken
    except removal_limit.RemovalHeldError as held:
        removal_limit.note(held)
        raise
    except SelfMemberError as error:
        raise errors.invalid_value("A group cannot be its own member.") from error


def _read(call: Call, resource_id: str, read_row: Callable[[int, str, UUID], Locked | None]) -> Locked:
    """Read the resource to change by `writes.lock` or `writes.find`. Raises ScimError 404, 412."""
    parsed = exact_id(resource_id)
    found = read_row(call.provider_id, call.resource_type.name, parsed) if parsed else None
    if not found:
        raise _missing(call, resource_id)
    if call.resource_type.name == "User":
        call.notes.was_active = found.document.get("active") is not False
    _check_version(call, found)
    return found


def _missing(call: Call, resource_id: str) -> errors.ScimError:
    """404, or 412 with If-Match: any precondition fails for a resource that does not exist (RFC 9110 §13.1.1)."""
    return errors.version_mismatch() if call.if_match else errors.not_found(call.resource_type.name, resource_id)


def _check_version(call: Call, found: Locked) -> None:
    """Compare If-Match (§3.14) with the version that was read. The part of an ETag for a user's groups is ignored."""
    if not call.if_match or call.if_match.strip() == "*":
        return
    sent = {tag.strip().removeprefix("W/").strip('"').partition("-")[0] for tag in call.if_match.split(",")}
    if str(found.version) not in sent:
        raise errors.version_mismatch()


def _write(
    call: Call, before: Locked, after: Resource, deltas: Sequence[MemberChange], projection: Projection | None
) -> Answer | None:
    """Store what changed, with one event. A change of nothing writes nothing.

    Raises `ChangedMeanwhileError` if somebody changed the resource after it was read without a lock.
    """
    event_id: UUID = uuid7()
    members = change_members(before, deltas, call.policy, call.notes, event_id)
    call.notes.moves_members = not members.is_empty
    if after == before.document and members.is_empty:
        return None if projection is None else _answer(call, before.id, None, projection)
    returning = (projection and returning_answer(call.resource_type, before.id, projection)) or VERSION
    if after != before.document:
        is_leaving = writes.is_disabling(before.document, after)
        row = _row(call, after)
        with _watch(call, before, is_deletion=False) if is_leaving else nullcontext(), _names_of(row):
            written = writes.replace(before, row, call.actor, event_id, members, returning)
    else:
        written = writes.members_changed(before, members, call.actor, event_id, returning)
    if written is None:
        raise ChangedMeanwhileError
    if members.removed:
        _check_members(call, before, event_id, is_deletion=False)
    if projection is None:
        return None
    return _answer(call, before.id, None if returning is VERSION else written, projection)


def _check_members(call: Call, group: Locked, event_id: UUID, *, is_deletion: bool) -> None:
    """The removal limit after a write that ended memberships of a group, if the provider holds removals."""
    if call.limits_removals:
        removal_limit.check_members(call.provider_id, group.id, event_id, is_deletion=is_deletion)


def _watch(call: Call, removed: Locked, *, is_deletion: bool) -> AbstractContextManager[None]:
    """The removal limit around the write of a user, if the provider holds removals."""
    if not call.limits_removals or removed.resource_type != "User":
        return nullcontext()
    return removal_limit.watch(call.provider_id, removed.id, is_deletion=is_deletion)


def _row(call: Call, resource: Resource) -> Row:
    row = row_of(resource, call.resource_type)
    if len(row.document_json) > call.policy.max_resource_bytes:
        raise errors.resource_too_large(call.policy.max_resource_bytes)
    call.budget.spend_bytes(len(row.document_json))
    return row


def _written(call: Call, resource: Resource) -> Iterator[Name]:
    """The attributes that a POST or PUT sets in extensions, which alone have attributes returned on request."""
    for target in call.resource_type.targets():
        if target.schema and not target.sub and (value := target.held_by(resource)) is not None:
            yield from names_in(target, value)


def _projection(call: Call, written: Iterator[Name]) -> Projection:
    """What the response contains. `written` counts only for a type that has attributes returned on request."""
    if not call.resource_type.holds_back:
        return call.projection
    return dataclasses.replace(call.projection, written=frozenset(written))


def _answer(call: Call, resource_id: UUID, returned: tuple[Any, ...] | None, projection: Projection) -> Answer:
    """The response from what a write returned, or by reading the resource."""
    own = (call.provider_id, call.resource_type)
    answer = answer_of(returned, *own, resource_id, projection) if returned else read_one(*own, resource_id, projection)
    if answer is None:  # deleted since
        raise errors.not_found(call.resource_type.name, str(resource_id))
    return answer
