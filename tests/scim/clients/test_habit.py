"""Each habit of a client: taken by default, refused by its name under strict protocol (docs/clients.md)."""

from dataclasses import dataclass
from typing import Any

import pytest

from providers.events import SYSTEM
from providers.schemas import add_schema
from scim.clients import HABITS
from scim.protocol.attributes import CORE_GROUP, CORE_USER, ENTERPRISE_USER
from scim.protocol.bulk import REQUEST_SCHEMA
from scim.protocol.listing import SEARCH_SCHEMA
from scim.protocol.patch import PATCH_SCHEMA
from scim.protocol.policy import Fault
from tests.factories import make_group, make_provider, make_user

WORK = {"value": "jane@x", "type": "work"}
JANE = {"displayName": "Jane", "name": {"givenName": "Jane", "familyName": "Doe"}, "emails": [WORK]}


@dataclass(frozen=True)
class Sent:
    """A request with the habit, the same in the RFC's form (None: there is none), and what it must have done."""

    habit: str
    method: str
    path: str
    body: Any
    proper: Any
    wanted: dict[str, Any] | None = None


def patch(habit, operation, proper, wanted=None):
    bodies = [one and {"schemas": [PATCH_SCHEMA], "Operations": [one]} for one in (operation, proper)]
    return Sent(habit, "PATCH", "/Users/{user}", *bodies, wanted)


def op(name, path=None, value=None):
    return {"op": name, "value": value} | ({"path": path} if path else {})


