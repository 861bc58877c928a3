"""`manage.py add_provider`."""

import json

from providers.models import IpRule, Provider
from tests.providers.management.conftest import acts, ask, run


def test_a_provider_and_its_token_as_json(db):
    made = json.loads(run("add_provider", "Contoso", "--allow", "203.0.113.0/24", "2001:db8::/32", "--json"))
    provider = Provider.objects.get(pk=made["provider_id"])
    assert (provider.title, provider.ip_mode, provider.is_strict) == ("Contoso", "observe", False)
    assert IpRule.objects.filter(provider=provider).count() == 2
    assert made["tenant_url"] == "http://127.0.0.1:8000/scim"
    for name in (str(made["provider_id"]), "CONTOSO"):
        issued = json.loads(run("issue_token", name, "--json"))
        assert (issued["provider_id"], issued["token"][:4]) == (provider.pk, "ipr_")


def test_enforce_and_strict(db):
    made = json.loads(
        run("add_provider", "C", "--allow", "203.0.113.9", "--ip", "enforce", "--strict-protocol", "--json")
    )
    provider = Provider.objects.get(pk=made["provider_id"])
    assert (provider.ip_mode, provider.is_strict) == ("enforce", True)


def test_with_if_missing_a_second_run_changes_nothing(provider):
    assert ask("add_provider", "CONTOSO ENTRA ID", "--ip", "observe", "--if-missing")["provider_id"] == provider.pk
    provider.refresh_from_db()
    assert provider.ip_mode == "off" and acts() == []
    assert ask("add_provider", "New", "--if-missing") == ask("add_provider", "New", "--if-missing")
    assert acts() == ["provider.added"]


def test_the_kind_of_directory_is_entra_id_unless_it_is_given(db):
    assert ask("add_provider", "Contoso")["kind"] == "entra"
    assert ask("add_provider", "Fabrikam", "--kind", "okta")["kind"] == "okta"
    assert ask("set_provider", "Fabrikam", "--kind", "other")["settings"]["kind"] == "other"
