"""`manage.py create_first_administrator`: one account at most, with a password that is shown only once."""

import re

import pytest
from django.core.management import call_command


@pytest.fixture
def users(django_user_model, db, monkeypatch):
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    return django_user_model.objects


def test_a_random_password_is_shown_once_and_a_second_start_changes_nothing(users, capsys):
    call_command("create_first_administrator")
    [password] = re.findall(r"with password (\S+), shown only now", capsys.readouterr().out)
    account = users.get(username="admin", is_superuser=True)
    assert account.check_password(password)
    call_command("create_first_administrator")
    said = "Sign in as admin. If the password is lost: manage.py changepassword admin.\n"
    assert capsys.readouterr().out == said and users.get() == account


def test_a_given_password_is_used_and_not_shown(users, capsys, monkeypatch):
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")
    call_command("create_first_administrator")
    assert users.get().check_password("correct horse battery")
    assert "correct horse" not in capsys.readouterr().out


def test_an_account_that_was_disabled_stays_disabled(users, capsys):
    users.create_superuser("admin", is_active=False)
    call_command("create_first_administrator")
    assert not users.get().is_active and "createsuperuser" in capsys.readouterr().err
