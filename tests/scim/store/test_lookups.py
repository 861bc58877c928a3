"""Lists of one resource: they are what the ordinary way would give, by a statement that is planned once."""

import pytest

from scim.store import lookups
from tests.factories import make_group, make_provider, make_user


@pytest.fixture
def client(provider, scim):
    return scim(provider)


def both_ways(client, monkeypatch, path, **query):
    """The response by look-up, and the one by an ordinary page."""
    looked_up = client.get(path, **query)
    with monkeypatch.context() as patched:
        patched.setattr(lookups, "_COLUMNS", {})
        return looked_up.content, client.get(path, **query).content


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/Users", {"filter": 'userName eq "JANE@x"'}),
        ("/Users", {"filter": 'userName eq "nobody"'}),
        ("/Users", {"filter": 'userName eq "jane@x"', "count": "1"}),
        ("/Users", {"filter": 'userName eq "jane@x"', "count": "0"}),
        ("/Users", {"filter": 'userName eq "jane@x"', "startIndex": "2"}),
        ("/Users", {"filter": 'userName eq "jane@x"', "sortBy": "userName"}),
        ("/Users", {"filter": 'userName eq "jane@x"', "attributes": "userName,groups"}),
        ("/Users", {"filter": 'userName eq "jane@x"', "excludedAttributes": "groups,meta"}),
        ("/Users", {"filter": 'userName ne "jane@x"'}),
        ("/Users", {"filter": 'externalId eq "e1"'}),
        ("/Users", {"filter": 'externalId eq "E1"'}),
        ("/Users", {"filter": 'externalId eq "twice"'}),
        ("/Users", {"filter": 'externalId eq "twice"', "count": "1"}),
        ("/Groups", {"filter": 'displayName eq "CARE"'}),
        ("/Groups", {"filter": 'displayName eq "care"', "excludedAttributes": "members"}),
        ("/Groups", {"filter": 'externalId eq "g1"', "attributes": "displayName"}),
    ],
)
def test_a_look_up_answers_as_an_ordinary_page_does(client, provider, monkeypatch, path, query):
    jane = make_user(provider, "jane@x", externalId="e1")
    make_user(provider, "john@x", externalId="twice")
    make_user(provider, "jill@x", externalId="twice")
    make_group(provider, "Care", [jane], externalId="g1")
    looked_up, ordinary = both_ways(client, monkeypatch, path, **query)
    assert looked_up == ordinary


def test_a_look_up_finds_neither_what_is_deleted_nor_what_is_another_s(client, provider):
    stranger = make_provider()
    make_user(stranger, "jane@x", externalId="e1")
    jill = make_user(provider, "jill@x")
    assert client.delete(f"/Users/{jill.pk}").status_code == 204
    for sent in ('userName eq "jane@x"', 'externalId eq "e1"', 'userName eq "jill@x"'):
        assert client.get("/Users", filter=sent).json()["totalResults"] == 0, sent


def test_a_look_up_is_one_statement(client, provider, django_assert_num_queries):
    make_user(provider, "jane@x")
    with django_assert_num_queries(2):  # the caller, and the user
        assert client.get("/Users", filter='userName eq "jane@x"').json()["totalResults"] == 1
