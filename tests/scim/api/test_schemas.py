"""A provider's schema extension through the whole protocol: no code change, no restart."""

import json

import pytest
from django.core.management import CommandError, call_command

from providers.models import ChangeEvent, Provider
from scim.protocol.attributes import CORE_GROUP, CORE_USER, ENTERPRISE_USER
from tests.factories import make_provider, make_user

URN = "urn:example:params:scim:schemas:extension:care:1.0:User"
DOCUMENT = {
    "id": URN,
    "name": "Care",
    "description": "What the hospital adds",
    "attributes": [
        {"name": "ward", "returned": "always"},
        {"name": "badge", "caseExact": True, "mutability": "immutable"},
        {"name": "onCall", "type": "boolean"},
        {"name": "beds", "type": "integer"},
        {"name": "hours", "type": "decimal"},
        {"name": "since", "type": "dateTime"},
        {"name": "photo", "type": "binary", "caseExact": True},
        {"name": "note", "returned": "request"},
        {"name": "skills", "multiValued": True},
        {
            "name": "shift",
            "type": "complex",
            "subAttributes": [{"name": "code", "required": True}, {"name": "remark", "returned": "request"}],
        },
        {
            "name": "keys",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [
                {"name": "value", "caseExact": True},
                {"name": "type"},
                {"name": "primary", "type": "boolean"},
            ],
        },
    ],
}
FULL = {
    "ward": "North",
    "badge": "B1",
    "onCall": True,
    "beds": 12,
    "hours": 36.5,
    "since": "2026-01-01T09:00:00+01:00",
    "photo": "aGk=",
    "skills": ["Surgery", "triage"],
    "shift": {"code": "N"},
    "keys": [{"value": "k1", "type": "door", "primary": True}, {"value": "K2", "type": "safe"}],
}


@pytest.fixture
def add(provider, tmp_path):
    def run(document, *options, of=provider):
        file = tmp_path / "schema.json"
        file.write_text(json.dumps(document))
        call_command("add_schema", of.title, str(file), *options)

    return run


@pytest.fixture
def client(provider, scim, add):
    client = scim(provider)
    assert client.get(f"/Schemas/{URN}").status_code == 404
    add(DOCUMENT)
    return client


