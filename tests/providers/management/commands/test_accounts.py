"""The commands about console accounts."""

import pytest
from django.contrib.auth.models import User

from providers.management.script import Exit
from tests.providers.conftest import new_browser
from tests.providers.management.conftest import acts, ask, refusal, run


def sign_in(username, password):
    return new_browser().post("/login/", {"username": username, "password": password}).status_code == 302


def test_an_account_signs_in_with_the_password_that_was_printed(anna):
    made = ask("add_account", "joe", "--role", "Operator", "--email", "joe@example.com")
    assert sign_in("joe", made["password"]) and made["role"] == "Operator"
    assert ask("add_account", "joe", "--if-missing") == made | {"password": None}
    assert refusal("add_account", "joe") == (Exit.CONFLICT, "There is already a console account 'joe'.")
    reset = ask("reset_password", "joe")
    assert sign_in("joe", reset["password"]) and not sign_in("joe", made["password"])
    assert acts() == ["account.added", "account.password-reset"]
    assert made["password"] not in run("list_accounts")
    rows = {row["username"]: row for row in ask("list_accounts")}
    assert (rows["joe"]["email"], rows["anna"]["role"]) == ("joe@example.com", "Administrator")


def test_an_account_is_changed_disabled_and_enabled_once(anna):
    run("add_account", "joe")
    assert ask("set_account", "joe", "--role", "Administrator", "--last-name", "Doe")["last_name"] == "Doe"
    for option, is_active in (("--no-active", False), ("--no-active", False), ("--active", True)):
        assert ask("set_account", "joe", option)["is_active"] is is_active
    assert ask("set_account", "joe")["role"] == "Administrator"
    assert acts()[1:] == ["account.changed", "account.disabled", "account.enabled"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["set_account", "anna", "--no-active"], Exit.CONFLICT, "Nobody else could manage accounts"),
        (["set_account", "anna", "--role", "Support"], Exit.CONFLICT, "Nobody else could manage accounts"),
        (["set_account", "anna", "--email", "x", "--no-active"], Exit.USAGE, "email: Enter a valid"),
        (["set_account", "nobody"], Exit.NOT_FOUND, "no console account 'nobody'"),
        (["reset_password", "nobody"], Exit.NOT_FOUND, "no console account 'nobody'"),
        (["add_account", "jo<e"], Exit.USAGE, "username: Enter a valid"),
        (["add_account", "joe", "--role", "King"], Exit.FAILED, "invalid choice"),
    ],
)
def test_refused_accounts_change_nothing(anna, arguments, code, said):
    found = refusal(*arguments)
    assert found[0] == code and said in found[1]
    assert User.objects.get().is_active
