"""Conditions as SQL: the same answer as the evaluator in plain Python, whatever the attribute."""

import itertools
import json
import re

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.conditions import bind
from scim.protocol.filters import parse_filter
from scim.protocol.listing import ListQuery, read_filter
from scim.store import verbs
from tests.factories import make_group, make_provider, make_user
from tests.scim.store.evaluator import matches
from tests.scim.store.plans import IDS_ONLY, fill_users, plan, statements

PEOPLE = [
    {
        "userName": "Anna@X",
        "title": "Nurse",
        "active": True,
        "emails": [{"type": "work", "value": "a@x", "primary": True}],
    },
    {
        "userName": "bert_x",
        "active": False,
        "name": {"familyName": "Vance"},
        "emails": [{"type": "home", "value": "B@x"}],
    },
    {
        "userName": "c%d",
        "externalId": "Ext-1",
        "emails": [{"type": "work", "value": "c@x"}, {"type": "home", "value": "h@x"}],
    },
    {"userName": "Ülkü", "displayName": "Ülkü", ENTERPRISE_USER: {"department": "Care", "manager": {"value": "m1"}}},
    {"userName": "e\\f", "title": 'q"uote', "roles": [{"value": "r", "primary": False}], "profileUrl": "https://X/e"},
]


FILTERS = [
    'userName eq "anna@x"', 'userName eq "ANNA@X"', 'userName ne "anna@x"', 'userName sw "B"', 'userName co "_"',
    'userName co "%"', 'userName ew "\\\\f"', 'userName gt "b"', 'userName le "bert_x"', 'userName eq "ülkü"', "userName pr",
    'externalId eq "Ext-1"', 'externalId eq "ext-1"', "externalId pr", "not (externalId pr)", "externalId eq null",
    "active eq true", "active eq false", "active ne true", 'active eq "False"', "not (active eq true)",
    'title eq "NURSE"', 'title co "urs"', 'title eq "q\\"uote"', 'title gt "a"', 'title ne "Nurse"', "title pr",
    'name.familyName eq "vance"', 'name.familyName sw "va"', "name pr", "name.givenName pr", 'not (name.familyName eq "vance")',
    'emails eq "a@x"', 'emails.value eq "b@X"', 'emails.value co "@x"', 'emails.type ne "work"', "emails pr", "emails.primary pr",
    'emails[type eq "work"]', 'emails[type eq "work" and value eq "h@x"]', 'emails[type eq "home" and value co "h"]',
    'emails[not (type eq "work")]', 'emails[type eq "work"].value eq "c@x"', 'emails[type eq "home" or primary eq true]',
    'emails[primary eq "True"]', "emails[primary pr]", 'emails[value gt "b"]', 'not (emails[type eq "work"])',
    "roles[primary eq false]", "emails[primary eq false]", "emails[primary ne false]", "emails[primary ne true]",
    "emails[not (primary eq true)]", "emails[not (primary eq false)]", "emails.primary eq false", "emails.primary ne true",
    'emails[type eq "home" and primary eq false]', 'emails[primary eq "False" and value co "h"]', "not (emails[primary eq false])",
    'emails[primary eq false or type eq "work"]', "emails[primary eq false and primary eq true]", "emails[not (primary pr)]",
    "emails[primary eq null]", "roles[primary ne false]", "photos[primary eq false]", 'profileUrl eq "https://X/e"', 'profileUrl eq "https://x/e"', 'photos pr',
    f'{ENTERPRISE_USER}:department eq "care"', f'{ENTERPRISE_USER}:manager eq "m1"', f'{ENTERPRISE_USER}:manager.value eq "M1"',
    'manager eq "m1"', f"{ENTERPRISE_USER}:department pr", f"{ENTERPRISE_USER} pr", f'schemas eq "{ENTERPRISE_USER}"',
    'userName sw "a" or active eq false and title pr', '(userName sw "a" or active eq false) and title pr',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "anna@x"', "USERNAME eq \"anna@x\"",
]  # fmt: skip


def found(provider, text, resource_type=USER):
    query = ListQuery(read_filter(text, [resource_type], LIBERAL), count=1_000)
    page = verbs.list_resources(provider.pk, [(resource_type, IDS_ONLY)], query, LIBERAL)
    assert page.total == len(page.resources)
    return {json.loads(body)["id"] for _, body in page.resources}


@pytest.fixture
def people(provider):
    return [
        make_user(provider, **dict(person))
        for person in ({"user_name": one.pop("userName"), **one} for one in map(dict, PEOPLE))
    ]


