"""The commands about providers: list, show, set, pause, resume, delete, restore."""

import pytest
from django.core.management import CommandError

from providers.management.script import Exit
from providers.models import Provider
from tests.factories import issue, make_calls, make_user
from tests.providers.management.conftest import acts, ask, refusal, run


def test_the_list_has_the_state_of_each_provider_and_can_fail_a_check(provider, stranger):
    issue(provider)
    make_user(provider, active=True)
    make_calls(provider, count=3)
    rows = {row["title"]: row for row in ask("list_providers")}
    assert [rows[title]["state"] for title in ("Contoso Entra ID", "Fabrikam")] == ["healthy", "not_connected"]
    assert (rows["Contoso Entra ID"]["requests_24h"], rows["Contoso Entra ID"]["active_users"]) == (3, 1)
    assert "Fabrikam" in run("list_providers", "--check")
    make_calls(stranger, status=500, method="POST", count=9)
    Provider.objects.filter(pk=stranger.pk).update(silent_after_hours=1)
    make_calls(stranger)
    with pytest.raises(CommandError) as attention:
        run("list_providers", "--check")
    assert attention.value.returncode == Exit.ATTENTION and "1 need attention" in str(attention.value)
    assert [row["title"] for row in ask("list_providers", "--state", "failing")] == ["Fabrikam"]
    assert ask("list_providers", "--deleted") == []


def test_a_provider_is_shown_with_its_settings_and_tokens(provider):
    token, value = issue(provider)
    found = ask("show_provider", "contoso entra id")
    assert (found["state"], found["live_tokens"], found["ip_mode"]) == ("not_connected", [token.label], "off")
    assert found["settings"]["late_after_minutes"] == 90 and found["tenant_url"] == "http://127.0.0.1:8000/scim"
    assert value not in run("show_provider", provider.pk)
    assert refusal("show_provider", "nobody")[0] == Exit.NOT_FOUND


def test_settings_that_are_not_named_stay(provider):
    changed = ask(
        "set_provider", provider.pk, "--late-after-minutes", 120, "--strict-protocol", "--removal-limit", "hold"
    )
    assert (
        changed["settings"] | {"late_after_minutes": 120, "is_strict": True, "removal_limit": "hold"}
        == (changed["settings"])
    )
    assert changed["settings"]["silent_after_hours"] == 26 and acts() == ["provider.changed"]
    ask("set_provider", provider.pk, "--late-after-minutes", 120)
    assert acts() == ["provider.changed"]
    assert ask("set_provider", provider.pk, "--no-strict-protocol", "--title", "New")["title"] == "New"
    provider.refresh_from_db()
    assert (provider.title, provider.is_strict, provider.late_after_minutes) == ("New", False, 120)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--late-after-minutes", "5"], Exit.USAGE, "late_after_minutes: Enter a whole number from 41"),
        (["--notification-email", "x"], Exit.USAGE, "notification_email: Enter a valid e-mail address"),
        (["--title", "Fabrikam"], Exit.CONFLICT, "already a provider"),
        (["--removal-limit", "never"], Exit.FAILED, "invalid choice"),
    ],
)
def test_a_setting_follows_the_rules_of_the_form(provider, stranger, arguments, code, said):
    found = refusal("set_provider", provider.pk, *arguments)
    assert found[0] == code and said in found[1]


def test_pausing_and_resuming_are_idempotent(provider):
    paused = ask("pause_provider", provider.pk)
    assert paused["paused_at"] and ask("pause_provider", provider.pk) == paused
    assert ask("resume_provider", provider.pk)["paused_at"] is ask("resume_provider", provider.pk)["paused_at"] is None
    assert acts() == ["provider.paused", "provider.resumed"]


def test_a_deleted_provider_is_restored_paused_and_under_another_title_if_its_own_is_taken(provider):
    assert ask("delete_provider", provider.pk)["deleted_at"]
    assert refusal("delete_provider", provider.pk)[0] == Exit.NOT_FOUND
    assert ask("delete_provider", provider.title, "--if-exists")["provider_id"] == provider.pk
    assert [row["provider_id"] for row in ask("list_providers", "--deleted")] == [provider.pk]
    run("add_provider", provider.title)
    assert refusal("restore_provider", provider.pk)[0] == Exit.CONFLICT
    assert "title: " in refusal("restore_provider", provider.pk, "--title", " ")[1]
    restored = ask("restore_provider", provider.pk, "--title", "Contoso 2")
    assert restored["title"] == "Contoso 2" and restored["paused_at"] and not restored["deleted_at"]
    assert acts() == ["provider.deleted", "provider.added", "provider.restored"]
    live = Provider.objects.get(title=provider.title)
    assert ask("delete_provider", provider.title, "--if-exists")["provider_id"] == live.pk
