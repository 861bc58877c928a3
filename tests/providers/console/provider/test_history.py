"""A provider's history, by its page (AC-PROV-3)."""

import pytest

from scim.protocol.attributes import USER
from scim.store import verbs
from tests.factories import call, make_user
from tests.pages import provider_page, read


def test_the_history_pages_by_fifty_and_shows_people_on_request(administrator, provider):
    for number in range(52):
        make_user(provider, f"user{number}@contoso.com")
    path = provider_page(provider, "history/")
    acts = read(administrator.get(path))
    assert "added provider" in acts.text and "user1@contoso.com" not in acts.source
    first = read(administrator.get(f"{path}?what=people"))
    assert len(first.one(test_id="timeline").all("li")) == 50 and "user51@contoso.com" in first.text
    second = read(administrator.get(path + first.one("a", text="Older")["href"]))
    assert len(second.one(test_id="timeline").all("li")) == 2 and "user0@contoso.com" in second.text


def test_ac_role_4_the_history_of_people_is_masked_for_operators(operator, provider):
    make_user(provider, "jane@contoso.com")
    page = read(operator.get(provider_page(provider, "history/?what=people")))
    assert "jane@contoso.com" not in page.source and "j•••@contoso.com" in page.text


@pytest.mark.parametrize("query", ["what=x", "before=x", "since=x&until=2026-02-31T00:00:00Z", "since=2026-01-01"])
def test_nonsense_in_the_address_of_the_history_shows_all(administrator, provider, query):
    assert "added provider" in read(administrator.get(provider_page(provider, f"history/?{query}"))).text


def test_links_in_mails_of_earlier_versions_show_the_same_users(administrator, provider):
    user = make_user(provider, "jane@contoso.com")
    verbs.delete(call(provider, USER), str(user.pk))
    former, present = (
        read(administrator.get(provider_page(provider, f"history/?what={name}"))) for name in ("leavers", "removals")
    )
    assert "jane@contoso.com" in present.one(test_id="timeline").text
    assert former.one(test_id="timeline").text == present.one(test_id="timeline").text


def test_who_was_disabled_on_a_day_is_two_clicks_away(support, provider, scim):
    user, other = make_user(provider, "jane@contoso.com"), make_user(provider, "joe@contoso.com")
    scim(provider).patch(f"/Users/{user.pk}", {"op": "replace", "path": "active", "value": False})
    path = provider_page(provider, "history/")
    kinds = read(support.get(path)).one("nav", class_="switch", aria_label="What")
    days = read(support.get(path + kinds.one("a", text="Users disabled or deleted")["href"])).one(test_id="days")
    shown = {word: read(support.get(path + days.one("a", text=word)["href"])) for word in ("Today", "Yesterday")}
    assert "jane@contoso.com" in shown["Today"].one(test_id="timeline").text
    assert other.user_name not in shown["Today"].source
    assert "Nothing on this day." in shown["Yesterday"].text
    assert "Nothing on this day." in read(support.get(f"{path}?day=nonsense")).text
