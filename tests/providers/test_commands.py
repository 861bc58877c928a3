"""`manage.py add_provider` and `issue_token`, for scripts."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError

from providers.models import IpRule, Provider


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add_provider", "contoso entra id"], "already a provider"),
        (["add_provider", "x", "--allow", "10.0.0.1/8"], "did you mean 10.0.0.0/8"),
        (["add_provider", "x", "--ip", "enforce"], "needs --allow"),
        (["add_provider", "x", "--allow", "::/0", "--ip", "enforce"], "needs --allow"),
        (["add_provider", " "], "1 to 100 characters"),
        (["issue_token", "nobody"], "no provider"),
        (["issue_token", "9" * 30], "no provider"),
    ],
)
def test_refusals_are_sentences(provider, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)


def test_a_third_live_token_is_refused(provider):
    run("issue_token", str(provider.pk))
    run("issue_token", str(provider.pk))
    with pytest.raises(CommandError, match="two live tokens"):
        run("issue_token", str(provider.pk))


def test_a_database_without_tables_is_a_sentence(monkeypatch):
    def no_tables(name):
        raise ProgrammingError('relation "providers_provider" does not exist')

    monkeypatch.setattr("providers.management.commands.issue_token.find_provider", no_tables)
    with pytest.raises(CommandError, match="no tables yet"):
        run("issue_token", "x")
