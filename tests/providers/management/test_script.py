"""The commands for scripts explain errors in a sentence."""

import pytest
from django.core.management import CommandError
from django.db import ProgrammingError

from tests.providers.management.conftest import run


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


def test_a_database_without_tables_is_a_sentence(monkeypatch):
    def no_tables(name):
        raise ProgrammingError('relation "providers_provider" does not exist')

    monkeypatch.setattr("providers.management.commands.issue_token.find_provider", no_tables)
    with pytest.raises(CommandError, match="no tables yet"):
        run("issue_token", "x")
