"""What all commands for scripts share: names, exit codes, texts, the actor in the audit."""

import getpass

import pytest
from django.core.management import CommandError
from django.db import ProgrammingError
from django.utils.translation import override

from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.management.script import Exit, find_provider, lines, plain, table
from providers.models import ChangeEvent
from tests.factories import issue, make_provider
from tests.pages import read
from tests.providers.management.conftest import ask, refusal, run


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["add_provider", "contoso entra id"], Exit.CONFLICT, "already a provider"),
        (["add_provider", "x", "--allow", "10.0.0.1/8"], Exit.FAILED, "did you mean 10.0.0.0/8"),
        (["add_provider", "x", "--ip", "enforce"], Exit.USAGE, "needs --allow"),
        (["add_provider", "x", "--allow", "::/0", "--ip", "enforce"], Exit.USAGE, "needs --allow"),
        (["add_provider", " "], Exit.USAGE, "1 to 100 characters"),
        (["issue_token", "nobody"], Exit.NOT_FOUND, "no provider"),
        (["issue_token", "9" * 30], Exit.NOT_FOUND, "no provider"),
        (["rotate_token", "Contoso Entra ID", "--overlap", "7w"], Exit.FAILED, "not a length of time"),
        (["expire_token", "Contoso Entra ID", "--last-day", "soon"], Exit.FAILED, "not a day"),
    ],
)
def test_refusals_are_sentences_with_an_exit_code(provider, arguments, code, sentence):
    found = refusal(*arguments)
    assert found[0] == code and sentence in found[1]


def test_refusals_are_english_in_a_dutch_installation(provider):
    with override("nl"):
        assert "did you mean" in refusal("add_provider", "x", "--allow", "10.0.0.1/8")[1]
        assert "never_used" not in run("list_tokens", provider.pk)
        assert "Waiting for the first request." in run("show_provider", provider.pk)


def test_a_database_without_tables_is_a_sentence(monkeypatch):
    def no_tables(name):
        raise ProgrammingError('relation "providers_provider" does not exist')

    monkeypatch.setattr("providers.management.script.find_provider", no_tables)
    with pytest.raises(CommandError, match="no tables yet"):
        run("issue_token", "x")


def test_the_audit_names_the_command_line_and_the_account_that_ran_it(provider, administrator, monkeypatch):
    monkeypatch.delenv("SUDO_USER", raising=False)
    run("pause_provider", provider.pk)
    assert ChangeEvent.objects.latest("id").person_name == f"manage.py ({getpass.getuser()})"
    monkeypatch.setenv("SUDO_USER", "jo\nad\x1b")
    run("resume_provider", provider.pk)
    assert "manage.py (jo ad\ufffd) resumed provider" in read(administrator.get("/eum/audit/")).text


def test_a_title_comes_before_an_id(provider):
    other = make_provider(str(provider.pk))
    assert find_provider(str(provider.pk)) == other
    assert find_provider("CONTOSO  entra id".replace("  ", " ")) == provider
    delete_provider(other, SYSTEM)
    assert find_provider(str(provider.pk)) == provider


def test_a_token_is_named_by_its_label_or_its_characters(provider):
    first, second = issue(provider, label="Entra")[0], issue(provider)[0]
    for name in ("entra", first.shown, first.last4):
        assert ask("suspend_token", provider.pk, name)["label"] == "Entra"
    code, said = refusal("revoke_token", provider.pk)
    assert code == Exit.NOT_FOUND and "2 tokens" in said and second.shown in said
    assert refusal("revoke_token", provider.pk, "none")[0] == Exit.NOT_FOUND
    run("revoke_token", provider.pk, "Entra")
    run("revoke_token", provider.pk)
    second.refresh_from_db()
    assert second.revoked_at
    assert "no live token" in refusal("rotate_token", provider.pk)[1]


def test_text_has_columns_lists_and_dashes_and_each_value_is_one_line():
    assert table(["a", "name"], [{"a": 1, "name": "x\ny"}, {"a": None, "name": ""}]) == "a  name\n1  x y\n-  -"
    assert list(lines({"a": [1, {"b": True}], "c": {"d": None}, "e": []})) == [
        "a:",
        "  - 1",
        "  - b yes",
        "c:",
        "  d: -",
        "e: -",
    ]
    assert plain({"a": (1, None)}) == {"a": [1, None]}
