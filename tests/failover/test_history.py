"""The history checker: it accepts what one serial order explains, and names each way in which a history is broken."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.history import NEVER, Call, Change, Fault, Outcome, State, after, check

DONE, REFUSED, UNKNOWN = Outcome.ACKNOWLEDGED, Outcome.REFUSED, Outcome.UNKNOWN


def write(name, began, ended, *changes, outcome=DONE, resource="anna"):
    return Call(name, resource, began, ended, outcome, changes)


def read(name, began, ended, version, value="", members=(), resource="anna"):
    saw = (version, State(value, frozenset(members))) if version else None
    return Call(name, resource, began, ended, DONE, None, saw)


def change(version, call, *changes, resource="anna"):
    return Change(resource, version, changes, call)


CALLS = [
    write("c1", 0, 2, "create", "a"),
    write("c2", 3, 6, "set", "b"),
    read("r1", 4, 5, 1, "a"),
    write("c3", 6, NEVER, "set", "c", outcome=UNKNOWN),
    write("c4", 7, NEVER, "set", "d", outcome=UNKNOWN),
    read("r2", 8, 9, 3, "c"),
    write("c5", 9, 10, "create", "z", outcome=REFUSED),
]
CHANGES = [change(1, "c1", "create", "a"), change(2, "c2", "set", "b"), change(3, "c3", "set", "c")]
TABLES = {"anna": State("c")}


def faults(calls=None, changes=None, tables=None):
    verdict = check(CALLS if calls is None else calls, CHANGES if changes is None else changes, tables or TABLES)
    assert bool(verdict.problems) != bool(verdict.order)
    return {problem.fault for problem in verdict.problems}


def with_call(name, **altered):
    return [replace(call, **altered) if call.id == name else call for call in CALLS]


def test_a_history_that_one_serial_order_explains_is_accepted_with_that_order():
    """An unknown call may have been done (c3) or not (c4); r1 read the old state while c2 was running."""
    verdict = check(CALLS, CHANGES, TABLES)
    assert verdict.problems == ()
    assert verdict.order == ("c1", "r1", "c2", "c3", "r2", "c5")


# What is done to the history, and how it must be called.
BROKEN = [
    ("an acknowledged write is missing", {"changes": CHANGES[:1], "tables": {"anna": State("a")}}, Fault.LOST),
    ("a write occurs twice", {"changes": [*CHANGES, change(4, "c3", "set", "c")]}, Fault.DONE_TWICE),
    ("nobody asked for a change", {"changes": [*CHANGES, change(4, None, "set", "c")]}, Fault.NOT_ASKED),
    ("a refused call was done", {"calls": with_call("c3", outcome=REFUSED)}, Fault.NOT_REFUSED),
    ("another value was written", {"changes": [*CHANGES[:2], change(3, "c3", "set", "x")]}, Fault.OTHER_CHANGE),
    ("a version is missing", {"changes": [*CHANGES[:2], change(4, "c3", "set", "c")]}, Fault.GAP),
    ("a version occurs twice", {"changes": [*CHANGES, change(3, "c4", "set", "d")]}, Fault.GAP),
    ("a change is not in the table", {"tables": {"anna": State("b")}}, Fault.TABLE),
    ("the table has what nobody made", {"tables": TABLES | {"ben": State("x")}}, Fault.TABLE),
    ("a read is older than an acknowledged write", {"calls": [*CALLS, read("r3", 7, 8, 1, "a")]}, Fault.STALE),
    ("a read is newer than its write", {"calls": [*CALLS, read("r3", 1, 2, 3, "c")]}, Fault.STALE),
    ("reads go back", {"calls": [*CALLS, read("r3", 10, 11, 2, "b")]}, Fault.STALE),
    ("nothing is found after the creation", {"calls": [*CALLS, read("r3", 3, 4, 0)]}, Fault.STALE),
    ("a read shows what never was", {"calls": [*CALLS, read("r3", 10, 11, 3, "x")]}, Fault.UNTRUE),
    ("a read shows a version that never was", {"calls": [*CALLS, read("r3", 10, 11, 4, "d")]}, Fault.UNTRUE),
    ("a name was taken before there was one", {"calls": with_call("c1", began=20, ended=21)}, Fault.STALE),
    ("writes took effect against their order", {"calls": with_call("c3", began=1, ended=2, outcome=DONE)}, Fault.STALE),
]


@pytest.mark.parametrize(("broken", "fault"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_history_is_called_by_its_fault(broken, fault):
    assert fault in faults(**broken)


def test_a_taken_name_without_any_resource_is_untrue():
    assert faults(calls=[write("c1", 0, 1, "create", "a", outcome=REFUSED)], changes=[], tables={"x": State()}) == {
        Fault.UNTRUE,
        Fault.TABLE,
    }


def test_a_resource_is_not_found_before_its_creation_and_after_its_deletion():
    calls = [
        read("r0", 0, 1, 0),
        write("c1", 1, 2, "create", "a"),
        write("c2", 3, 5, "delete", ""),
        read("r1", 4, 5, 1, "a"),
        read("r2", 4, 6, 0),
    ]
    changes = [change(1, "c1", "create", "a"), change(2, "c2", "delete", "")]
    assert check(calls, changes, {}).problems == ()
    late = [*calls, read("r3", 6, 7, 1, "a")]
    assert {problem.fault for problem in check(late, changes, {}).problems} == {Fault.STALE}


def test_members_are_part_of_what_a_read_shows():
    calls = [
        write("c1", 0, 1, "create", ""),
        write("c2", 2, 3, "add", "anna"),
        write("c3", 2, 3, "add", "ben"),
        write("c4", 4, 5, "remove", "anna"),
        read("r1", 6, 7, 4, members=["ben"]),
    ]
    changes = [change(version, f"c{version}", *calls[version - 1].changes) for version in (1, 2, 3, 4)]
    tables = {"anna": State("", frozenset({"ben"}))}
    assert check(calls, changes, tables).problems == ()
    swapped = [changes[0], replace(changes[2], version=2), replace(changes[1], version=3), changes[3]]
    assert check(calls, swapped, tables).problems == (), "two calls at once may be in any order"
    calls[-1] = read("r1", 6, 7, 4, members=["anna", "ben"])
    assert [problem.fault for problem in check(calls, changes, tables).problems] == [Fault.UNTRUE]


def played(seed, clients=4, steps=60):
    """A history as a correct server makes it: each call takes effect at one moment within it, or never if unknown."""
    chance = random.Random(seed)
    free = [0.0] * clients
    planned = []
    for number in range(steps):
        client = chance.randrange(clients)
        began = free[client] + chance.random()
        free[client] = ended = began + chance.random()
        planned.append((chance.uniform(began, ended), f"c{number}", began, ended))
    calls, changes, states, versions = [], [], {}, {}
    for _, name, began, ended in sorted(planned):
        resource = chance.choice("ab")
        state, kind = states.get(resource), chance.random()
        if kind < 0.5:
            saw = (versions[resource], state) if state else None
            calls.append(Call(name, resource, began, ended, DONE, None, saw))
            continue
        asked = ("set", name) if state else ("create", name)
        is_unknown, is_done = kind > 0.9, kind < 0.95
        outcome, ended = (UNKNOWN, NEVER) if is_unknown else (DONE, ended)
        calls.append(Call(name, resource, began, ended, outcome, asked))
        if is_done:
            states[resource], versions[resource] = after(state, asked), versions.get(resource, 0) + 1
            changes.append(Change(resource, versions[resource], asked, name))
    return calls, changes, states


@given(st.integers(0, 10_000))
def test_every_history_of_a_correct_server_is_accepted(seed):
    calls, changes, tables = played(seed)
    verdict = check(calls, changes, tables)
    assert verdict.problems == ()
    position = {call: number for number, call in enumerate(verdict.order)}
    by_end = sorted((call for call in calls if call.id in position), key=lambda call: call.ended)
    for one in by_end:
        for other in by_end:
            assert not (one.ended < other.began and position[one.id] > position[other.id]), "the order of real time"


@given(st.integers(0, 10_000), st.data())
def test_every_acknowledged_write_that_is_taken_out_is_noticed(seed, data):
    calls, changes, tables = played(seed)
    done = {call.id for call in calls if call.outcome is DONE}
    acknowledged = [number for number, one in enumerate(changes) if one.call in done]
    if acknowledged:
        lost = data.draw(st.sampled_from(acknowledged))
        fewer = changes[:lost] + changes[lost + 1 :]
        assert Fault.LOST in {problem.fault for problem in check(calls, fewer, tables).problems}