@pytest.fixture
def jane(client):
    body = {"schemas": [CORE_USER, URN], "userName": "jane@x", URN: FULL | {"note": "quiet", "unheard": 1}}
    answer = client.post("/Users", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_it_is_discovered_at_once_and_by_its_provider_alone(client, scim, provider):
    other = scim(make_provider())
    for one, extensions in ((client, [ENTERPRISE_USER, URN]), (other, [ENTERPRISE_USER])):
        user = one.get("/ResourceTypes/User").json()
        assert [extension["schema"] for extension in user["schemaExtensions"]] == extensions
        listed = {schema["id"] for schema in one.get("/Schemas").json()["Resources"]}
        assert listed == {CORE_USER, CORE_GROUP, *extensions}
    served = client.get(f"/Schemas/{URN}").json()
    assert [attribute["name"] for attribute in served["attributes"]] == [one["name"] for one in DOCUMENT["attributes"]]
    assert served["attributes"][0]["mutability"] == "readWrite"
    assert served["meta"]["location"].endswith(f"/Schemas/{URN}")
    assert ChangeEvent.objects.filter(provider_id=provider.pk, kind="schema.added", subject=URN).count() == 1


def test_another_provider_does_not_know_it(client, scim):
    other = scim(make_provider())
    made = other.post("/Users", {"userName": "jane@x", URN: FULL}).json()
    assert URN not in made
    assert other.get("/Users", filter=f'{URN}:ward eq "North"').json()["scimType"] == "invalidFilter"


def test_it_round_trips(client, jane):
    assert jane[URN] == FULL | {"note": "quiet"}
    assert jane["schemas"] == [CORE_USER, URN]
    assert client.get(f"/Users/{jane['id']}").json() == jane | {URN: FULL}


def test_what_comes_on_request_alone_is_in_the_answer_that_sets_it(client, jane):
    address = f"/Users/{jane['id']}"
    assert jane[URN]["note"] == "quiet"
    shift = {"code": "N", "remark": "s"}
    body = {"schemas": [CORE_USER, URN], "userName": "jane@x", URN: {"badge": "B1", "shift": shift}}
    put = client.put(address, body | {URN: body[URN] | {"note": "loud"}}).json()
    assert (put[URN]["note"], put[URN]["shift"]) == ("loud", shift)
    patched = client.patch(address, {"op": "replace", "path": f"{URN}:note", "value": "calm"}).json()
    assert (patched[URN]["note"], patched[URN]["shift"]) == ("calm", {"code": "N"})
    whole = client.patch(address, {"op": "replace", "value": {URN: {"shift": {"code": "D", "remark": "t"}}}}).json()
    assert ("note" in whole[URN], whole[URN]["shift"]) == (False, {"code": "D", "remark": "t"})
    unasked = client.patch(
        f"{address}?excludedAttributes={URN}:note", {"op": "add", "path": f"{URN}:note", "value": "x"}
    )
    assert "note" not in unasked.json()[URN]
    assert "note" not in client.get(address).json()[URN]


def test_no_more_queries_than_without(client, jane, django_assert_num_queries):
    with django_assert_num_queries(2):
        client.get(f"/Users/{jane['id']}")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"beds": "twelve"}, '"beds" must be a whole number'),
        ({"hours": True}, '"hours" must be a number'),
        ({"since": "today"}, '"since" must be a date and time'),
        ({"photo": "?"}, '"photo" must be base64'),
        ({"skills": [1, {}]}, '"skills" must be text'),
        ({"shift": {"remark": "x"}}, '"shift.code" is required'),
        ("x", "must hold an object"),
    ],
)
def test_its_values_are_validated(client, value, part):
    answer = client.post("/Users", {"userName": "x@x", URN: value})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    "text",
    [
        'ward eq "NORTH"', 'badge eq "B1"', "onCall eq true", "beds gt 11 and {0}:beds lt 13", "beds eq 12", "hours ge 36.5",
        'since eq "2026-01-01T08:00:00Z"', 'since lt "2026-06-01T00:00:00Z"', 'photo eq "aGk="', 'note eq "Quiet"',
        'skills eq "surgery"', 'skills co "tri"', 'skills[value eq "TRIAGE"]', "skills pr", 'shift.code sw "n"',
        'keys[type eq "door" and value eq "k1"]', 'keys[type eq "safe"].value eq "K2"', 'keys eq "K2"', "keys.primary eq true",
    ],
)  # fmt: skip
def test_its_attributes_filter(client, provider, jane, text):
    make_user(provider, "bert@x")
    query = f"{URN}:{text}".replace("{0}", URN)
    found = client.get("/Users", filter=query).json()
    assert [one["userName"] for one in found["Resources"]] == ["jane@x"], found
    found = client.get("/Users", filter=f"not ({query})").json()
    assert [one["userName"] for one in found["Resources"]] == ["bert@x"], found


def test_case_counts_where_the_schema_says_so(client, jane):
    for text in ('badge eq "b1"', 'keys.value eq "k2"'):
        assert client.get("/Users", filter=f"{URN}:{text}").json()["totalResults"] == 0
    assert client.get("/Users", filter=f"{URN}:onCall gt true").json()["scimType"] == "invalidFilter"


@pytest.mark.parametrize(
    "name", ["ward", "beds", "hours", "since", "onCall", "skills", "keys", "keys.type", "shift.code"]
)
def test_its_attributes_sort(client, jane, name):
    for user_name, part in (
        ("a@x", {"ward": "A", "beds": 9, "hours": 9, "since": "2025-12-31T23:00:00-05:00", "onCall": False, "skills": ["a"],
                 "keys": [{"value": "a", "type": "a"}], "shift": {"code": "a"}}),
        ("z@x", {}),
    ):  # fmt: skip
        assert client.post("/Users", {"userName": user_name, URN: part}).status_code == 201
    query = {"sortBy": f"{URN}:{name}"}
    assert [one["userName"] for one in client.get("/Users", **query).json()["Resources"]] == ["a@x", "jane@x", "z@x"]
    query["sortOrder"] = "descending"
    assert [one["userName"] for one in client.get("/Users", **query).json()["Resources"]] == ["z@x", "jane@x", "a@x"]


