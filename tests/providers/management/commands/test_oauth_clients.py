"""The commands about OAuth clients: add, list, rotate and revoke secrets, suspend, restore, revoke."""

import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from providers.management.script import Exit
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer, form_of
from tests.providers.management.conftest import acts, ask, refusal, run


def sign_in(client_id, secret):
    return post({"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})


def post(form):
    return Client().post("/oauth/token", urlencode(form), content_type="application/x-www-form-urlencoded").status_code


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def key_file(issuer, tmp_path):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(issuer.key_set))
    return file


def test_an_added_client_signs_in_and_is_listed_without_its_secret(provider, settings):
    made = ask("add_oauth_client", provider.pk, "--label", "Entra")
    assert set(made) == {"client_id", "client_secret", "token_url", "tenant_url", "expires_at"}
    assert made["token_url"] == f"{settings.OPTIONS.base_url}/oauth/token"
    assert sign_in(made["client_id"], made["client_secret"]) == 200
    [row] = ask("list_oauth_clients", provider.pk)
    assert row["label"] == "Entra" and row["secrets"][0]["first_used_at"]
    assert made["client_secret"] not in run("list_oauth_clients", provider.pk)
    assert acts() == ["client.added"]


def test_a_rotation_overlaps_and_never_leaves_three(provider):
    made = ask("add_oauth_client", provider.pk)
    new = ask("rotate_client_secret", made["client_id"], "--overlap-hours", "24")
    assert set(new) == {"client_id", "client_secret", "expires_at"}
    assert [sign_in(made["client_id"], one["client_secret"]) for one in (made, new)] == [200, 200]
    last = ask("rotate_client_secret", made["client_id"])
    assert [sign_in(made["client_id"], one["client_secret"]) for one in (made, new, last)] == [401, 200, 200]
    now = ask("rotate_client_secret", made["client_id"], "--overlap-hours", "0")
    assert [sign_in(made["client_id"], one["client_secret"]) for one in (new, last, now)] == [401, 401, 200]
    assert len(ask("list_oauth_clients", provider.pk)[0]["secrets"]) == 1


def test_a_secret_is_revoked_by_its_prefix(provider):
    made = ask("add_oauth_client", provider.pk)
    assert refusal("revoke_client_secret", made["client_id"], "ips_none")[0] == Exit.NOT_FOUND
    assert ask("revoke_client_secret", made["client_id"], made["client_secret"][:12])["secrets"] == []
    assert sign_in(made["client_id"], made["client_secret"]) == 401


def test_a_client_is_suspended_restored_and_revoked(provider):
    made = ask("add_oauth_client", provider.pk)
    states = []
    for act in ("suspend_oauth_client", "suspend_oauth_client", "restore_oauth_client", "revoke_oauth_client"):
        states.append((ask(act, made["client_id"])["state"], sign_in(made["client_id"], made["client_secret"])))
    assert states == [("suspended", 401), ("suspended", 401), ("active", 200), ("revoked", 401)]
    for act in ("suspend_oauth_client", "rotate_client_secret"):
        assert refusal(act, made["client_id"])[0] == Exit.CONFLICT
    assert ask("list_oauth_clients", provider.pk) == []
    assert len(ask("list_oauth_clients", provider.pk, "--all")) == 1


def test_a_third_live_client_is_refused(provider):
    ask("add_oauth_client", provider.pk)
    ask("add_oauth_client", provider.pk)
    code, said = refusal("add_oauth_client", provider.pk)
    assert code == Exit.CONFLICT and "two live clients" in said


def test_a_federated_client_signs_in_with_the_keys_of_a_file(provider, issuer, key_file):
    made = json.loads(run(
        "add_oauth_client", provider.pk, "--federated", "--issuer", issuer.issuer, "--subject", SUBJECT,
        "--audience", APPLICATION, "--tenant", TENANT, "--jwks-file", key_file, "--json",
    ))  # fmt: skip
    assert set(made) == {"client_id", "token_url", "tenant_url"}
    assert post(form_of(made["client_id"], issuer.assertion())) == 200
    assert post(form_of(made["client_id"], issuer.assertion(sub="another"))) == 401
    assert refusal("rotate_client_secret", made["client_id"])[0] == Exit.CONFLICT


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--federated"], Exit.USAGE),
        (["--federated", "--issuer", "x", "--subject", "x", "--audience", "x"], Exit.USAGE),
        (
            ["--federated", "--issuer", "x", "--subject", "x", "--audience", "x", "--jwks-url", "http://x/"],
            Exit.USAGE,
        ),
        (
            ["--federated", "--issuer", "x", "--subject", "x", "--audience", "x", "--jwks-file", __file__],
            Exit.FAILED,
        ),
    ],
)
def test_an_incomplete_trust_is_refused(provider, arguments, code):
    assert refusal("add_oauth_client", provider.pk, *arguments)[0] == code
    assert ask("list_oauth_clients", provider.pk) == []


def test_an_unknown_client_is_not_found(provider):
    assert refusal("revoke_oauth_client", "ipc_unknown")[0] == Exit.NOT_FOUND


def test_secrets_live_for_two_years(provider):
    made = ask("add_oauth_client", provider.pk)
    left = datetime.fromisoformat(made["expires_at"]) - timezone.now()
    assert timedelta(days=729) < left < timedelta(days=731)