def test_sql_answers_as_the_evaluator_does(provider, people):
    some = 0
    for text in FILTERS:
        condition = bind(parse_filter(text), USER, LIBERAL)
        wanted = {str(user.pk) for user in people if matches(condition, user.document)}
        assert found(provider, text) == wanted, text
        some += bool(wanted) and len(wanted) < len(people)
    assert some > 40, "the table must tell filters apart"


def _combined(grown):
    return st.one_of(
        st.builds(lambda one, two, word: f"({one}) {word} ({two})", grown, grown, st.sampled_from(["and", "or"])),
        st.builds(lambda one: f"not ({one})", grown),
    )


_texts = st.sampled_from(["a", "A", "b%", "_", "é", "É", "x\\", '"', "ß", ""])


_person = st.fixed_dictionaries(
    {},
    optional={
        "title": _texts,
        "displayName": _texts,
        "externalId": _texts,
        "active": st.booleans(),
        "name": st.fixed_dictionaries({}, optional={"givenName": _texts, "familyName": _texts}),
        "emails": st.lists(
            st.fixed_dictionaries({"value": _texts}, optional={"type": _texts, "primary": st.booleans()}), max_size=3
        ),
        ENTERPRISE_USER: st.fixed_dictionaries({}, optional={"department": _texts}),
    },
)


_ops = st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])


_text_paths = st.sampled_from(
    [
        "title",
        "displayName",
        "externalId",
        "name.givenName",
        "emails.value",
        "emails.type",
        "emails",
        f"{ENTERPRISE_USER}:department",
    ]
)


_text_terms = st.builds(lambda path, op, value: f"{path} {op} {json.dumps(value)}", _text_paths, _ops, _texts)


_present = st.builds(lambda path: f"{path} pr", st.one_of(_text_paths, st.sampled_from(["active", "emails.primary"])))


_flags = st.builds(
    lambda path, op, value: f"{path} {op} {json.dumps(value)}",
    st.sampled_from(["active", "emails.primary"]),
    st.sampled_from(["eq", "ne"]),
    st.one_of(st.booleans(), st.none()),
)


_inner = st.builds(
    lambda path, op, value: f"{path} {op} {json.dumps(value)}", st.sampled_from(["value", "type"]), _ops, _texts
)


_inners = st.recursive(_inner, _combined, max_leaves=3)


_filters = st.recursive(
    st.one_of(_text_terms, _present, _flags, _inners.map(lambda inner: f"emails[{inner}]")), _combined, max_leaves=5
)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(persons=st.lists(_person, min_size=1, max_size=4), text=_filters)
def test_sql_and_evaluator_agree_on_generated_people(provider, persons, text):
    from django.db import transaction

    with transaction.atomic():
        users = [make_user(provider, **person) for person in persons]
        condition = bind(parse_filter(text), USER, LIBERAL)
        wanted = {str(user.pk) for user in users if matches(condition, user.document)}
        assert found(provider, text) == wanted, (text, [user.document for user in users])
        transaction.set_rollback(True)


def test_relations_are_filtered_from_either_side(provider):
    anna, bert = make_user(provider, "anna"), make_user(provider, "bert", displayName="Bert B")
    care = make_group(provider, "Care", [anna, bert])
    empty = make_group(provider, "Empty")
    nested = make_group(provider, "Nested", [care])
    cases = [
        (GROUP, f'members eq "{anna.pk}"', {care}),
        (GROUP, f'members.value eq "{anna.pk}"', {care}),
        (GROUP, f'members[value eq "{anna.pk}"]', {care}),
        (GROUP, f'id eq "{care.pk}" and members eq "{anna.pk}"', {care}),
        (GROUP, f'members eq "{anna.pk}" and id eq "{empty.pk}"', set()),
        (GROUP, 'members.display eq "BERT B"', {care}),
        (GROUP, 'members.type eq "Group"', {nested}),
        (GROUP, "members pr", {care, nested}),
        (GROUP, "not (members pr)", {empty}),
        (GROUP, 'members eq "no id"', set()),
        (USER, f'groups eq "{care.pk}"', {anna, bert}),
        (USER, 'groups.display eq "care" and userName eq "anna"', {anna}),
        (USER, "groups pr", {anna, bert}),
    ]
    for resource_type, text, wanted in cases:
        assert found(provider, text, resource_type) == {str(one.pk) for one in wanted}, text


