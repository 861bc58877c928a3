"""A schema extension's document (RFC 7643 §7): checked with the place of each fault."""

import copy

import pytest

from scim.protocol.attributes import ENTERPRISE_USER
from scim.protocol.definitions import (
    DefinitionError,
    check_compatible,
    check_secrets,
    read_definition,
    secret_names,
)

URN = "urn:example:params:scim:schemas:extension:care:1.0:User"


def document(*attributes, **changed):
    return {"id": URN, "name": "Care", "attributes": list(attributes) or [{"name": "ward"}]} | changed


def problems(given):
    with pytest.raises(DefinitionError) as refused:
        read_definition(given)
    return [(problem.place, problem.reason) for problem in refused.value.problems]


def test_every_characteristic_is_spelled_out():
    schema = read_definition(document({"name": "ward"}))
    assert schema.document["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Schema"]
    assert schema.document["attributes"] == [
        {
            "name": "ward",
            "type": "string",
            "multiValued": False,
            "description": "",
            "required": False,
            "caseExact": False,
            "mutability": "readWrite",
            "returned": "default",
            "uniqueness": "none",
        }
    ]
    assert read_definition(schema.document).document == schema.document


SUB = {"name": "a", "type": "complex", "multiValued": True}


@pytest.mark.parametrize(
    ("given", "place", "part"),
    [
        ([], "", "one JSON object"),
        (document(id="care"), "id", "URN"),
        (document(id=None), "id", "URN"),
        (document(id=ENTERPRISE_USER.upper()), "id", "every provider has"),
        (document(id=f"{ENTERPRISE_USER}:ward"), "id", "every provider has"),
        (document(id="urn:example:ext:1.0"), "id", "URN"),
        (document(id="urn:example:a(b):User"), "id", "URN"),
        (document(id="urn:example:User:"), "id", "URN"),
        (document({"name": "a", "type": "complex", "subAttributes": [{"name": "b", "multiValued": True}]}),
         "attributes[0].subAttributes[0].multiValued", "must be false"),
        (document({"name": "a", "subAttributes": None}), "attributes[0].subAttributes", "only an attribute"),
        (document({"type": "string"}, {"type": "string"}), "attributes[1].name", "a letter"),
        (document({"name": "a", "canonicalValues": ["x" * 300_000]}), "", "more than 256 KiB"),
        (document(attributes=[]), "attributes", "list of 1 to 200"),
        (document(attributes=None), "attributes", "list of 1 to 200"),
        (document(atributes=[]), "", 'Did you mean "attributes"?'),
        (document(description=5), "description", "text"),
        (document(name="\ud800"), "name", "text"),
        (document("ward"), "attributes[0]", "an object"),
        (document({"type": "string"}), "attributes[0].name", "a letter"),
        (document({"name": "a b"}), "attributes[0].name", "a letter"),
        (document({"name": "$ref"}), "attributes[0].name", "a letter"),
        (document({"name": "Schemas"}), "attributes[0].name", "reserved"),
        (document({"name": "a"}, {"name": "A"}), "attributes[1].name", "twice"),
        (document({"name": "a", "type": "text"}), "attributes[0].type", "must be string |"),
        (document({"name": "a", "type": ["string"]}), "attributes[0].type", "must be string |"),
        (document({"name": "a", "multivalued": True}), "attributes[0]", 'Did you mean "multiValued"?'),
        (document({"name": "a", "multiValued": "true"}), "attributes[0].multiValued", "true or false"),
        (document({"name": "a", "mutability": "readOnly"}), "attributes[0].mutability", "has no value for it"),
        (document({"name": "a", "mutability": "writeOnly"}), "attributes[0].mutability", "nobody can read"),
        (document({"name": "a", "returned": "never"}), "attributes[0].returned", "nobody can read"),
        (document({"name": "a", "uniqueness": "server"}), "attributes[0].uniqueness", "not checked"),
        (document({"name": "a", "canonicalValues": "x"}), "attributes[0].canonicalValues", "list of text"),
        (document({"name": "a", "subAttributes": [{"name": "b"}]}), "attributes[0].subAttributes", "only an attribute"),
        (document({"name": "a", "type": "complex"}), "attributes[0].subAttributes", "list of 1 to 200"),
        (document({**SUB, "subAttributes": [{"name": "b", "type": "complex"}]}),
         "attributes[0].subAttributes[0].type", "cannot be complex"),
        (document({**SUB, "subAttributes": [{"name": "b", "mutability": "immutable"}]}),
         "attributes[0].subAttributes[0].mutability", "no identity"),
        (document({**SUB, "subAttributes": [{"name": "b"}, {"name": "c", "type": "int"}]}),
         "attributes[0].subAttributes[1].type", "integer"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(given, place, part):
    found = problems(given)
    assert [one for one in found if one[0] == place and part in one[1]], found


def test_all_faults_are_told_at_once():
    assert len(problems(document({"name": "1"}, {"name": "a", "type": "text"}, id="x"))) == 3


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("type", "integer", 'attributes["ward"].type'),
        ("multiValued", True, 'attributes["ward"].multiValued'),
        ("caseExact", True, 'attributes["ward"].caseExact'),
        ("name", "Ward", 'attributes["ward"].name'),
        ("name", "bed", "attributes"),
        ("required", True, 'attributes["ward"].required'),
    ],
)
def test_what_values_rest_on_cannot_change(name, value, place):
    old = read_definition(document({"name": "ward"}))
    with pytest.raises(DefinitionError) as refused:
        check_compatible(old, read_definition(document({"name": "ward", name: value})))
    assert refused.value.problems[0].place == place


def test_attributes_may_join_and_loosen():
    before = document({**SUB, "subAttributes": [{"name": "b", "required": True}]})
    after = copy.deepcopy(before)
    after["attributes"][0]["subAttributes"] = [{"name": "b", "description": "x"}, {"name": "c"}]
    after["attributes"].append({"name": "d"})
    check_compatible(read_definition(before), read_definition(after))
    with pytest.raises(DefinitionError, match=r'attributes\["a"\].subAttributes: "c" is missing'):
        check_compatible(read_definition(after), read_definition(before))


def test_what_joins_is_not_required_of_those_who_are_there():
    old = read_definition(document({"name": "ward"}))
    with pytest.raises(DefinitionError, match="have no value of it yet"):
        check_compatible(old, read_definition(document({"name": "ward"}, {"name": "beds", "required": True})))


NAMED_SECRET = [
    ({"name": "password"}, "password"),
    ({"name": "userPassword2"}, "userPassword2"),
    ({"name": "API-Token"}, "API-Token"),
    ({"name": "clientSecret", "type": "boolean"}, "clientSecret"),
    ({"name": "login", "type": "complex", "subAttributes": [{"name": "id"}, {"name": "PASSWORD"}]}, "login.PASSWORD"),
]


@pytest.mark.parametrize(("attribute", "name"), NAMED_SECRET)
def test_l10_v6_an_attribute_that_names_a_secret_is_refused(attribute, name):
    schema = read_definition(document({"name": "ward"}, attribute))
    assert secret_names(schema) == [name]
    with pytest.raises(DefinitionError) as refused:
        check_secrets(schema, None)
    assert [problem.place for problem in refused.value.problems] == [f'attributes["{name}"]']
    check_secrets(schema, schema)
    other = read_definition(document({"name": "ward"}, attribute, {"name": "accessToken"}))
    with pytest.raises(DefinitionError) as refused:
        check_secrets(other, schema)
    assert [problem.place for problem in refused.value.problems] == ['attributes["accessToken"]']
