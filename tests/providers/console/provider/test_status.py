"""A provider's state as a badge and a sentence."""

from django.utils import timezone

from providers.models import Provider
from tests.factories import make_account, make_calls
from tests.pages import provider_page, read


def test_the_sentence_names_who_paused_it(provider, client):
    account = make_account("Administrator", first_name="Anna", last_name="Bakker")
    Provider.objects.update(paused_at=timezone.now(), paused_by=account)
    client.force_login(account)
    assert "Paused by Anna Bakker" in read(client.get(provider_page(provider))).text


def test_ac_hea_4_the_same_text_in_list_dashboard_and_page(provider, client):
    make_calls(provider, 401)
    client.force_login(make_account("Support"))
    pages = [read(client.get(path)) for path in ("/eum/", "/eum/providers/", f"/eum/providers/{provider.pk}/")]
    for page in pages:
        icons = [badge.one("use")["href"] for badge in page.all("span", class_="badge", text="Refused")]
        assert set(icons) == {"#i-stop"} and "a token that no longer exists (1 call)." in page.text
