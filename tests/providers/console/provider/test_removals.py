"""The page where an administrator decides about removals that are held."""

from providers.models import ChangeEvent
from tests.pages import read
from tests.providers.conftest import leave, removals_page


def test_the_page_shows_whom_it_concerns_and_decides(held, administrator):
    provider, client, people = held
    for person in people[4:8]:
        leave(client, person)
    page = read(administrator.get(removals_page(provider)))
    for part in (
        "user00@contoso.com",
        "user04@contoso.com",
        "user07@contoso.com",
        "get 503",
    ):
        assert part in page.text
    assert page.has(test_id="release")
    assert page.one(test_id="waiting-count").text == "3" and page.one(test_id="removed-count").text == "5"
    left = read(administrator.get(page.one("a", test_id="removed")["href"]))
    assert len(left.one(test_id="timeline").all("li")) == 5
    administrator.post(removals_page(provider), {"act": "reject"})
    rejected = read(administrator.get(removals_page(provider)))
    assert "get 403" in rejected.text and rejected.has(test_id="lift")
    administrator.post(removals_page(provider), {"act": "release"})
    released = read(administrator.get(removals_page(provider)))
    assert "No removals are held back." in released.text and "All removals are allowed until" in released.text
    history = read(administrator.get(f"/eum/providers/{provider.pk}/history/"))
    assert "allowed the removals of" in history.text and "rejected further removals" in history.text


def test_ac_role_2_only_administrators_decide(held, support, operator):
    provider, client, people = held
    for person in people[4:6]:
        leave(client, person)
    for browser in (support, operator):
        assert not read(browser.get(removals_page(provider))).has(name="act")
        assert browser.post(removals_page(provider), {"act": "release"}).status_code == 403
    provider.refresh_from_db()
    assert provider.held_at and ChangeEvent.objects.filter(kind="console.refused").count() == 2
    masked = read(operator.get(removals_page(provider)))
    assert "user05@contoso.com" not in masked.source and "user01@contoso.com" not in masked.source


def test_a_decision_that_nobody_offers_does_nothing(held, administrator):
    provider, client, people = held
    leave(client, people[4])
    assert administrator.post(removals_page(provider), {"act": "x"}).status_code == 302
    provider.refresh_from_db()
    assert provider.held_at


def test_the_former_address_leads_to_the_page(administrator, provider):
    answer = administrator.get(removals_page(provider).replace("removals", "departures"))
    assert answer.status_code == 302 and answer["Location"] == removals_page(provider)