@pytest.mark.parametrize(
    ("operation", "name", "wanted"),
    [
        ({"op": "replace", "path": f"{URN}:ward", "value": "South"}, "ward", "South"),
        ({"op": "replace", "value": {f"{URN}:beds": 3}}, "beds", 3),
        ({"op": "replace", "value": {URN: {"hours": 1.5}}}, "hours", 1.5),
        ({"op": "add", "path": URN, "value": {"onCall": False}}, "onCall", False),
        ({"op": "add", "path": f"{URN}:skills", "value": ["SURGERY", "new"]}, "skills", ["Surgery", "triage", "new"]),
        ({"op": "remove", "path": f'{URN}:skills[value eq "SURGERY"]'}, "skills", ["triage"]),
        ({"op": "remove", "path": f"{URN}:skills", "value": ["triage"]}, "skills", ["Surgery"]),
        ({"op": "replace", "path": f"{URN}:shift.code", "value": "D"}, "shift", {"code": "D"}),
        ({"op": "replace", "path": f'{URN}:keys[type eq "door"].value', "value": "k9"}, "keys",
         [{"value": "k9", "type": "door", "primary": True}, FULL["keys"][1]]),
        ({"op": "add", "path": f'{URN}:keys[type eq "car"].value', "value": "c"}, "keys",
         [*FULL["keys"], {"value": "c", "type": "car"}]),
        ({"op": "add", "path": f"{URN}:keys", "value": [{"value": "p", "primary": True}]}, "keys",
         [FULL["keys"][0] | {"primary": False}, FULL["keys"][1], {"value": "p", "primary": True}]),
        ({"op": "remove", "path": f"{URN}:beds"}, "beds", None),
        ({"op": "Replace", "path": f"{URN}:onCall", "value": "False"}, "onCall", False),
    ],
)  # fmt: skip
def test_patch_reaches_each_kind_of_attribute(client, jane, operation, name, wanted):
    answer = client.patch(f"/Users/{jane['id']}", operation)
    assert answer.status_code == 200, answer.content
    assert answer.json()[URN].get(name) == wanted
    assert answer.json()[URN] == {part: value for part, value in (FULL | {name: wanted}).items() if value is not None}
    again = client.patch(f"/Users/{jane['id']}", {"op": "remove", "path": URN}).json()
    assert again.get("scimType") == "mutability"  # the badge is immutable


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": f"{URN}:badge", "value": "B2"}, "mutability"),
        ({"op": "remove", "path": f"{URN}:badge"}, "mutability"),
        ({"op": "add", "path": f'{URN}:skills[value eq "triage"]', "value": "x"}, "invalidPath"),
        ({"op": "add", "path": f"{URN}:beds", "value": 1.5}, "invalidValue"),
    ],
)
def test_what_a_patch_may_not_do_changes_nothing(client, jane, operation, scim_type):
    before = client.get(f"/Users/{jane['id']}").json()
    answer = client.patch(f"/Users/{jane['id']}", operation)
    assert (answer.status_code, answer.json().get("scimType")) == (400, scim_type)
    assert client.get(f"/Users/{jane['id']}").json() == before


def test_an_immutable_value_stays(client, jane):
    address = f"/Users/{jane['id']}"
    same = client.patch(address, {"op": "replace", "path": f"{URN}:badge", "value": "B1"})
    assert same.json()["meta"]["version"] == jane["meta"]["version"]
    other = client.put(address, {"userName": "jane@x", URN: {"badge": "B2"}})
    assert (other.status_code, other.json()["scimType"]) == (400, "mutability")
    silent = client.put(address, {"userName": "jane@x"}).json()
    assert (silent[URN], silent["schemas"]) == ({"badge": "B1"}, [CORE_USER, URN])
    first = client.post("/Users", {"userName": "new@x"}).json()
    given = client.patch(f"/Users/{first['id']}", {"op": "add", "path": f"{URN}:badge", "value": "B7"})
    assert given.json()[URN] == {"badge": "B7"}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, FULL),
        ({"attributes": "userName"}, {"ward": "North"}),
        ({"attributes": f"{URN}:note"}, {"ward": "North", "note": "quiet"}),
        ({"attributes": f"{URN}:shift.remark"}, {"ward": "North"}),
        ({"attributes": URN}, FULL),
        ({"attributes": f"{URN}:keys.value"}, {"ward": "North", "keys": [{"value": "k1"}, {"value": "K2"}]}),
        ({"excludedAttributes": URN}, {"ward": "North"}),
        ({"excludedAttributes": f"{URN}:ward,{URN}:keys"}, {name: FULL[name] for name in FULL if name != "keys"}),
    ],
)
def test_returned_is_kept_to(client, jane, query, wanted):
    assert client.get(f"/Users/{jane['id']}", **query).json().get(URN) == wanted
    assert client.get("/Users", **query).json()["Resources"][0].get(URN) == wanted
    assert client.get("/", **query).json()["Resources"][0].get(URN) == wanted


