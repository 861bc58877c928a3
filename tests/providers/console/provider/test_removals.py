"""The pages of the removal limit: what waits, each decision in a dialog, and who was removed."""

import pytest
from django.utils import timezone

from providers import request_log
from providers.console.provider.removals import DECISIONS
from providers.models import ChangeEvent, HeldRemoval, Provider, Resource
from tests.factories import make_group
from tests.pages import read
from tests.providers.conftest import leave, removals_page


@pytest.fixture
def waiting(held):
    """The provider on hold, with three users who wait: people[5] to people[7]."""
    provider, client, people = held
    for person in people[4:8]:
        leave(client, person)
    return provider, client, people


def dialog(provider, name):
    return f"{removals_page(provider)}{name}/"


def ask(browser, provider, name):
    return read(browser.get(dialog(provider, name)))


def fields(page):
    return {field["name"]: field["value"] for field in page.all("input", type="hidden")}


def decide(browser, provider, name, *, sent=None, **more):
    sent = sent or fields(ask(browser, provider, name))
    return browser.post(dialog(provider, name), sent | more, follow=True)


def offered(page):
    return [name for name in DECISIONS if page.has("a", test_id=name)]


def test_the_page_shows_whom_it_concerns_and_what_can_be_decided(waiting, administrator):
    provider, client, people = waiting
    group = make_group(provider, "Ward", members=people[10:20])
    assert client.delete(f"/Groups/{group.pk}").status_code == 503
    page = read(administrator.get(removals_page(provider)))
    for part in ("13 users wait", "user00@contoso.com", "user04@contoso.com", "user07@contoso.com", "get 503"):
        assert part in page.text
    assert "Delete this group of 10 users" in page.one(test_id="waiting").text
    assert page.has("a", href=f"/eum/groups/{group.pk}/")
    assert page.one(test_id="waiting-count").text == "13" and page.one(test_id="removed-count").text == "5"
    assert offered(page) == ["allow", "reject", "end", "off"]
    assert page.one("a", test_id="allow").text == "Allow these 4…"
    assert not page.has("form", action=removals_page(provider))
    removed = read(administrator.get(page.one("a", test_id="removed")["href"]))
    assert [row[1] for row in removed.one(test_id="removed").rows] == [
        f"user0{number}@contoso.com" for number in range(5)
    ]


def test_each_dialog_says_how_many_and_who_and_starts_on_cancel(waiting, administrator):
    provider, _client, _people = waiting
    said = {
        "allow": ("Allow these 3 removals?", "3 users are affected", "Everybody else is still held"),
        "reject": ("Reject removals?", "403 for 3 users"),
        "end": ("End the hold?", "3 users who were held back", "at 5 users within an hour"),
        "off": ("Switch the removal limit off?", "3 users who wait are removed", "for 24 hours"),
    }
    for name, parts in said.items():
        page = ask(administrator, provider, name)
        assert all(part in page.text for part in parts), name
        assert "user05@contoso.com" in page.one(test_id="concerned").text
        assert page.one(test_id="cancel")["href"] == removals_page(provider)
        assert page.one(autofocus=True)["data-testid"] == "cancel"
        fragment = administrator.get(dialog(provider, name), headers={"X-Dialog": "asked"})
        assert read(fragment).one("button", test_id="cancel", autofocus=True)
    assert HeldRemoval.objects.allowed().count() == 0, "a look changes nothing"


def test_these_are_allowed_and_nobody_else_and_can_be_held_again(waiting, administrator):
    provider, client, people = waiting
    page = read(decide(administrator, provider, "allow"))
    assert "These removals are allowed. Everybody else is still held." in page.text
    assert page.one(test_id="waiting-count").text == "0" and "3 more users are allowed" in page.text
    assert "Allowed until" in page.one(test_id="waiting").text and offered(page) == ["reject", "end", "off", "again"]
    assert leave(client, people[5]).status_code == 200 and leave(client, people[8]).status_code == 503
    again = ask(administrator, provider, "again")
    assert "2 users who were allowed" in again.text and "user08" not in again.one(test_id="concerned").text
    assert "Removals are held again." in read(decide(administrator, provider, "again")).text
    assert leave(client, people[6]).status_code == 503
    audit = read(administrator.get("/eum/audit/")).text
    assert "allowed the removals of Contoso Entra ID that waited" in audit
    assert "held the removals of Contoso Entra ID again" in audit


