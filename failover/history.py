"""Whether one serial order explains what every client saw, and what the database has afterwards.

A pure function on values: no clock, no network, no database.

**Theory.** A resource is known by its name (userName or displayName), its change events by their versions 1, 2, 3 …
So the order of the changes of one resource is known. What is not known is when each took effect. It was at some moment
between the beginning and the end of the call that asked for it: a client that has its answer must not find, later, the
state from before. A call without an answer ends never; it may have taken effect at any time after its beginning, or not
at all. A read took effect at a moment too, when the resource was what the read shows.

`check` goes through the changes of each resource in their order, and gives each change, and each read of its result,
the earliest moment that is possible: not before its call began, and not before the moment of the one before it. If that
moment is later than the end of the call, no order explains the answer. If all calls of all resources have a moment, the
order of the moments is one serial order of everything, because no call here is about two resources at once.

    client 1   |--- PATCH title=a ---|                        version 2 at the beginning of this call
    client 2              |--- GET: version 1 ---|            needs a moment before version 2: impossible if the PATCH
                                                              had ended before the GET began (a stale read)
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

NEVER = math.inf  # when a call without an answer ends


class Outcome(Enum):
    """What a client knows about its call."""

    ACKNOWLEDGED = "acknowledged"  # 2xx
    REFUSED = "refused"  # 4xx: nothing was changed
    UNKNOWN = "unknown"  # 5xx or no answer: it may have been done


@dataclass(frozen=True)
class State:
    """What a resource is: its value (a user's title) and its members (of a group)."""

    value: str = ""
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Call:
    """One request of a client.

    A write has `changes`, what it asks for: see `after`. A read has None there, and in `saw` the state that it found
    with its version; None: there was no such resource. A refused creation is a read that found one, of whatever state.
    """

    id: str
    resource: str
    began: float
    ended: float
    outcome: Outcome
    changes: tuple[str, str] | None = None
    saw: tuple[int, State] | None = None


@dataclass(frozen=True)
class Change:
    """One change event: what became of a resource at this version, and which call asked for it (if that was found)."""

    resource: str
    version: int
    changes: tuple[str, str]
    call: str | None


class Fault(Enum):
    """What is wrong with a history."""

    LOST = "an acknowledged write is not in the database"
    DONE_TWICE = "one call was done twice"
    NOT_ASKED = "a change that no call asked for"
    NOT_REFUSED = "a refused call was done"
    OTHER_CHANGE = "the change is not the one that was asked for"
    GAP = "versions are missing or occur twice"
    TABLE = "the table differs from the changes"
    STALE = "no order explains the answer: it is older or newer than it can be"
    UNTRUE = "a read shows what the resource never was"


@dataclass(frozen=True)
class Problem:
    """A fault, the call or resource with it, and when that call began (0.0: no call)."""

    fault: Fault
    about: str
    at: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The problems, and if there are none, one serial order: the ids of the calls that took effect."""

    problems: tuple[Problem, ...]
    order: tuple[str, ...]


def after(state: State | None, changes: tuple[str, str]) -> State | None:
    """Return the state after a change: create and set with a value, add and remove with a member, delete."""
    verb, value = changes
    if verb == "create":
        return State(value)
    if state is None or verb == "delete":
        return None
    match verb:
        case "set":
            return State(value, state.members)
        case "add":
            return State(state.value, state.members | {value})
        case "remove":
            return State(state.value, state.members - {value})
    raise ValueError(f"no such change: {verb}")


def check(calls: Iterable[Call], changes: Iterable[Change], tables: Mapping[str, State]) -> Verdict:
    """Judge a history. `tables`: the live resources afterwards, by name. Linear, but for sorting."""
    known = {call.id: call for call in calls}
    by_resource: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_resource[change.resource].append(change)
    reads: dict[str, list[Call]] = defaultdict(list)
    for call in known.values():
        if call.changes is None or _found_one(call):
            reads[call.resource].append(call)
    problems = _unmatched(known, by_resource)
    moments: list[tuple[float, int, str]] = []
    for resource in sorted({*by_resource, *reads, *tables}):
        own = sorted(by_resource[resource], key=lambda change: change.version)
        if [change.version for change in own] != list(range(1, len(own) + 1)):
            problems.append(Problem(Fault.GAP, resource))
            continue
        states: list[State | None] = [None]
        for change in own:
            states.append(after(states[-1], change.changes))
        if states[-1] != tables.get(resource):
            problems.append(Problem(Fault.TABLE, resource))
        writes = [known.get(change.call or "") or Call("", resource, 0, NEVER, Outcome.UNKNOWN) for change in own]
        problems += _place(writes, states, reads[resource], moments)
    return Verdict(tuple(problems), () if problems else tuple(call for _, _, call in sorted(moments)))


def _found_one(call: Call) -> bool:
    """Return whether a creation was refused, because there was a resource of this name."""
    return call.outcome is Outcome.REFUSED and call.changes is not None and call.changes[0] == "create"


def _unmatched(known: Mapping[str, Call], by_resource: Mapping[str, list[Change]]) -> list[Problem]:
    """Compare the calls with the changes one by one: each has what it must have, and nothing else happened."""
    problems, done = [], set()
    for resource, changes in by_resource.items():
        for change in changes:
            call = known.get(change.call or "")
            if call is None:
                problems.append(Problem(Fault.NOT_ASKED, f"{resource} version {change.version}"))
                continue
            if call.id in done:
                problems.append(Problem(Fault.DONE_TWICE, call.id, call.began))
            done.add(call.id)
            if call.outcome is Outcome.REFUSED:
                problems.append(Problem(Fault.NOT_REFUSED, call.id, call.began))
            elif (call.resource, call.changes) != (resource, change.changes):
                problems.append(Problem(Fault.OTHER_CHANGE, call.id, call.began))
    for call in known.values():
        if call.changes and call.outcome is Outcome.ACKNOWLEDGED and call.id not in done:
            problems.append(Problem(Fault.LOST, call.id, call.began))
    return problems


def _place(
    writes: list[Call], states: list[State | None], reads: list[Call], moments: list[tuple[float, int, str]]
) -> list[Problem]:
    """Give each change and each read of one resource its earliest moment, and add them to `moments`.

    `states[v]` is the state at version v, and `writes[v - 1]` the call that made it.
    """
    problems: list[Problem] = []
    at_version: dict[int, list[Call]] = defaultdict(list)
    for read in reads:
        version = _version_seen(read, writes, states)
        if version is None:
            problems.append(Problem(Fault.UNTRUE, read.id, read.began))
        elif not _found_one(read):
            at_version[version].append(read)
    moment = 0.0
    created = NEVER

    def place(call: Call, moment: float) -> float:
        moment = max(moment, call.began)
        if moment > call.ended:
            problems.append(Problem(Fault.STALE, call.id, call.began))
        moments.append((moment, len(moments), call.id))  # the second number keeps the order of equal moments
        return moment

    for version in range(len(states)):
        if version:
            moment = place(writes[version - 1], moment)
        if version == 1:
            created = moment
        for read in sorted(at_version[version], key=lambda one: one.began):
            moment = place(read, moment)
    for read in filter(_found_one, reads if writes else []):
        place(read, created)
    return problems


def _version_seen(read: Call, writes: list[Call], states: list[State | None]) -> int | None:
    """Return the version at which a resource was what a read shows; None: it never was.

    A read that found nothing was before the creation, or after the deletion if that had begun when the read ended.
    """
    last = len(states) - 1
    if _found_one(read):
        return 1 if last else None
    if read.saw is not None:
        version, state = read.saw
        return version if 0 < version <= last and states[version] == state else None
    return last if last and states[last] is None and writes[-1].began <= read.ended else 0
