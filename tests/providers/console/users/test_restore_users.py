"""Deleted users are chosen in the list, by ticks or all of a filter, and come back together after a preview."""

import pytest

from providers import removal_undo
from providers.console.users import restore_users
from providers.models import ChangeEvent, Resource
from tests.factories import make_user
from tests.pages import read

RESTORE = "/eum/recycle-bin/restore/"
LIST = "/eum/users/?status=removed"


@pytest.fixture
def deleted(provider, scim):
    users = [make_user(provider, f"user{number}@contoso.com", displayName=f"User {number}") for number in range(4)]
    client = scim(provider)
    for user in users:
        client.delete(f"/Users/{user.pk}")
    return users


def fields(page):
    hidden = page.all("input", type="hidden")
    return {field["name"]: [own["value"] for own in hidden if own["name"] == field["name"]] for field in hidden}


def back():
    return set(Resource.objects.filter(resource_type="User", deleted_at=None).values_list("user_name", flat=True))


def test_the_list_of_deleted_users_offers_to_choose_and_no_other_list_does(administrator, support, deleted, provider):
    make_user(provider, "live@contoso.com")
    page = read(administrator.get(LIST))
    assert {box["value"] for box in page.all("input", type="checkbox", name="user")} == {str(one.pk) for one in deleted}
    assert page.one(test_id="restore-all").text == "Restore all of this filter (4 users)…"
    assert page.has("input", label="User 0", type="checkbox")
    for browser, address in ((administrator, "/eum/users/"), (support, LIST), (administrator, f"{LIST}x")):
        assert not read(browser.get(address)).has("input", name="user", type="checkbox")


def test_ticked_users_come_back_after_a_preview_that_starts_on_cancel(administrator, deleted):
    asked = read(administrator.get(RESTORE, {"user": [deleted[0].pk, deleted[2].pk], "filter": "status=removed"}))
    assert "2 users are restored" in asked.text and "User 0" in asked.text and "User 1" not in asked.text
    assert asked.one(autofocus=True)["href"] == LIST and back() == set()
    done = read(administrator.post(RESTORE, fields(asked), follow=True))
    assert "2 users are restored. The directory does not notice this" in done.text
    assert back() == {"user0@contoso.com", "user2@contoso.com"}
    audit = read(administrator.get("/eum/audit/?action=users.restored")).text
    assert "undid the removal of several users of Contoso Entra ID" in audit


def test_all_of_a_filter_come_back_and_nobody_else(administrator, deleted, stranger):
    other = make_user(stranger, "user0@contoso.com")
    Resource.objects.filter(pk=other.pk).update(deleted_at=other.created)
    query = f"status=removed&provider={deleted[0].provider_id}&q=user"
    asked = read(administrator.get(RESTORE, {"all": "1", "filter": query}))
    assert "4 users are restored" in asked.text
    administrator.post(RESTORE, fields(asked))
    assert len(back()) == 4 and Resource.objects.get(pk=other.pk).deleted_at


def test_names_that_are_taken_are_listed_with_the_reason(administrator, deleted, provider):
    make_user(provider, "USER1@contoso.com")
    asked = read(administrator.get(RESTORE, {"all": "1", "filter": "status=removed"}))
    assert "3 users are restored" in asked.one(test_id="restore").text
    taken = asked.one(test_id="taken")
    assert "another user of the provider has the user name now" in taken.text and "User 1" in taken.text
    administrator.post(RESTORE, fields(asked))
    assert len(back()) == 4 and Resource.objects.get(pk=deleted[1].pk).deleted_at


def test_what_has_changed_since_the_preview_is_shown_and_not_done(administrator, deleted, provider):
    asked = read(administrator.get(RESTORE, {"all": "1", "filter": "status=removed"}))
    make_user(provider, "user1@contoso.com")
    answer = administrator.post(RESTORE, fields(asked))
    page = read(answer)
    assert answer.status_code == 409 and page.has(test_id="stale") and page.has(test_id="taken")
    assert back() == {"user1@contoso.com"}
    administrator.post(RESTORE, fields(page))
    assert len(back()) == 4


def test_sent_twice_it_happens_once(administrator, deleted):
    sent = fields(read(administrator.get(RESTORE, {"user": deleted[0].pk})))
    for _ in range(2):
        assert administrator.post(RESTORE, sent, follow=True).status_code in (200, 409)
    assert ChangeEvent.objects.filter(kind="resource.restored").count() == 1


def test_only_if_none_can_come_back_there_is_no_button(administrator, provider):
    live = make_user(provider)
    page = read(administrator.get(RESTORE, {"user": live.pk}))
    assert "stays unchanged" in page.text and not page.has(test_id="ok")


@pytest.mark.parametrize(
    "sent",
    [{}, {"user": "x"}, {"all": "1"}, {"provider": "9" * 30}, {"provider": "1", "since": "2026-02-31T00:00Z"}],
)
def test_nothing_chosen_and_nonsense_lead_back_to_the_list(administrator, sent):
    answer = administrator.get(RESTORE, sent)
    assert answer.status_code == 302 and "/eum/" in answer.url


def test_more_than_the_limit_are_restored_in_several_rounds(administrator, deleted, monkeypatch):
    monkeypatch.setattr(removal_undo, "MOST", 3)
    monkeypatch.setattr(restore_users, "MOST", 3)
    for left in (1, 0):
        asked = read(administrator.get(RESTORE, {"all": "1", "filter": "status=removed"}))
        assert asked.has(test_id="beyond") is bool(left)
        administrator.post(RESTORE, fields(asked))
        assert len(back()) == 4 - left


def test_ac_role_2_only_administrators_restore(support, operator, deleted):
    for browser in (support, operator):
        assert browser.get(RESTORE, {"user": deleted[0].pk}).status_code == 403
        assert browser.post(RESTORE, {"user": deleted[0].pk}).status_code == 403
    assert back() == set() and ChangeEvent.objects.filter(kind="console.refused").count() == 2


def test_the_preview_costs_the_same_for_few_and_many(administrator, provider, scim, django_assert_max_num_queries):
    costs, client = [], scim(provider)
    for _ in range(2):
        for _ in range(12):
            client.delete(f"/Users/{make_user(provider).pk}")
        with django_assert_max_num_queries(40) as captured:
            administrator.get(RESTORE, {"all": "1", "filter": "status=removed"})
        costs.append(len(captured))
    assert costs[0] == costs[1]