MANAGER = f"{ENTERPRISE_USER}:manager"
CARE = "urn:example:params:scim:schemas:extension:CareStaff:2.0:User"
NEW = {"schemas": [CORE_USER], "userName": "new@x"}
CASES = [
    Sent(
        "sdk-json-value",
        "POST",
        "/Users",
        NEW | {"emails": '[{"value": "jane@x", "type": "work"}]'},
        NEW | {"emails": [WORK]},
        {"emails": [WORK]},
    ),
    patch(
        "sdk-json-operation",
        op("replace", None, '{"title": "N"}'),
        op("replace", None, {"title": "N"}),
        {"title": "N"},
    ),
    patch("entra-capital-op", op("Replace", "title", "N"), op("replace", "title", "N"), {"title": "N"}),
    patch("entra-text-boolean", op("replace", "active", "False"), op("replace", "active", False), {"active": False}),
    Sent(
        "entra-text-number",
        "PATCH",
        "/Users/{user}",
        {"schemas": [PATCH_SCHEMA], "Operations": [op("add", f"{CARE}:badgeNumber", "43")]},
        {"schemas": [PATCH_SCHEMA], "Operations": [op("add", f"{CARE}:badgeNumber", 43)]},
        {CARE: {"badgeNumber": 43}},
    ),
    patch(
        "entra-wrapped-single",
        op("replace", "title", [{"$ref": None, "value": "N"}]),
        op("replace", "title", "N"),
        {"title": "N"},
    ),
    patch(
        "entra-bare-reference",
        op("add", MANAGER, "m2"),
        op("add", MANAGER, {"value": "m2"}),
        {ENTERPRISE_USER: {"manager": {"value": "m2"}}},
    ),
    patch(
        "entra-empty-clears",
        op("replace", "displayName", ""),
        op("replace", "displayName", None),
        {"displayName": None},
    ),
    patch(
        "entra-remove-by-value",
        op("remove", "emails", [{"value": "jane@x"}]),
        {"op": "remove", "path": 'emails[value eq "jane@x"]'},
        {"emails": None},
    ),
    patch(
        "entra-schema-before-dot",
        op("replace", f"{ENTERPRISE_USER}.department", "C"),
        op("replace", f"{ENTERPRISE_USER}:department", "C"),
        {ENTERPRISE_USER: {"department": "C"}},
    ),
    patch(
        "entra-schema-before-dot",
        op("replace", f"{ENTERPRISE_USER}.manager.value", "m2"),
        op("replace", f"{ENTERPRISE_USER}:manager.value", "m2"),
        {ENTERPRISE_USER: {"manager": {"value": "m2"}}},
    ),
    patch(
        "entra-schema-before-dot",
        op("add", f"{CARE}.badgeNumber", 7),
        op("add", f"{CARE}:badgeNumber", 7),
        {CARE: {"badgeNumber": 7}},
    ),
    patch(
        "entra-schema-before-dot",
        op("replace", f'{CORE_USER}.emails[type eq "work"].value', "n@x"),
        op("replace", 'emails[type eq "work"].value', "n@x"),
        {"emails": [WORK | {"value": "n@x"}]},
    ),
    Sent(
        "entra-schema-in-name",
        "POST",
        "/Users",
        NEW | {f"{CORE_USER}:title": "N"},
        NEW | {"title": "N"},
        {"title": "N"},
    ),
    Sent(
        "entra-enterprise-without-schema",
        "POST",
        "/Users",
        NEW | {"department": "C"},
        NEW | {"schemas": [CORE_USER, ENTERPRISE_USER], ENTERPRISE_USER: {"department": "C"}},
        {ENTERPRISE_USER: {"department": "C"}},
    ),
    Sent(
        "entra-filter-in-name",
        "POST",
        "/Users",
        NEW | {'emails[type eq "work"].value': "jane@x"},
        NEW | {"emails": [WORK]},
        {"emails": [WORK]},
    ),
    Sent(
        "entra-dotted-name",
        "POST",
        "/Users",
        NEW | {"name.givenName": "J"},
        NEW | {"name": {"givenName": "J"}},
        {"name": {"givenName": "J"}},
    ),
    patch(
        "entra-enterprise-without-schema",
        op("add", "department", "C"),
        op("add", f"{ENTERPRISE_USER}:department", "C"),
        {ENTERPRISE_USER: {"department": "C"}},
    ),
    patch(
        "entra-dotted-name",
        op("replace", None, {"name.givenName": "J"}),
        op("replace", None, {"name": {"givenName": "J"}}),
        {"name": {"givenName": "J", "familyName": "Doe"}},
    ),
    patch(
        "entra-schema-in-name",
        op("replace", None, {f"{ENTERPRISE_USER}:department": "C"}),
        op("replace", None, {ENTERPRISE_USER: {"department": "C"}}),
        {ENTERPRISE_USER: {"department": "C"}},
    ),
    patch(
        "entra-filter-in-name",
        op("replace", None, {'emails[type eq "work"].value': "j@x"}),
        op("replace", 'emails[type eq "work"].value', "j@x"),
        {"emails": [WORK | {"value": "j@x"}]},
    ),
    patch(
        "entra-missing-element",
        op("replace", 'emails[type eq "home"].value', "h@x"),
        op("add", 'emails[type eq "home"].value', "h@x"),
        {"emails": [WORK, {"type": "home", "value": "h@x"}]},
    ),
    Sent(
        "entra-part-after-filter",
        "GET",
        "/Users",
        'emails[type eq "work"].value eq "jane@x"',
        'emails[type eq "work" and value eq "jane@x"]',
    ),
    patch("entra-unknown-attribute", op("add", "shoeSize", 43), None, {"shoeSize": None}),
    Sent(
        "entra-unknown-attribute",
        "POST",
        "/Users",
        NEW | {"shoeSize": 43, "name": {"nick": "x"}},
        NEW,
        {"shoeSize": None},
    ),
    Sent(
        "entra-foreign-schema",
        "POST",
        "/Groups",
        {
            "schemas": [CORE_GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "displayName": "New",
        },
        {"schemas": [CORE_GROUP], "displayName": "New"},
        {"displayName": "New"},
    ),
    Sent(
        "entra-foreign-schema",
        "POST",
        "/Users",
        NEW | {"schemas": [CORE_USER, "urn:scim:schemas:extension:enterprise:2.0:User"]},
        NEW,
        {"userName": "new@x"},
    ),
    patch(
        "entra-extra-member",
        op("replace", "title", "N") | {"name": "addTitle"},
        op("replace", "title", "N"),
        {"title": "N"},
    ),
    Sent(
        "entra-deleted-member",
        "PATCH",
        "/Groups/{group}",
        {"schemas": [PATCH_SCHEMA], "Operations": [op("add", "members", [{"value": "{deleted}"}])]},
        {"schemas": [PATCH_SCHEMA], "Operations": [op("add", "members", [{"value": "{user}"}])]},
    ),
    Sent(
        "okta-read-only-repeated",
        "PATCH",
        "/Groups/{group}",
        {"schemas": [PATCH_SCHEMA], "Operations": [op("replace", None, {"id": "{group}", "displayName": "Renamed"})]},
        {"schemas": [PATCH_SCHEMA], "Operations": [op("replace", None, {"displayName": "Renamed"})]},
    ),
    Sent(
        "onelogin-bare-element", "POST", "/Users", NEW | {"emails": WORK}, NEW | {"emails": [WORK]}, {"emails": [WORK]}
    ),
    patch(
        "onelogin-text-element",
        op("add", "emails", ["h@x"]),
        op("add", "emails", [{"value": "h@x"}]),
        {"emails": [WORK, {"value": "h@x"}]},
    ),
    patch("other-number-as-text", op("add", "title", 40182), op("add", "title", "40182"), {"title": "40182"}),
    Sent(
        "other-no-schemas",
        "PATCH",
        "/Users/{user}",
        {"Operations": [op("replace", "title", "N")]},
        {"schemas": [PATCH_SCHEMA], "Operations": [op("replace", "title", "N")]},
        {"title": "N"},
    ),
    Sent("other-no-schemas", "POST", "/Users", {"userName": "new@x"}, NEW, {"userName": "new@x"}),
    Sent(
        "other-no-schemas",
        "POST",
        "/Users",
        NEW | {ENTERPRISE_USER: {"department": "C"}},
        NEW | {"schemas": [CORE_USER, ENTERPRISE_USER], ENTERPRISE_USER: {"department": "C"}},
        {ENTERPRISE_USER: {"department": "C"}},
    ),
    Sent("other-no-schemas", "POST", "/.search", {"filter": "id pr"}, {"schemas": [SEARCH_SCHEMA], "filter": "id pr"}),
    Sent("other-no-schemas", "POST", "/Bulk", {"Operations": []}, {"schemas": [REQUEST_SCHEMA], "Operations": []}),
    Sent("other-no-operations", "PATCH", "/Users/{user}", {"schemas": [PATCH_SCHEMA], "Operations": []}, None),
]


@dataclass
class World:
    client: Any
    ids: dict[str, str]

    def send(self, sent, body):
        path = self.filled(sent.path)
        if sent.method == "GET":
            return self.client.get(path, filter=body)
        return self.client.request(sent.method, path, self.filled(body))

    def filled(self, value):
        if isinstance(value, dict):
            return {name: self.filled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.filled(part) for part in value]
        if isinstance(value, str):
            for name, known in self.ids.items():
                value = value.replace(f"{{{name}}}", known)
        return value


@pytest.fixture
def world(db, scim):
    def make(*, is_strict):
        provider = make_provider(is_strict=is_strict)
        add_schema(provider, {"id": CARE, "attributes": [{"name": "badgeNumber", "type": "integer"}]}, SYSTEM)
        client = scim(provider)
        deleted = make_user(provider).pk
        client.delete(f"/Users/{deleted}")
        ids = {"user": make_user(provider, "jane@x", **JANE).pk, "group": make_group(provider).pk, "deleted": deleted}
        return World(client, {name: str(known) for name, known in ids.items()})

    return make


def named(cases):
    return pytest.mark.parametrize("sent", cases, ids=[f"{sent.habit}-{sent.method}{sent.path}" for sent in cases])


def test_every_habit_has_a_case_and_every_fault_a_habit():
    assert {sent.habit for sent in CASES} == {habit.id for habit in HABITS}
    assert {habit.overlooks for habit in HABITS if habit.overlooks} == set(Fault)
    for habit in HABITS:
        forms = (habit.rewrite_value, habit.rewrite_operation, habit.rewrite_path, habit.overlooks)
        assert sum(form is not None for form in forms) == 1, habit.id


@named(CASES)
def test_by_default_a_habit_is_taken_as_what_it_means(world, sent):
    liberal = world(is_strict=False)
    answer = liberal.send(sent, sent.body)
    assert answer.status_code < 300, answer.content
    if sent.wanted is not None:
        resource = answer.json()
        assert {name: resource.get(name) for name in sent.wanted} == sent.wanted
    if sent.method == "GET":
        assert answer.json()["totalResults"] == 1


@named(CASES)
def test_strict_protocol_refuses_a_habit_by_its_name_and_changes_nothing(world, sent):
    strict = world(is_strict=True)
    before = strict.client.get("").json()
    answer = strict.send(sent, sent.body)
    assert answer.status_code == 400, answer.content
    assert f"({sent.habit})" in answer.json()["detail"]
    assert "strict protocol" in answer.json()["detail"]
    assert strict.client.get("").json() == before


@named([sent for sent in CASES if sent.proper is not None])
def test_strict_protocol_takes_the_form_of_the_rfc(world, sent):
    strict = world(is_strict=True)
    answer = strict.send(sent, sent.proper)
    assert answer.status_code < 300, answer.content
    if sent.wanted is not None:
        resource = answer.json()
        assert {name: resource.get(name) for name in sent.wanted} == sent.wanted


def test_strict_protocol_completes_circles_in_bulk(world):
    def group(own, other):
        data = {"schemas": [CORE_GROUP], "displayName": own, "members": [{"value": f"bulkId:{other}"}]}
        return {"method": "POST", "path": "/Groups", "bulkId": own, "data": data}

    body = {"schemas": [REQUEST_SCHEMA], "Operations": [group("a", "b"), group("b", "a")]}
    done = world(is_strict=True).client.post("/Bulk", body).json()["Operations"]
    assert [one["status"] for one in done] == ["201", "201"]
