"""The acts of administrators on providers."""

import pytest
from django.utils import timezone

from providers.administration import NoRangesError, TitleTakenError, change_provider, delete_provider
from providers.events import SYSTEM
from providers.models import ChangeEvent, Provider
from tests.factories import issue, make_provider, make_user
from tests.pages import provider_page, read


def test_ac_prov_3_twice_is_once(administrator, provider):
    for path in ("pause/", "pause/", "resume/", "resume/"):
        assert administrator.post(provider_page(provider, path)).status_code == 302
    kinds = ChangeEvent.objects.filter(provider_id=provider.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["provider.added", "provider.paused", "provider.resumed"]


def test_a_restored_provider_is_as_it_was_and_paused(administrator, provider, client):
    _token, value = issue(provider)
    make_user(provider, "jane@contoso.com")
    delete_provider(provider, SYSTEM)
    page = read(administrator.post(provider_page(provider, "restore/"), {"title": provider.title}, follow=True))
    assert "Provider restored" in page.text and "Paused by" in page.text
    headers = {"Authorization": f"Bearer {value}"}
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(provider_page(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).json()["totalResults"] == 1


def test_only_columns_that_can_be_changed_are_changed_and_recorded(provider):
    change_provider(provider, SYSTEM, {"title": "Contoso", "late_after_minutes": 90, "paused_at": timezone.now()})
    provider.refresh_from_db()
    assert (provider.title, provider.paused_at) == ("Contoso", None)
    event = ChangeEvent.objects.get(kind="provider.changed")
    assert event.changes == [{"path": "title", "before": "Contoso Entra ID", "after": "Contoso"}]
    change_provider(provider, SYSTEM, {"title": "Contoso"})
    assert ChangeEvent.objects.filter(kind="provider.changed").count() == 1


def test_a_taken_title_and_enforcing_without_ranges_change_nothing(provider, stranger):
    with pytest.raises(TitleTakenError):
        change_provider(provider, SYSTEM, {"title": stranger.title.upper()})
    for ranges in ((), ("0.0.0.0/0",)):
        with pytest.raises(NoRangesError):
            make_provider(ip_mode="enforce", ranges=ranges)
    assert {known.title for known in Provider.objects.all()} == {"Contoso Entra ID", "Fabrikam"}
