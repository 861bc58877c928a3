"""The commands about alerts."""

import dataclasses
import json
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from providers.management.script import Exit
from tests.providers.management.conftest import acts, ask, refusal

HOOK = "https://hooks.example.com/services/T0/B0/verysecret9876"


def test_recipients_are_set_once_and_what_is_not_named_stays(provider):
    made = ask("set_alerts", "--provider", provider.pk, "--addresses", "a@x.com", "b@x.com", "--webhook", HOOK)
    assert made == {
        "provider_id": provider.pk,
        "addresses": ["a@x.com", "b@x.com"],
        "webhook": "https://hooks.example.com/…9876",
        "has_digest": False,
    }
    assert ask("set_alerts", "--provider", provider.pk) == made
    assert ask("set_alerts", "--provider", provider.pk, "--digest") == made | {"has_digest": True}
    assert ask("set_alerts", "--provider", provider.pk, "--webhook", "", "--addresses") == made | {
        "addresses": [], "webhook": None, "has_digest": True
    }  # fmt: skip
    assert ask("set_alerts")["provider_id"] is None and ask("set_alerts")["addresses"] == []
    assert acts() == ["alerts.changed"] * 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--addresses", "x"], Exit.USAGE, "addresses: x is not a valid e-mail address"),
        (["--webhook", "http://x.com/"], Exit.USAGE, "webhook: The URL must begin with https"),
        (["--provider", "nobody"], Exit.NOT_FOUND, "no provider"),
    ],
)
def test_the_rules_are_those_of_the_page(db, arguments, code, said):
    found = refusal("set_alerts", *arguments)
    assert found[0] == code and said in found[1]


def test_a_test_says_what_became_of_each_message(provider, settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, email_url="smtp://mail.example.com")
    assert ask("test_alerts") == []
    ask("set_alerts", "--addresses", "a@x.com")
    [row] = ask("test_alerts")
    assert row["to"] == "a@x.com" and row["sent_at"] and row["error"] is None and len(mail.outbox) == 1
    ask("set_alerts", "--webhook", "https://127.0.0.1/services/verysecret9876")
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 2 could not be sent") as failed:
        call_command("test_alerts", "--json", stdout=out)
    assert failed.value.returncode == Exit.FAILED
    assert json.loads(out.getvalue())[1]["error"].startswith("The host has no public address.")