def test_switched_off_for_a_time_everybody_passes_until_it_is_held_again(waiting, administrator):
    provider, client, people = waiting
    page = read(decide(administrator, provider, "off", hours="8"))
    assert "switched off until" in page.one(test_id="situation").text and offered(page) == ["again"]
    provider.refresh_from_db()
    assert round((provider.removals_count_from - timezone.now()).total_seconds() / 3600) == 8
    assert [leave(client, person).status_code for person in people[5:15]] == [200] * 10
    assert "That ends now" in ask(administrator, provider, "again").text
    decide(administrator, provider, "again")
    assert leave(client, people[15]).status_code == 503


def test_a_length_that_nobody_offers_is_the_shortest(waiting, administrator):
    provider, _client, _people = waiting
    decide(administrator, provider, "off", hours="9999")
    provider.refresh_from_db()
    assert round((provider.removals_count_from - timezone.now()).total_seconds() / 3600) == 1


def test_rejected_until_that_is_lifted(waiting, administrator):
    provider, client, people = waiting
    page = read(decide(administrator, provider, "reject"))
    assert "get 403" in page.text and offered(page) == ["lift", "off"]
    assert leave(client, people[5]).status_code == 403
    assert "The rejection is lifted" in read(decide(administrator, provider, "lift")).text
    assert leave(client, people[5]).status_code == 200
    history = read(administrator.get(f"/eum/providers/{provider.pk}/history/")).text
    assert "rejected further removals of" in history and "lifted the rejection" in history


def test_sent_twice_a_decision_is_made_once(waiting, administrator):
    provider, _client, _people = waiting
    for name in ("allow", "again", "reject", "lift"):
        sent = fields(ask(administrator, provider, name))
        decide(administrator, provider, name, sent=sent)
        events = ChangeEvent.objects.count()
        page = read(decide(administrator, provider, name, sent=sent))
        assert "nothing was changed now" in page.text or page.has(test_id="stale"), name
        assert ChangeEvent.objects.count() == events, name


def test_a_dialog_that_is_no_longer_true_is_shown_again_with_what_is(waiting, administrator):
    provider, client, people = waiting
    sent = fields(ask(administrator, provider, "allow"))
    client.delete(f"/Users/{people[5].pk}")
    answer = administrator.post(dialog(provider, "allow"), sent)
    page = read(answer)
    assert answer.status_code == 409 and "nothing was done" in page.one(test_id="stale").text
    assert "Delete" in page.one(test_id="concerned").text and not HeldRemoval.objects.allowed().exists()
    decide(administrator, provider, "allow", sent=fields(page))
    assert HeldRemoval.objects.allowed().count() == 3


def test_a_decision_that_is_not_possible_leads_back_and_an_unknown_one_is_404(waiting, administrator):
    provider, _client, _people = waiting
    assert administrator.get(dialog(provider, "lift")).url == removals_page(provider)
    assert administrator.post(dialog(provider, "lift")).url == removals_page(provider)
    assert administrator.get(dialog(provider, "x")).status_code == 404
    assert administrator.post(removals_page(provider)).status_code == 405


def test_ac_role_2_only_administrators_decide(waiting, support, operator):
    provider, _client, _people = waiting
    for browser in (support, operator):
        page = read(browser.get(removals_page(provider)))
        assert offered(page) == [] and "your decision" not in page.text.lower()
        assert "wait for an administrator's decision" in page.text
        assert page.one("a", test_id="next-step").text == "See who"
        for name in DECISIONS:
            assert browser.get(dialog(provider, name)).status_code == 403
            assert browser.post(dialog(provider, name)).status_code == 403
    provider.refresh_from_db()
    assert provider.held_at and ChangeEvent.objects.filter(kind="console.refused").count() == 2 * len(DECISIONS)
    masked = read(operator.get(removals_page(provider)))
    assert "user05@contoso.com" not in masked.source and "user01@contoso.com" not in masked.source