def test_a_part_on_request_comes_by_name_alone(client, jane):
    address = f"/Users/{jane['id']}"
    client.patch(address, {"op": "add", "path": f"{URN}:shift.remark", "value": "s"})
    assert client.get(address).json()[URN]["shift"] == {"code": "N"}
    named = client.get(address, attributes=f"{URN}:shift.remark,{URN}:shift.code").json()
    assert named[URN]["shift"] == {"code": "N", "remark": "s"}
    refused = client.patch(address, {"op": "remove", "path": f"{URN}:shift.code"})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")


def test_values_with_nothing_but_a_type_are_values_where_there_is_nothing_else(client, add):
    urn = "urn:example:shifts:User"
    kinds = {"name": "kinds", "type": "complex", "multiValued": True, "subAttributes": [{"name": "type"}]}
    boss = {"name": "boss", "type": "reference", "referenceTypes": ["User"], "caseExact": True}
    add({"id": urn, "attributes": [kinds, boss, {"name": "beds", "type": "integer", "multiValued": True}]})
    body = {"userName": "x", urn: {"kinds": [{"type": "day"}, {"type": "night"}], "beds": [1, 2, 3]}}
    made = client.post("/Users", body).json()
    address = f"/Users/{made['id']}"
    assert made[urn] == body[urn]
    client.patch(address, {"op": "remove", "path": f"{urn}:kinds", "value": [{"type": "day"}]})
    client.patch(address, {"op": "remove", "path": f"{urn}:beds", "value": [2, {"value": 3}]})
    assert client.get(address).json()[urn] == {"kinds": [{"type": "night"}], "beds": [1]}
    one = {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "boss"}}
    two = {"method": "PUT", "path": address, "data": {"userName": "x", urn: {"boss": "bulkId:b"}}}
    results = client.post("/Bulk", {"Operations": [two, one]}).json()["Operations"]
    assert client.get(address).json()[urn]["boss"] == results[1]["location"]


def test_an_immutable_value_is_the_same_in_another_case_or_order(client, add):
    urn = "urn:example:fixed:User"
    add({"id": urn, "attributes": [{"name": "codes", "multiValued": True, "mutability": "immutable"}]})
    made = client.post("/Users", {"userName": "x", urn: {"codes": ["a", "b"]}}).json()
    assert client.put(f"/Users/{made['id']}", {"userName": "x", urn: {"codes": ["B", "A"]}}).status_code == 200
    refused = client.put(f"/Users/{made['id']}", {"userName": "x", urn: {"codes": ["a", "c"]}})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "mutability")


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ({"op": "replace", "path": f'{URN}:skills[value eq "triage"]', "value": "Wards"}, ["Surgery", "Wards"]),
        ({"op": "replace", "path": f"{URN}:skills[value pr]", "value": "Wards"}, ["Wards"]),
        ({"op": "replace", "path": f'{URN}:skills[value eq "triage"]', "value": None}, ["Surgery"]),
        ({"op": "replace", "path": f'{URN}:skills[value eq "none"]', "value": "Wards"}, "noTarget"),
        ({"op": "add", "path": f'{URN}:skills[value eq "triage"]', "value": "Wards"}, "invalidPath"),
    ],
)
def test_a_chosen_simple_value_is_replaced(client, jane, operation, wanted):
    answer = client.patch(f"/Users/{jane['id']}", operation).json()
    assert (answer["scimType"] if "status" in answer else answer[URN]["skills"]) == wanted


