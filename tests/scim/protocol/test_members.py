"""What a PATCH does to the members of a group."""

import pytest

from scim.protocol.errors import ScimError
from tests.scim.protocol.patches import deltas, op


def test_v45_parts_of_members_cannot_be_removed():
    for path in ("members.value", "members.type"):
        with pytest.raises(ScimError):
            deltas(op("remove", path))


def member(*ids):
    return [{"$ref": None, "value": one} for one in ids]


MEMBERS = [
    ("add", [op("Add", "members", member("a", "b"))], [(False, [], ["a", "b"])]),
    ("add without path", [op("add", None, {"members": member("a")})], [(False, [], ["a"])]),
    ("add text", [op("add", "members", ["a"])], [(False, [], ["a"])]),
    ("add one object", [op("add", "members", {"value": "a"})], [(False, [], ["a"])]),
    ("remove by filter", [op("remove", 'members[value eq "a"]')], [(False, ["a"], [])]),
    ("v45 remove by value", [op("Remove", "members", member("a", "b"))], [(False, ["a", "b"], [])]),
    ("v45 remove by empty list", [op("Remove", "members", [])], []),
    ("v45 remove by value without id", [op("Remove", "members", [{"display": "x"}])], []),
    ("v45 remove by text", [op("Remove", "members", "a")], [(False, ["a"], [])]),
    ("v45 remove by address", [op("Remove", "members", [{"$ref": "https://x/Users/a"}])], [(False, ["a"], [])]),
    ("v45 remove by empty text", [op("Remove", "members", "")], []),
    ("add by address", [op("add", "members", [{"$ref": "https://x/scim/Users/a"}])], [(False, [], ["a"])]),
    ("add nothing", [op("add", "members", None)], []),
    ("remove all", [op("Remove", "members")], [(True, [], [])]),
    ("replace", [op("replace", "members", member("a"))], [(True, [], ["a"])]),
    ("replace by nothing", [op("replace", "members", [])], [(True, [], [])]),
    (
        "add then remove",
        [op("add", "members", member("a")), op("remove", 'members[value eq "a"]')],
        [(False, ["a"], [])],
    ),
    (
        "remove then add",
        [op("remove", 'members[value eq "a"]'), op("add", "members", member("a"))],
        [(False, [], ["a"])],
    ),
    (
        "v41 a value is no filter",
        [op("remove", "members", member('x" or value pr'))],
        [(False, ['x" or value pr'], [])],
    ),
]


@pytest.mark.parametrize(("operations", "wanted"), [case[1:] for case in MEMBERS], ids=[case[0] for case in MEMBERS])
def test_member_changes(operations, wanted):
    assert deltas(*operations) == wanted


@pytest.mark.parametrize("text", ['x" or value pr', 'x"] or [value pr', "x\\", "x' or 'a' eq 'a", 'not (value eq "x")'])
def test_v41_a_value_to_remove_is_compared_and_never_read_as_a_filter(text):
    assert deltas(op("remove", "members", member(text))) == [(False, [text], [])]
