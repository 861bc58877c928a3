"""JSON inside text: understood, or refused, but never stored as a value."""

import json

import pytest

from scim.clients.scim_sdk import looks_like_json, operation_from_json, value_from_json
from scim.protocol.attributes import CORE_USER, ENTERPRISE_USER, GROUP, USER
from scim.protocol.filters import parse_path
from scim.protocol.policy import Operation
from tests.factories import make_group, make_user

EMAILS, NAME, TITLE, MEMBERS = USER.core["emails"], USER.core["name"], USER.core["title"], GROUP.core["members"]
WORK = {"value": "a@x", "type": "work"}


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (EMAILS, json.dumps([WORK]), [WORK]),
        (EMAILS, json.dumps(WORK), WORK),
        (EMAILS, [json.dumps(WORK), "b@x"], [WORK, "b@x"]),
        (EMAILS, " [ ] ", []),
        (EMAILS, "a@x", "a@x"),
        (NAME, '{"givenName": "J"}', {"givenName": "J"}),
        (MEMBERS, '[{"value": "1"}]', [{"value": "1"}]),
        (TITLE, "[]", "[]"),
        (TITLE, '{"value": "x"}', '{"value": "x"}'),
        (EMAILS, '{"value": "a", "value": "b"}', '{"value": "a", "value": "b"}'),
        (EMAILS, "[NaN]", "[NaN]"),
        (EMAILS, "[" * 100_000, "[" * 100_000),
    ],
    ids=str,
)
def test_an_object_or_list_in_text_is_read_for_what_has_parts_or_several_values(attribute, sent, meant):
    assert value_from_json(attribute, sent) == meant


@pytest.mark.parametrize("text", ["[]", "{", ' {"a": 1}', "null", "[x"])
def test_what_looks_like_json_is_no_bare_value(text):
    assert looks_like_json(text)
    assert not looks_like_json(f"a{text}")


@pytest.mark.parametrize(
    ("path", "sent", "meant"),
    [
        ("", '{"active": false}', {"active": False}),
        (ENTERPRISE_USER, '{"department": "C"}', {"department": "C"}),
        ("emails", "[]", []),
        ('emails[type eq "work"]', '{"value": "x"}', {"value": "x"}),
        ('emails[type eq "work"].value', "[]", "[]"),
        ("title", "[]", "[]"),
        ("shoeSize", "[]", "[]"),
    ],
)
def test_the_value_of_an_operation_is_read_where_text_cannot_be_meant(path, sent, meant):
    operation = Operation("replace", parse_path(path) if path else None, sent)
    assert operation_from_json(operation, USER) == [Operation("replace", operation.path, meant)]


@pytest.fixture
def jane(client, provider):
    return make_user(provider, "jane@x", emails=[{"value": "old@x", "type": "home", "primary": True}])


@pytest.mark.parametrize(
    ("operation", "name", "wanted"),
    [
        (
            {"op": "replace", "path": 'emails[value eq "old@x"]', "value": json.dumps(WORK)},
            "emails",
            [WORK | {"value": "a@x"}],
        ),
        ({"op": "replace", "path": "emails", "value": json.dumps([WORK])}, "emails", [WORK]),
        ({"op": "replace", "path": "emails", "value": [json.dumps(WORK)]}, "emails", [WORK]),
        ({"op": "replace", "path": "emails", "value": json.dumps(WORK)}, "emails", [WORK]),
        ({"op": "remove", "path": "emails", "value": '[{"value": "old@x"}]'}, "emails", None),
        ({"op": "remove", "path": "emails", "value": ['{"value": "old@x"}']}, "emails", None),
        ({"op": "replace", "value": '{"title": "T"}'}, "title", "T"),
        ({"op": "replace", "value": {"emails": json.dumps([WORK])}}, "emails", [WORK]),
        ({"op": "add", "path": "name", "value": '{"givenName": "J"}'}, "name", {"givenName": "J"}),
        ({"op": "add", "path": "name", "value": ['{"givenName": "J"}']}, "name", {"givenName": "J"}),
        (
            {"op": "add", "path": f"{ENTERPRISE_USER}:manager", "value": '{"value": "m"}'},
            ENTERPRISE_USER,
            {"manager": {"value": "m"}},
        ),
        ({"op": "add", "path": ENTERPRISE_USER, "value": '{"department": "C"}'}, ENTERPRISE_USER, {"department": "C"}),
        ({"op": "add", "path": CORE_USER, "value": '{"title": "T"}'}, "title", "T"),
        ({"op": "replace", "value": ['{"title": "T"}']}, "title", "T"),
        (
            {"op": "add", "path": ENTERPRISE_USER, "value": ['{"department": "C"}']},
            ENTERPRISE_USER,
            {"department": "C"},
        ),
    ],
    ids=str,
)
def test_a_patch_with_json_in_text_does_what_the_json_says(client, jane, operation, name, wanted):
    answer = client.patch(f"/Users/{jane.pk}", operation)
    assert (answer.status_code, answer.json().get(name)) == (200, wanted)


@pytest.mark.parametrize(
    "value", ['{"value": "a@x"', "[", '{"value": "a", "value": "b"}', "null", '["[]"]', ['[{"value": "a"}]'], ["null"]]
)
@pytest.mark.parametrize("path", ["emails", "phoneNumbers", 'emails[type eq "home"]'])
def test_json_that_cannot_be_read_is_refused_and_never_stored(client, jane, path, value):
    before = client.get(f"/Users/{jane.pk}").json()
    answer = client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": path, "value": value})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue"), answer.content
    assert client.get(f"/Users/{jane.pk}").json() == before


@pytest.mark.parametrize("value", ['{"value": "a@x"', "null", ["null"], ['{"value"']])
def test_a_manager_is_no_unreadable_json_either(client, jane, value):
    answer = client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "manager", "value": value})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue"), answer.content


def test_a_post_and_a_put_read_it_too(client):
    body = {"userName": "new@x", "phoneNumbers": "[]", "emails": json.dumps([WORK]), "name": '{"givenName": "J"}'}
    made = client.post("/Users", body)
    assert made.status_code == 201
    assert ("phoneNumbers" in made.json(), made.json()["emails"]) == (False, [WORK])
    put = client.put(f"/Users/{made.json()['id']}", body | {"roles": '{"value": "r"}'}).json()
    assert (put["roles"], put["name"]) == ([{"value": "r"}], {"givenName": "J"})


def test_members_as_text_are_members(client, provider):
    anna, bert = (str(make_user(provider).pk) for _ in range(2))
    group = make_group(provider)

    def held():
        return [one["value"] for one in client.get(f"/Groups/{group.pk}").json().get("members", ())]

    as_text = json.dumps([{"value": anna}, {"value": bert}])
    client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": as_text})
    assert held() == [anna, bert]
    client.patch(f"/Groups/{group.pk}", {"op": "remove", "path": "members", "value": json.dumps([{"value": anna}])})
    assert held() == [bert]
    client.patch(f"/Groups/{group.pk}", {"op": "replace", "value": json.dumps({"members": [{"value": anna}]})})
    assert held() == [anna]
    refused = client.patch(f"/Groups/{group.pk}", {"op": "replace", "path": "members", "value": '[{"value": "'})
    assert (refused.status_code, held()) == (400, [anna])