def test_a_group_may_have_one_and_bulk_knows_it(client, add):
    urn = URN.replace("User", "Group")
    add({"id": urn, "attributes": [{"name": "floor", "type": "integer"}]}, "--resource-type", "Group")
    operation = {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "Ward", urn: {"floor": 2}}}
    assert client.post("/Bulk", {"Operations": [operation]}).json()["Operations"][0]["status"] == "201"
    found = client.get("/Groups", filter=f"{urn}:floor eq 2").json()
    assert found["Resources"][0][urn] == {"floor": 2}
    assert client.get("/", filter=f"{urn}:floor pr").json()["totalResults"] == 1


def test_a_new_version_counts_from_the_next_request_on(client, add, jane, provider):
    grown = DOCUMENT | {"attributes": [*DOCUMENT["attributes"], {"name": "floor", "type": "integer"}]}
    assert client.get("/Users", filter=f"{URN}:floor eq 2").json()["scimType"] == "invalidFilter"
    add(grown)
    assert client.get("/Users", filter=f"{URN}:floor eq 2").json()["totalResults"] == 0
    version = Provider.objects.get(pk=provider.pk).schemas_version
    add(grown)
    assert Provider.objects.get(pk=provider.pk).schemas_version == version, "what changes nothing is no change"


@pytest.mark.parametrize(
    ("document", "options", "sentence"),
    [
        ({"id": "x"}, [], "attributes: must be a list"),
        (DOCUMENT, ["--resource-type", "Group"], "extends User already"),
        (DOCUMENT | {"attributes": [{"name": "beds"}]}, [], 'attributes["beds"].type: is "integer"'),
    ],
)
def test_the_command_names_the_place(client, add, document, options, sentence):
    with pytest.raises(CommandError) as refused:
        add(document, *options)
    assert sentence in str(refused.value)


def test_a_put_that_is_silent_keeps_what_goes_with_an_immutable_value(client, add):
    urn = "urn:example:kept:User"
    add({"id": urn, "attributes": [{"name": "imm", "mutability": "immutable"}, {"name": "req", "required": True}]})
    made = client.post("/Users", {"userName": "k@x", urn: {"imm": "i", "req": "r"}}).json()
    assert client.put(f"/Users/{made['id']}", {"userName": "k@x"}).json()[urn] == {"imm": "i", "req": "r"}
    off = client.patch(f"/Users/{made['id']}", {"op": "Replace", "path": "active", "value": "False"})
    assert off.status_code == 200, "whoever leaves can be disabled"


def test_an_extension_within_another_is_refused(client, add):
    with pytest.raises(CommandError, match="lies within another"):
        add({"id": f"{URN}:more", "attributes": [{"name": "a"}]})


def test_a_single_complex_value_with_a_value_is_changed_part_by_part(client, add):
    urn = "urn:example:level:User"
    subs = [{"name": "value"}, {"name": "type"}]
    add({"id": urn, "attributes": [{"name": "level", "type": "complex", "subAttributes": subs}]})
    made = client.post("/Users", {"userName": "l@x", urn: {"level": {"value": "a", "type": "t"}}}).json()
    sent = {"op": "replace", "path": f"{urn}:level", "value": {"type": "new"}}
    assert client.patch(f"/Users/{made['id']}", sent).json()[urn]["level"] == {"value": "a", "type": "new"}


def test_an_id_is_taken_from_an_address_only_where_it_is_one(client, add):
    urn = "urn:example:refs:User"
    subs = [{"name": "value", "type": "integer"}, {"name": "$ref", "type": "reference", "referenceTypes": ["external"]}]
    add({"id": urn, "attributes": [{"name": "refs", "type": "complex", "multiValued": True, "subAttributes": subs}]})
    made = client.post("/Users", {"userName": "r@x", urn: {"refs": [{"$ref": "https://x/abc"}]}}).json()
    assert made[urn]["refs"] == [{"$ref": "https://x/abc"}]
    assert client.get("/Users", filter=f"{urn}:refs[value gt 3]").json()["totalResults"] == 0


