"""A provider's state as a badge and a sentence."""

from django.utils import timezone

from providers.models import Provider
from tests.factories import make_account
from tests.pages import provider_page, read


def test_the_sentence_names_who_paused_it(provider, client):
    account = make_account("Administrator", first_name="Anna", last_name="Bakker")
    Provider.objects.update(paused_at=timezone.now(), paused_by=account)
    client.force_login(account)
    assert "Paused by Anna Bakker" in read(client.get(provider_page(provider))).text
