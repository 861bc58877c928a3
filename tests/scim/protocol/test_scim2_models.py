"""Filters and PATCH beside scim2-models, which is not ours: the same answers on generated resources.

`tests/scim/store/test_filters.py` holds the SQL against `matches`, so it stands between the two. Where
the two differ on purpose, the table says why.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scim2_models import EnterpriseUser, PatchOp, SCIMException, ScimFilter, ScimPolicy, User

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.conditions import bind
from scim.protocol.errors import ScimError
from scim.protocol.filters import parse_filter
from scim.protocol.patch import PATCH_SCHEMA, apply_changes, read_patch
from scim.protocol.validation import UNASSIGNED, Notes, validate_resource
from tests.scim.store.evaluator import matches

Judge = User[EnterpriseUser]
texts = st.sampled_from(["a", "A", "ab", "é", "É", "x y", '"', "\\", "%", "_b"])
roles = st.lists(
    st.fixed_dictionaries({"value": texts}, optional={"type": texts, "display": texts, "primary": st.booleans()}),
    max_size=3,
    unique_by=lambda role: json.dumps(role, sort_keys=True, ensure_ascii=False).casefold(),
).filter(lambda several: sum(role.get("primary", False) for role in several) < 2)
resources = st.fixed_dictionaries(
    {"userName": texts, "active": st.booleans()},
    optional={
        "title": texts,
        "nickName": texts,
        "externalId": texts,
        "name": st.fixed_dictionaries({"givenName": texts}, optional={"familyName": texts}),
        "roles": roles,
        ENTERPRISE_USER: st.fixed_dictionaries({"department": texts}, optional={"division": texts}),
    },
)


def whole(resource):
    urns = [USER.schema.id] + [ENTERPRISE_USER] * (ENTERPRISE_USER in resource)
    return {"schemas": urns, **resource}


def _test(paths, ops):
    return st.builds(lambda path, op, value: f"{path} {op} {json.dumps(value)}", paths, st.sampled_from(ops), texts)


def _combined(grown):
    return st.one_of(
        st.builds(lambda one, two, word: f"({one}) {word} ({two})", grown, grown, st.sampled_from(["and", "or"])),
        st.builds(lambda one: f"not ({one})", grown),
    )


ALL = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]
singles = st.sampled_from(
    ["userName", "TITLE", "nickName", "externalId", "name.givenName", "name.familyName", f"{ENTERPRISE_USER}:department",
     f"{ENTERPRISE_USER}:division", f"{USER.schema.id}:title"]
)  # fmt: skip
several = st.sampled_from(["roles", "roles.value", "roles.type", "roles.display"])
inside = st.recursive(
    st.one_of(
        _test(st.sampled_from(["value", "type", "display"]), ALL),
        st.sampled_from(["primary eq false", "primary eq true", "primary pr", "type pr", "display eq null"]),
    ),
    _combined,
    max_leaves=3,
)
filters = st.recursive(
    st.one_of(
        _test(singles, ALL),
        _test(several, [op for op in ALL if op != "ne"]),
        st.one_of(singles, several, st.sampled_from(["name", "roles.primary"])).map("{} pr".format),
        singles.map("{} eq null".format),
        singles.map("{} ne null".format),
        st.sampled_from(["active eq true", "active ne true", "active eq false", "roles.primary eq false"]),
        inside.map("roles[{}]".format),
    ),
    _combined,
    max_leaves=5,
)


@settings(max_examples=1_500, deadline=None)
@given(resources, filters)
def test_filters_mean_the_same(resource, text):
    body = whole(resource)
    condition = bind(parse_filter(text), USER, STRICT)
    ours = matches(condition, validate_resource(body, USER, STRICT, Notes()))
    assert ours == ScimFilter[Judge](text).match(Judge.model_validate(body))


WORK = '[type eq "a"]'
values = {
    "title": texts, "name.givenName": texts, "active": st.booleans(), f"{ENTERPRISE_USER}:department": texts,
    "name": st.fixed_dictionaries({}, optional={"givenName": texts, "familyName": texts}),
    "roles": roles,
    f"roles{WORK}.value": texts, f"roles{WORK}.display": texts, "roles[value co \"a\"].type": texts,
    f"roles{WORK}": st.fixed_dictionaries({"value": texts}),
    ENTERPRISE_USER: st.fixed_dictionaries({"department": texts}, optional={"division": texts}),
    None: st.fixed_dictionaries({}, optional={"title": texts, "roles": roles, "active": st.booleans(),
        "name": st.fixed_dictionaries({"familyName": texts}), ENTERPRISE_USER: st.fixed_dictionaries({"division": texts})}),
}  # fmt: skip


@st.composite
def operations(draw):
    path = draw(st.sampled_from(list(values)))
    known = {"replace": path != f"roles{WORK}", "remove": path not in (None, f"roles{WORK}.value")}  # see DIFFERENCES
    op = draw(st.sampled_from(["add", *(name for name, is_shared in known.items() if is_shared)]))
    operation = {"op": op} | ({"path": path} if path else {})
    return operation | ({} if op == "remove" else {"value": draw(values[path])})


# RFC 7644 §3.5.2.3 has noTarget for a replace; the habit `entra-missing-element` makes the value.
CREATING = ScimPolicy(unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create)


def by_us(resource, sent):
    try:
        changes = read_patch({"schemas": [PATCH_SCHEMA], "Operations": sent}, USER, LIBERAL, Notes())
        return apply_changes(resource, changes, USER, LIBERAL)
    except ScimError as error:
        return error.scim_type


def by_the_judge(resource, sent):
    judged = Judge.model_validate(resource)
    try:
        PatchOp[Judge].model_validate({"schemas": [PATCH_SCHEMA], "Operations": sent}).patch(judged, CREATING)
    except SCIMException as error:
        return error.scim_type
    found = judged.model_dump(exclude_none=True, mode="json")
    found["roles"] = [role for role in found.get("roles", ()) if role.keys() - {"type", "primary"}]
    return {name: value for name, value in found.items() if value not in UNASSIGNED}


@settings(max_examples=1_500, deadline=None)
@given(resources, st.lists(operations(), min_size=1, max_size=3))
def test_patch_does_the_same(resource, sent):
    before = validate_resource(whole(resource), USER, STRICT, Notes())
    assert by_us(before, sent) == by_the_judge(before, sent)


PRESENT = {
    "userName": "a",
    "roles": [{"value": "a", "type": "a", "display": "a"}, {"value": "b"}],
    ENTERPRISE_USER: {"department": "a"},
}
DIFFERENCES = [
    # A multi-valued attribute meets a filter when any of its values does (RFC 7644 §3.4.2.2), for ne too.
    ('roles.value ne "a"', True, False),
    # "pr" of what is complex: it has a node that is not empty (RFC 7644 §3.4.2.2, table 3), an extension too.
    (f"{ENTERPRISE_USER} pr", True, False),
    # What matches the filter is replaced as a whole (RFC 7644 §3.5.2.3), its other parts too; what the filter says stays.
    ({"op": "replace", "path": f"roles{WORK}", "value": {"value": "c"}},
     [{"value": "c", "type": "a"}, {"value": "b"}], [{"value": "c", "type": "a", "display": "a"}, {"value": "b"}]),
    # A value with nothing but what it is for is no value (RFC 7643 §2.5).
    ({"op": "replace", "path": "roles", "value": [{"type": "a"}]}, None, [{"type": "a"}]),
    # No value comes twice (RFC 7643 §2.4).
    ({"op": "add", "path": "roles", "value": [{"value": "c"}, {"value": "C"}]},
     [*PRESENT["roles"], {"value": "c"}], [*PRESENT["roles"], {"value": "c"}, {"value": "C"}]),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "ours", "theirs"), DIFFERENCES)
def test_where_we_differ_the_rfc_says_why(asked, ours, theirs):
    held = validate_resource(whole(PRESENT), USER, STRICT, Notes())
    judged = Judge.model_validate(held)
    if isinstance(asked, str):
        assert matches(bind(parse_filter(asked), USER, STRICT), held) is ours
        assert ScimFilter[Judge](asked).match(judged) is theirs
        return
    assert by_us(held, [asked]).get("roles") == ours
    PatchOp[Judge].model_validate({"schemas": [PATCH_SCHEMA], "Operations": [asked]}).patch(judged, CREATING)
    assert judged.model_dump(exclude_none=True, mode="json").get("roles") == theirs