def test_an_administrator_reads_that_it_is_their_decision(waiting, administrator):
    provider, _client, _people = waiting
    page = read(administrator.get(removals_page(provider)))
    assert "Your decision" in page.text and page.one("a", test_id="next-step").text == "Decide"


def test_ac_role_4_an_operator_reads_no_name_of_the_removed(waiting, operator):
    provider, _client, _people = waiting
    page = read(operator.get(f"{removals_page(provider)}users/"))
    assert len(page.one(test_id="removed").rows) == 5
    assert "user00@" not in page.source and "u•••" in page.text


@pytest.mark.parametrize(
    "query", ["since=x", "since=2026-01-01&until=2026-02-31T00:00:00Z", "until=2020-01-01T00:00:00Z"]
)
def test_nonsense_in_the_address_of_the_removed_is_no_error(provider, administrator, query):
    page = read(administrator.get(f"{removals_page(provider)}users/?{query}"))
    assert "Nobody was removed in this time." in page.text


def test_the_removed_are_listed_with_what_they_are_now_and_come_back(waiting, administrator, support):
    provider, client, people = waiting
    client.patch(f"/Users/{people[0].pk}", {"op": "replace", "path": "active", "value": True})
    Provider.objects.update(removal_limit="warn")
    client.delete(f"/Users/{people[1].pk}")
    group = make_group(provider, members=people[10:12])
    client.delete(f"/Groups/{group.pk}")
    address = f"{removals_page(provider)}users/"
    page = read(administrator.get(address))
    rows = {row[1]: (row[2], row[4]) for row in page.one(test_id="removed").rows}
    assert rows["user00@contoso.com"] == ("Disabled", "Active")
    assert rows["user01@contoso.com"] == ("Deleted", "Deleted")
    assert rows["user10@contoso.com"] == ("Removed from their groups", "Active") and len(rows) == 7
    boxes = {box["value"] for box in page.all("input", type="checkbox")}
    assert boxes == {str(person.pk) for person in people[1:5]}
    other = read(support.get(address))
    assert not other.has("input", type="checkbox") and not other.has(test_id="restore-all")
    sent = fields(page) | {"all": "1"}
    asked = read(administrator.get("/eum/recycle-bin/restore/", sent))
    assert "1 user is restored" in asked.one(test_id="restore").text
    assert "3 users are enabled" in asked.one(test_id="enable").text
    done = read(administrator.post("/eum/recycle-bin/restore/", fields(asked), follow=True))
    assert "1 user is restored. 3 users are enabled." in done.text
    found = Resource.objects.filter(pk__in=[person.pk for person in people[:8]], active=True, deleted_at=None)
    assert found.count() == 8
    assert client.get(f"/Users/{people[1].pk}").json()["active"] is True, "disabled and deleted by these removals"


def test_the_pages_cost_the_same_for_few_and_many(held, administrator, django_assert_max_num_queries):
    provider, client, people = held
    for person in people[4:6]:
        leave(client, person)
    costs = []
    for more in ([], people[6:30]):
        for person in more:
            leave(client, person)
        request_log.writer.flush()
        for address in (removals_page(provider), dialog(provider, "allow"), f"{removals_page(provider)}users/"):
            with django_assert_max_num_queries(40) as captured:
                administrator.get(address)
            costs.append(len(captured))
    assert costs[:3] == costs[3:]


def test_the_former_address_leads_to_the_page(administrator, provider):
    answer = administrator.get(removals_page(provider).replace("removals", "departures"))
    assert answer.status_code == 302 and answer["Location"] == removals_page(provider)
