"""Lists on Django's change list: pages, counting, and the lookups that an address can have (AC-USR-4)."""

import pytest

from tests.factories import make_user
from tests.pages import read
from tests.providers.console.conftest import names


def test_ac_usr_4_fifty_a_page_and_few_queries(support, provider, django_assert_max_num_queries):
    for number in range(60):
        make_user(provider, f"user{number:02}@contoso.com", displayName=f"User {number:02}")
    # session, account, rights (2), provider filter, count, people: the same for 1 and for 50
    # and for a search its limit of time (3)
    with django_assert_max_num_queries(15):
        assert len(names(support.get("/eum/users/?q=user+contoso"))) == 50
    with django_assert_max_num_queries(12):
        answer = support.get("/eum/users/")
    assert len(names(answer)) == 50 and "60 users" in read(answer).text
    assert len(names(support.get("/eum/users/?p=2"))) == 10
    assert names(support.get("/eum/users/?o=0"))[0] == "User 00"


def test_ac_usr_4_counting_stops_somewhere(support, provider, monkeypatch):
    monkeypatch.setattr("providers.console.frame.lists.COUNT_LIMIT", 2)
    for number in range(4):
        make_user(provider, f"user{number}@contoso.com")
    assert "more than 2 users" in read(support.get("/eum/users/")).text


@pytest.mark.parametrize("lookup", ["user_name__startswith", "document__title", "provider__title", "folded"])
def test_a_reader_cannot_make_up_lookups(operator, provider, lookup):
    make_user(provider, "jane@contoso.com")
    assert operator.get("/eum/users/", {lookup: "j"}).status_code == 400
