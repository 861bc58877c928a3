"""Acting on something that somebody deleted in the meantime."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers import administration
from providers.administration import delete_provider, restore_provider
from providers.events import SYSTEM, Actor
from providers.models import Provider
from providers.resources import recycle_bin
from providers.tokens import revoke_token
from scim.protocol.attributes import GROUP, USER
from scim.store import verbs
from tests.factories import call, issue, make_group, make_user
from tests.pages import provider_page, read

ANNA = Actor(person_name="anna")
IN_DIALOG = {"X-Dialog": "asked"}


@pytest.mark.parametrize("path", ["", "tokens/", "edit/", "ip-restriction/", "alerts/", "guide/"])
def test_the_pages_of_a_deleted_provider_say_who_deleted_it_and_offer_to_restore_it(administrator, provider, path):
    delete_provider(provider, ANNA)
    answer = administrator.get(provider_page(provider, path))
    page = read(answer)
    assert answer.status_code == 404 and "This provider was deleted" in page.text
    assert "Contoso Entra ID was deleted by anna, " in page.one(test_id="gone").text
    assert "Nothing was changed" not in page.text and answer["X-Request-Id"] in page.text
    assert page.one(test_id="restore")["href"] == provider_page(provider, "restore/")


@pytest.mark.parametrize(
    "path", ["pause/", "resume/", "delete/", "edit/", "tokens/", "ip-restriction/mode/", "alerts/"]
)
def test_what_was_sent_to_a_deleted_provider_changed_nothing_also_in_a_dialog(administrator, provider, path):
    delete_provider(provider, ANNA)
    answer = administrator.post(provider_page(provider, path), {"title": "x", "mode": "off"}, headers=IN_DIALOG)
    page = read(answer)
    assert answer.status_code == 404 and answer["X-Dialog"] == "shown" and not page.has("html")
    assert "Nothing was changed." in page.one(test_id="gone").text and page.has(test_id="restore")


def test_deleted_while_the_page_runs_it_says_the_same(administrator, provider, monkeypatch):
    def late(provider, actor):
        delete_provider(provider, ANNA)
        raise Provider.DoesNotExist

    monkeypatch.setattr(administration, "pause_provider", late)
    assert "deleted by anna" in read(administrator.post(provider_page(provider, "pause/"))).text


def test_who_may_not_restore_is_offered_no_button(support, provider):
    delete_provider(provider, SYSTEM)
    page = read(support.get(provider_page(provider)))
    assert "Contoso Entra ID was deleted, " in page.text and not page.has(test_id="restore")


def test_a_provider_that_cannot_be_restored_any_more_or_is_restored_already(administrator, provider):
    delete_provider(provider, ANNA)
    restore_provider(provider, ANNA, title=provider.title)
    answer = administrator.get(provider_page(provider, "restore/"))
    assert answer.status_code == 302 and answer["Location"] == provider_page(provider)
    Provider.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    page = read(administrator.get(provider_page(provider)))
    assert "It cannot be restored any more." in page.text and not page.has(test_id="restore")
    assert "It cannot be restored any more." in read(administrator.get(provider_page(provider, "restore/"))).text


def test_an_address_of_no_provider_is_wrong_as_before(administrator):
    page = read(administrator.get("/eum/providers/999999/"))
    assert "Page not found" in page.text


@pytest.mark.parametrize("make", [make_user, make_group])
def test_a_purged_user_or_group_says_who_purged_it_and_not_its_name(administrator, support, provider, make):
    found = make(provider, "jane@contoso.com")
    kind = "groups" if make is make_group else "users"
    verbs.delete(call(provider, GROUP if make is make_group else USER), str(found.pk))
    recycle_bin.purge(provider.pk, found.pk, ANNA)
    bin_page = f"/eum/recycle-bin/{found.pk}"
    answers = [
        support.get(f"/eum/{kind}/{found.pk}/"),
        administrator.post(f"{bin_page}/restore/"),
        administrator.post(f"{bin_page}/purge/", {"title": "jane@contoso.com"}),
    ]
    for answer in answers:
        page = read(answer)
        assert answer.status_code == 404 and f"This {kind[:-1]} was purged" in page.text
        assert "purged by anna, " in page.text and "jane" not in page.source


def test_a_user_of_a_provider_that_was_deleted_meanwhile_is_not_restored(administrator, provider):
    user = make_user(provider, "jane@contoso.com")
    verbs.delete(call(provider), str(user.pk))
    delete_provider(provider, ANNA)
    page = read(administrator.post(f"/eum/recycle-bin/{user.pk}/restore/"))
    assert "Contoso Entra ID was deleted by anna" in page.text and page.has(test_id="restore")


def test_a_token_that_was_revoked_meanwhile_says_by_whom(administrator, provider):
    token, _value = issue(provider)
    revoke_token(token, ANNA)
    page = read(administrator.post(provider_page(provider, f"tokens/{token.pk}/suspend/"), follow=True))
    assert "Permanent token 1 was revoked by anna, " in page.text and "Nothing was changed." in page.text