@pytest.mark.parametrize("policy", [LIBERAL, STRICT])
def test_empty_text_compares_with_references_and_clears_none(provider, policy):
    care = make_group(provider, "Care", [make_user(provider)])
    for text, wanted in (('members eq ""', False), ('members.$ref co ""', True), ('members[value ne ""]', True)):
        page = verbs.list_resources(
            provider.pk, [(GROUP, IDS_ONLY)], ListQuery(read_filter(text, [GROUP], policy)), policy
        )
        assert [json.loads(body)["id"] for _, body in page.resources] == [str(care.pk)] * wanted, text


def test_times_and_ids(provider):
    user = make_user(provider)
    shown = user.last_modified.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    for text in (
        f'meta.lastModified ge "{shown}" and meta.lastModified le "{shown}"',
        f'meta.created eq "{shown}"',
        'meta.created gt "2020-01-01T00:00:00Z"',
        f'id eq "{user.pk}"',
        f'id sw "{str(user.pk)[:8]}"',
        'meta.resourceType eq "User"',
        f'meta.location ew "{user.pk}"',
        'not (id eq "x")',
    ):
        assert found(provider, text) == {str(user.pk)}, text
    assert found(provider, 'meta.created lt "2020-01-01T00:00:00+01:00"') == set()
    assert found(provider, 'id eq "x"') == set()


@pytest.mark.parametrize(
    "value", ["'; DROP TABLE providers_resource; --", "%s", "%(x)s", "${7*7}", "{{7*7}}", "\\'", '"']
)
def test_v33_values_reach_sql_as_values_only(provider, value):
    user = make_user(provider, value)
    assert found(provider, f"userName eq {json.dumps(value)}") == {str(user.pk)}
    assert found(provider, f"title co {json.dumps(value)}") == set()


def test_v34_wildcards_match_themselves_only(provider, people):
    assert found(provider, 'userName co "%"') == {str(people[2].pk)}
    assert found(provider, 'userName co "_"') == {str(people[1].pk)}


REALLY_SENT = [
    ('userName eq "u77"', USER, "unique_user_name"),
    ('externalId eq "e77"', USER, "resource_external_id"),
    ('emails[type eq "work"].value eq "u77"', USER, "sought_indexed"),
    ('emails.value eq "u77"', USER, "sought_indexed"),
    ('emails[type eq "work" and value eq "u77"]', USER, "sought_indexed"),
    ('emails.value eq "u77" or emails.value eq "u78"', USER, "sought_indexed"),
    ('manager eq "m77"', USER, "sought_indexed"),
    ('id eq "{id}" and manager eq "m77"', USER, "^(?!.*sought)[^$]*(resource_list|providers_resource_pkey)"),
    ('phoneNumbers.value eq "p77"', USER, "sought_indexed"),
    (f'{ENTERPRISE_USER}:employeeNumber eq "n77"', USER, "sought_indexed"),
    ('id eq "{id}"', USER, "resource_list|providers_resource_pkey"),
    ('externalId eq "e77" and active eq true', USER, "resource_external_id"),
    ("active eq false", USER, "resource_disabled"),
    ("active eq true", USER, "resource_list"),
    ('displayName eq "u77"', USER, "display_name"),
    ('displayName eq "care"', GROUP, "display_name"),
    ('externalId eq "e77"', GROUP, "resource_external_id"),
    ('members eq "{id}"', GROUP, "membership_of_member"),
    ('members[value eq "{id}"]', GROUP, "membership_of_member"),
    ('id eq "{group}" and members eq "{id}"', GROUP, "unique_current_membership"),
    ('groups.value eq "{group}"', USER, "unique_current_membership"),
]


def test_what_clients_really_filter_by_uses_an_index_after_ten_runs_too(provider):
    ids = fill_users(provider.pk, 20_000)
    fill_users(make_provider().pk, 20_000)
    for number in range(200):
        group = make_group(provider, f"Group {number}", ids[number : number + 50])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_resource; ANALYZE providers_sought; ANALYZE providers_membership")
    for count, (form, resource_type, index) in itertools.product((1, 100), REALLY_SENT):
        text = form.replace("{id}", ids[76]).replace("{group}", str(group.pk))
        query = ListQuery(read_filter(text, [resource_type], LIBERAL), count=count)
        asked = [(resource_type, IDS_ONLY)]
        for _ in range(10):
            (sent, *_rest) = statements(lambda q=query, a=asked: verbs.list_resources(provider.pk, a, q, LIBERAL))
        steps = "\n".join(plan(sent))
        assert re.search(index, steps) and "Seq Scan on providers_resource " not in steps, (query, steps)
