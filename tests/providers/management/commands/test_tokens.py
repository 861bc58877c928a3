"""The commands about tokens: list, issue, rotate, expire, suspend, restore, revoke."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.management.script import Exit
from providers.models import Token
from tests.conftest import ScimClient
from tests.factories import issue
from tests.providers.management.conftest import acts, ask, refusal, run


def status(value):
    return ScimClient(value).get("/Users").status_code


def test_an_issued_token_works_and_is_listed_without_its_value(provider):
    made = ask("issue_token", provider.pk, "--label", "Entra", "--last-day", "2099-03-31")
    assert status(made["token"]) == 200 and made["expires_at"] == "2099-03-31T22:00:00Z"
    assert ask("issue_token", provider.pk, "--if-missing") == made | {"token": None}
    [row] = ask("list_tokens", provider.pk)
    assert (row["label"], row["state"], row["expires_at"]) == ("Entra", "active", made["expires_at"])
    assert made["token"] not in run("list_tokens", provider.pk)
    assert acts() == ["token.issued"]


def test_a_third_live_token_is_refused(provider):
    run("issue_token", provider.pk)
    run("issue_token", provider.pk)
    code, said = refusal("issue_token", provider.pk)
    assert code == Exit.CONFLICT and "two live tokens" in said and "revoke_token" in said


def test_a_rotated_token_works_for_the_overlap(provider):
    old, value = issue(provider)
    new = ask("rotate_token", provider.pk, "--overlap", "24h")
    old.refresh_from_db()
    assert abs(old.expires_at - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert status(value) == status(new["token"]) == 200
    assert ask("list_tokens", provider.pk)[1]["replaced_by"] == new["label"]
    assert refusal("rotate_token", provider.pk, new["label"])[0] == Exit.CONFLICT
    last = ask("rotate_token", provider.pk, old.label, "--overlap", "none")
    assert status(value) == 401 and status(last["token"]) == 200
    assert acts() == ["token.rotated", "token.rotated"]


def test_a_token_is_suspended_restored_and_revoked_each_once(provider):
    _token, value = issue(provider)
    states = []
    for act in ("suspend_token", "suspend_token", "restore_token", "restore_token", "revoke_token"):
        states.append((ask(act, provider.pk)["state"], status(value)))
    assert states == [("suspended", 401)] * 2 + [("active", 200)] * 2 + [("revoked", 401)]
    label = Token.objects.get().label
    assert ask("revoke_token", provider.pk, label)["state"] == "revoked"
    assert acts() == ["token.suspended", "token.restored", "token.revoked"]
    for act in ("suspend_token", "restore_token", "rotate_token"):
        assert refusal(act, provider.pk, label)[0] == Exit.CONFLICT
    assert ask("list_tokens", provider.pk) == []
    assert [row["state"] for row in ask("list_tokens", provider.pk, "--all")] == ["revoked"]


@pytest.mark.parametrize(
    ("day", "expires"),
    [("2099-01-31", "2099-01-31T23:00:00Z"), ("2099-07-31", "2099-07-31T22:00:00Z"), ("never", None)],
)
def test_a_token_expires_at_the_end_of_its_last_day(provider, day, expires):
    issue(provider, expires_at=timezone.now() + timedelta(days=1))
    found = [ask("expire_token", provider.pk, "--last-day", day)["expires_at"] for _ in range(2)]
    assert found == [expires, expires] and acts() == ["token.expiry"]
    code, said = refusal("expire_token", provider.pk, "--last-day", "2020-01-01")
    assert code == Exit.USAGE and "in the past" in said