def test_an_id_that_is_a_number_is_not_taken_from_an_address(client, add):
    urn = "urn:example:boss:User"
    subs = [{"name": "value", "type": "integer"}, {"name": "$ref", "type": "reference", "referenceTypes": ["User"]}]
    add({"id": urn, "attributes": [{"name": "boss", "type": "complex", "subAttributes": subs}]})
    made = client.post("/Users", {"userName": "b@x", urn: {"boss": {"$ref": "https://x/Users/abc"}}}).json()
    assert made[urn]["boss"] == {"$ref": "https://x/Users/abc"}
    sent = {"op": "replace", "path": f"{urn}:boss.$ref", "value": "https://x/Users/abd"}
    assert client.patch(f"/Users/{made['id']}", sent).json()[urn]["boss"] == {"$ref": "https://x/Users/abd"}
    for asked in ("value gt 3", "value pr", "value eq 3", 'value eq "abc"'):
        assert client.get("/Users", filter=f"{urn}:boss.{asked}").status_code in (200, 400), asked


NUMBERS = f"{URN[:-5]}:Numbers"
OF_NUMBERS = {
    "id": NUMBERS,
    "attributes": [
        {"name": "count", "type": "integer"},
        {"name": "share", "type": "decimal"},
        {"name": "counts", "type": "integer", "multiValued": True},
        {
            "name": "steps",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [
                {"name": "value"},
                {"name": "size", "type": "integer"},
                {"name": "weight", "type": "decimal"},
                {"name": "primary", "type": "boolean"},
            ],
        },
    ],
}
AS_TEXT = {
    "count": "43",
    "share": "-1.5e2",
    "counts": ["1", "2", 1],
    "steps": [{"value": "a", "size": "7", "weight": "7"}, {"value": "b", "size": "-0", "weight": "0.25"}],
}
AS_NUMBERS = {
    "count": 43,
    "share": -150.0,
    "counts": [1, 2],
    "steps": [{"value": "a", "size": 7, "weight": 7}, {"value": "b", "size": 0, "weight": 0.25}],
}


@pytest.fixture
def counted(client, add):
    add(OF_NUMBERS)
    return client.post("/Users", {"userName": "n@x", NUMBERS: AS_TEXT}).json()


def test_a_number_in_text_is_a_number_in_every_request(client, counted):
    address = f"/Users/{counted['id']}"
    assert counted[NUMBERS] == AS_NUMBERS
    assert client.put(address, {"userName": "n@x", NUMBERS: AS_TEXT}).json()["meta"] == counted["meta"], "no change"
    for operation in (
        {"op": "Replace", "path": f"{NUMBERS}:count", "value": "43"},
        {"op": "Replace", "path": f"{NUMBERS}.count", "value": [{"$ref": None, "value": "43"}]},
        {"op": "add", "value": {NUMBERS: AS_TEXT}},
        {"op": "add", "value": {f"{NUMBERS}:share": "-150"}},
        {"op": "add", "path": f"{NUMBERS}:counts", "value": "2"},
        {"op": "replace", "path": f'{NUMBERS}:steps[size eq "7"].weight', "value": "7.0"},
        {"op": "remove", "path": f"{NUMBERS}:counts", "value": ["3"]},
    ):
        assert client.patch(address, operation).json()["meta"] == counted["meta"], operation
    made = client.patch(address, {"op": "add", "path": f'{NUMBERS}:steps[size eq "9"].value', "value": "c"}).json()
    assert made[NUMBERS]["steps"][-1] == {"size": 9, "value": "c"}
    fewer = client.patch(address, {"op": "remove", "path": f"{NUMBERS}:counts", "value": ["2"]}).json()
    assert fewer[NUMBERS]["counts"] == [1]


@pytest.mark.parametrize(
    "text",
    [
        'count eq "43"', 'count gt "42"', 'not ({0}:count lt "43")', 'share eq "-150"', 'share le "-1.5e2"', 'counts eq "2"',
        'counts[value eq "1"]', 'steps[size eq "7"]', 'steps[size eq "7" and value eq "a"]', 'steps[weight lt "0.3"]',
        'steps.size eq "7"', "steps[primary eq false]", 'steps[primary eq "False" and size eq "0"]', "not ({0}:steps[primary ne false])",
    ],
)  # fmt: skip
def test_a_number_in_text_is_a_number_in_filters(client, counted, text):
    query = text.replace("{0}", NUMBERS) if "{0}" in text else f"{NUMBERS}:{text}"
    found = client.get("/Users", filter=query).json()
    assert [one["userName"] for one in found["Resources"]] == ["n@x"], found


