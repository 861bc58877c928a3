"""The acts of administrators on providers."""

from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.models import ChangeEvent
from tests.factories import issue, make_user
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
