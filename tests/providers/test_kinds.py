"""The kinds of directories: complete rows, pages that name no other directory, and what a change of kind changes."""

import re
from importlib import import_module

import pytest
from django.db import connection

from providers.administration import change_provider
from providers.console.provider.guide import GUIDES
from providers.events import SYSTEM
from providers.kinds import KINDS
from providers.models import ChangeEvent, Provider
from tests.factories import issue, make_calls, make_provider, make_user
from tests.pages import IN_DUTCH, provider_page, read
from tests.providers.console.users.conftest import patch

PAGES = ["", "guide/", "tokens/", "ip-restriction/", "removals/", "alerts/", "history/", "schemas/", "pause/", "edit/"]
OTHERS = {"okta": r"Entra|Microsoft|Azure", "other": r"Entra|Microsoft|Azure|Okta", "entra": "Okta"}


def test_each_kind_has_a_guide_and_a_label_of_its_own():
    assert list(GUIDES) == list(KINDS)
    assert len({str(kind.label) for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("headers", [{}, IN_DUTCH], ids=["en", "nl"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_page_of_a_provider_names_another_directory(administrator, scim, kind, headers):
    provider = make_provider("Fabrikam", kind=kind)
    client = scim(provider)
    jane = make_user(provider, "jane@fabrikam.com", active=True)
    patch(client, jane, "active", False)
    token, _value = issue(provider)
    dialogs = [f"tokens/{token.pk}/{verb}/" for verb in ("rotate", "revoke", "suspend", "expiry")]
    addresses = [provider_page(provider, page) for page in [*PAGES, *dialogs]] + [f"/eum/users/{jane.pk}/"]
    for pause in (False, True):
        if pause:
            administrator.post(provider_page(provider, "pause/"))
        for address in addresses:
            page = read(administrator.get(address, headers=headers))
            # The choice of a kind and the tabs of the guide name them all.
            choices = [part.text for part in page.all("label") if part.has("input", name="kind")]
            choices += [link.text for link in page.all("a") if "?for=" in link.attributes.get("href", "")]
            text = page.text
            for choice in choices:
                text = text.replace(choice, "", 1)
            assert not re.findall(f".{{0,60}}(?:{OTHERS[kind]}).{{0,40}}", text), address


def test_the_kind_is_asked_and_can_be_changed(administrator, db):
    page = read(administrator.get("/eum/providers/add/"))
    assert [field.value for field in page.all("input", name="kind")] == list(KINDS)
    assert page.one("input", name="kind", checked=True).value == "entra"
    administrator.post("/eum/providers/add/", {"title": "Fabrikam", "kind": "okta"})
    provider = Provider.objects.get()
    assert (provider.kind, provider.silent_after_hours) == ("okta", 168)
    form = read(administrator.get(provider_page(provider, "edit/")))
    assert form.one("input", name="kind", checked=True).value == "okta"
    assert "SCIM connector base URL" in read(administrator.get(provider_page(provider, "guide/"))).text
    assert read(administrator.post("/eum/providers/add/", {"title": "X", "kind": "ldap"})).has("input", name="kind")
    assert Provider.objects.count() == 1


def test_with_another_kind_the_time_until_silent_follows_unless_somebody_set_it(provider):
    change_provider(provider, SYSTEM, {"kind": "okta"})
    provider.refresh_from_db()
    assert (provider.kind, provider.silent_after_hours) == ("okta", 168)
    change_provider(provider, SYSTEM, {"silent_after_hours": 72})
    provider.refresh_from_db()
    change_provider(provider, SYSTEM, {"kind": "entra"})
    provider.refresh_from_db()
    assert (provider.kind, provider.silent_after_hours) == ("entra", 72)
    change = ChangeEvent.objects.filter(kind="provider.changed").order_by("-id")[2]
    assert [one["path"] for one in change.changes] == ["kind", "silent_after_hours"]


def test_the_migration_knows_okta_by_its_guide_or_its_title(provider, stranger):
    named, ticked = make_provider("OKTA (test)"), make_provider("Northwind")
    Provider.objects.update(kind="entra", silent_after_hours=26)
    Provider.objects.filter(pk=ticked.pk).update(guide_steps=["okta-app"], silent_after_hours=50)
    Provider.objects.filter(pk=stranger.pk).update(guide_steps=["app", "token"])
    with connection.cursor() as cursor:
        cursor.execute(import_module("providers.migrations.0033_kinds_of_directories").OKTA)
    found = dict(Provider.objects.values_list("pk", "kind"))
    assert found == {provider.pk: "entra", stranger.pk: "entra", named.pk: "okta", ticked.pk: "okta"}
    assert list(Provider.objects.filter(kind="okta").order_by("pk").values_list("silent_after_hours", flat=True)) == [
        168,
        50,
    ]


def test_a_token_dialog_says_what_the_directory_loses(administrator, scim):
    provider = make_provider("Fabrikam", kind="okta")
    first, _value = issue(provider)
    address = provider_page(provider, f"tokens/{first.pk}/revoke/")
    assert "Provisioning of Fabrikam stops until Okta has a token" in read(administrator.get(address)).text
    scim(provider).get("/Users")
    make_calls(provider)
    assert "Nothing changes if Okta uses" in read(administrator.get(address)).text
