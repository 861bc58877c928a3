"""Laws of PATCH, on generated operations: whatever is sent, the result is a resource or nothing has happened."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.changes import apply_changes
from scim.protocol.conditions import fold_resource
from scim.protocol.errors import ScimError
from scim.protocol.patch import PATCH_SCHEMA, read_patch
from scim.protocol.validation import UNASSIGNED, Notes, keep_defaults, validate_resource

MANY = 10 * settings.default.max_examples  # 1,000
WORK = '[type eq "work"]'
_paths = st.sampled_from(
    [
        *(
            "userName",
            "displayName",
            "name",
            "name.givenName",
            "active",
            "password",
            "groups",
            "id",
            "schemas",
            "meta.created",
        ),
        *(
            "emails",
            "emails.value",
            f"emails{WORK}",
            f"emails{WORK}.value",
            f"emails{WORK}.primary",
            "emails[not (type pr)]",
        ),
        *(
            'emails[value co "a"].type',
            'roles[primary eq "True"].value',
            f"addresses{WORK}.locality",
            "x509Certificates",
            "emails[primary eq false]",
            "emails[primary ne true].value",
            f"{USER.schema.id}.emails",
            f"{USER.schema.id}:active",
            USER.schema.id,
        ),
        *(
            ENTERPRISE_USER,
            f"{ENTERPRISE_USER}:manager",
            f"{ENTERPRISE_USER}:manager.value",
            f"{ENTERPRISE_USER}.department",
        ),
        *("manager", "shoeSize", "x.y", "", None),
    ]
)
_names = st.sampled_from(
    [
        "value",
        "type",
        "primary",
        "givenName",
        "name.givenName",
        "emails",
        f"emails{WORK}.value",
        ENTERPRISE_USER,
        "manager",
        "x",
    ]
)
JSON_IN_TEXT = [
    '[{"value": "a", "type": "work"}]',
    '{"value": "B"}',
    "[]",
    "{}",
    "null",
    '{"value"',
    '{"active": null}',
]
_values = st.recursive(
    st.sampled_from([None, "", "a", "B", "True", "false", True, False, 1, 1.5, *JSON_IN_TEXT]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=6,
)
_ops = st.sampled_from(["add", "replace", "remove", "Add", "Replace", "Remove"])
_operations = st.lists(
    st.builds(
        lambda op, path, value: {"op": op, "value": value} | ({} if path is None else {"path": path}),
        _ops,
        _paths,
        _values,
    ),
    max_size=3,
)
RESOURCES = [
    {"userName": "jane"},
    {
        "userName": "jane",
        "active": True,
        "name": {"givenName": "J"},
        "emails": [{"type": "work", "value": "a"}, {"value": "b", "primary": True}],
        "roles": [{"value": "r"}],
        "addresses": [{"type": "work", "locality": "Tilburg"}],
        ENTERPRISE_USER: {"department": "Care", "manager": {"value": "m"}},
    },
]


def _empties(value: object) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value in UNASSIGNED or any(map(_empties, parts))


@settings(max_examples=MANY, deadline=None)
@given(st.sampled_from(RESOURCES), _operations, st.sampled_from([LIBERAL, STRICT]))
def test_the_result_is_a_whole_resource_or_a_refusal(resource, operations, policy):
    before = validate_resource(copy.deepcopy(resource), USER, LIBERAL, Notes())
    untouched = copy.deepcopy(before)
    try:
        changes = read_patch({"schemas": [PATCH_SCHEMA], "Operations": operations}, USER, policy, Notes())
        after = apply_changes(before, changes, USER, policy)
    except ScimError:
        after = before
    assert before == untouched
    assert not _empties(after), "what is unassigned is left out"
    assert validate_resource(copy.deepcopy(after), USER, LIBERAL, Notes()) == after
    assert fold_resource(after, USER).keys() == after.keys()
    for name in ("emails", "roles"):
        kept = [(one.get("type", "").lower(), one.get("value", "").lower()) for one in after.get(name, ())]
        assert len(set(kept)) == len(kept), "no type and value twice"
        assert sum(one.get("primary") is True for one in after.get(name, ())) <= 1


def _says_true(value: object) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return str(value).lower() == "true" or any(map(_says_true, parts))


@settings(max_examples=MANY, deadline=None)
@given(_operations, st.sampled_from([LIBERAL, STRICT]))
def test_nobody_is_enabled_by_a_patch_that_does_not_say_true(operations, policy):
    before = {"schemas": [USER.schema.id], "userName": "jane", "active": False}
    try:
        changes = read_patch({"schemas": [PATCH_SCHEMA], "Operations": operations}, USER, policy, Notes())
        after = keep_defaults(before, apply_changes(before, changes, USER, policy), USER)
    except ScimError:
        return
    assert after["active"] is False or any(map(_says_true, operations))