NO_NUMBERS = [
    "", "NaN", "Infinity", "-Infinity", "1e999", "٣", "４３", " 7 ", "7 ", "\n7", "0x10", "0b1", "1_000", "1,5", "+7", "007", "7.",
    ".5", "1e", "--1", "true", "null", "[7]", "9" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("text", [*NO_NUMBERS, "7.5", "1e3", "18446744073709551616", "-9223372036854775809"])
def test_what_is_no_whole_number_is_400(client, counted, text):
    address, path = f"/Users/{counted['id']}", f"{NUMBERS}:count"
    answers = [
        client.post("/Users", {"userName": "z@x", NUMBERS: {"count": text or "x"}}),
        client.patch(address, {"op": "replace", "path": f"{NUMBERS}:counts", "value": [text or "x"]}),
        client.patch(address, {"op": "replace", "path": f'{NUMBERS}:steps[value eq "a"].size', "value": text or "x"}),
        client.patch(address, {"op": "replace", "path": path, "value": text or "x"}),
    ]
    assert [(one.status_code, one.json()["scimType"]) for one in answers] == [(400, "invalidValue")] * 4
    assert client.get(address).json()[NUMBERS] == AS_NUMBERS


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("name", ["count", "share", "steps.weight"])
def test_a_filter_by_what_is_no_number_is_400(client, counted, name, text):
    answer = client.get("/Users", filter=f"{NUMBERS}:{name} eq {json.dumps(text)}")
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


@pytest.mark.parametrize("text", ["1e999", "NaN", "٣", "0x10", "-1e309", "9" * 390])
def test_what_is_no_decimal_is_400(client, counted, text):
    answer = client.post("/Users", {"userName": "z@x", NUMBERS: {"share": text}})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")


def test_the_bounds_of_numbers_are_those_of_json(client, counted):
    for text, number in (("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63))):
        answer = client.patch(f"/Users/{counted['id']}", {"op": "replace", "path": f"{NUMBERS}:count", "value": text})
        assert answer.json()[NUMBERS]["count"] == number


@pytest.mark.parametrize(
    ("path", "value", "name", "wanted"),
    [
        (f"{URN}.ward", "South", "ward", "South"),
        (f"{URN.upper()}.WARD", "South", "ward", "South"),
        (f"{URN}.shift.code", "D", "shift", {"code": "D"}),
        (f"{URN}.skills", ["x"], "skills", ["x"]),
        (f'{URN}.skills[value eq "triage"]', "x", "skills", ["Surgery", "x"]),
        (f'{URN}.keys[type eq "safe"].value', "k9", "keys", [FULL["keys"][0], FULL["keys"][1] | {"value": "k9"}]),
        (f'{URN}.keys[type eq "safe"]', {"value": "k9"}, "keys", [FULL["keys"][0], FULL["keys"][1] | {"value": "k9"}]),
    ],
)
def test_a_dot_before_an_attribute_of_its_own_is_read_as_a_colon(client, jane, path, value, name, wanted):
    address = f"/Users/{jane['id']}"
    answer = client.patch(address, {"op": "Replace", "path": path, "value": value})
    assert (answer.status_code, answer.json()[URN][name]) == (200, wanted)
    client.put(address, {"userName": "jane@x", URN: FULL})
    assert client.patch(address, {"op": "Replace", "value": {path: value}}).json()[URN][name] == wanted


def test_a_dot_before_a_list_removes_only_what_the_value_names(client, jane):
    removal = {"op": "Remove", "path": f"{URN}.skills", "value": ["triage"]}
    assert client.patch(f"/Users/{jane['id']}", removal).json()[URN]["skills"] == ["Surgery"]
    emails = [{"value": "a@x", "type": "work"}, {"value": "b@x", "type": "home"}]
    client.patch(f"/Users/{jane['id']}", {"op": "add", "path": f"{CORE_USER}.emails", "value": emails})
    removal = {"op": "Remove", "path": f"{CORE_USER}.emails", "value": [{"value": "a@x"}]}
    assert client.patch(f"/Users/{jane['id']}", removal).json()["emails"] == emails[1:]


@pytest.mark.parametrize(
    "text",
    [
        '{0}.ward eq "north"', "{0}.ward pr", '{0}.shift.code eq "N"', '{0}.keys[type eq "door"]', '{0}.keys.type eq "door"',
        '{0}.keys[type eq "door"].value eq "k1"', '{0}.skills co "tri"', 'not ({0}.ward eq "x") and {0}.beds gt 11',
    ],
)  # fmt: skip
def test_a_dot_before_an_attribute_of_its_own_is_read_in_queries(client, provider, jane, text):
    make_user(provider, "bert@x")
    found = client.get("/Users", filter=text.replace("{0}", URN)).json()
    assert [one["userName"] for one in found["Resources"]] == ["jane@x"], found
    assert client.get("", filter=text.replace("{0}", URN)).json()["totalResults"] == 1, "over all types"
    only = client.get(f"/Users/{jane['id']}", attributes=f"{URN}.beds,{URN}.shift.code").json()
    assert only[URN] == {"ward": "North", "beds": 12, "shift": {"code": "N"}}
    without = client.get(f"/Users/{jane['id']}", excludedAttributes=f"{URN}.beds,{CORE_USER}.name").json()
    assert without[URN] == {name: value for name, value in FULL.items() if name != "beds"}
    ordered = client.get("/Users", sortBy=f"{URN}.beds", sortOrder="descending").json()
    assert [one["userName"] for one in ordered["Resources"]] == ["bert@x", "jane@x"]


@pytest.mark.parametrize(
    "path",
    [
        f"{URN}.nothing", f"{URN}.ward.nothing", f"{URN}.shift.code.more", f'{URN}.nothing[type eq "x"].value', f"{CORE_USER}.nothing",
        f"{ENTERPRISE_USER}.nothing", f'{URN}:keys.value[type eq "door"]', f'{URN}.keys.value[type eq "door"]',
    ],
)  # fmt: skip
def test_an_unknown_attribute_after_a_dot_is_refused_and_never_left_out(client, jane, path):
    address = f"/Users/{jane['id']}"
    sent = [
        client.patch(address, {"op": "replace", "path": path, "value": "x"}),
        client.patch(address, {"op": "remove", "path": path, "value": ["x"]}),
        client.patch(address, {"op": "replace", "value": {path: "x"}}),
    ]
    if "[" in path and "." in path.partition("[")[0].removeprefix(URN + "."):
        sent.pop()  # no path at all, so no name of a member: it is left out and noted
    for answer in sent:
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidPath"), answer.content
    filtered = client.get("/Users", filter=f'{path} eq "x"').json()
    assert filtered["scimType"] == "invalidFilter"
    assert client.get(address).json()["meta"] == jane["meta"]


@pytest.mark.parametrize("name", [f"{URN}:ward", f"{URN}.ward", f"{URN.lower()}:WARD"])
def test_a_full_name_at_the_top_of_a_body_is_that_attribute(client, name):
    made = client.post("/Users", {"userName": "top@x", name: "9", f"{CORE_USER}:active": "False"}).json()
    assert (made[URN]["ward"], made["schemas"], made["active"]) == ("9", [CORE_USER, URN], False)
    put = client.put(f"/Users/{made['id']}", {"userName": "top@x", name: "8", URN: {"beds": 1}, "name.givenName": "T"})
    assert (put.json()[URN], put.json()["name"]) == ({"ward": "8", "beds": 1}, {"givenName": "T"})
    unknown = client.post("/Users", {"userName": "u@x", f"{URN}:nothing": "9", "urn:x:y": 1, "a.b": 2})
    assert unknown.status_code == 201
    assert client.post("/Users", {"userName": "v@x", f"{URN}:beds": "many"}).json()["scimType"] == "invalidValue"
    assert client.post("/Users", {"userName": "w@x", f"{URN}.nothing": "9"}).json()["scimType"] == "invalidPath"
