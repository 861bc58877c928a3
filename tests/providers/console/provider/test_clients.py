"""The tab *Sign-in* of a provider: clients with secrets, workload identity, and what an administrator trusts."""

import re
import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from providers import oauth, request_log, signing_keys
from providers.console.log.sign_in_failures import WORDS
from providers.console.provider.client_forms import read_values
from providers.events import SYSTEM
from providers.models import ChangeEvent, ClientSecret, OAuthClient, RequestLog
from providers.oauth import Trust
from providers.outcomes import SignInFailure
from tests.factories import issue
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer, form_of
from tests.pages import read

SECRET = re.compile(r"ips_[A-Za-z0-9_-]{49}")
ENTRA = "https://login.microsoftonline.com"


def url(provider, path=""):
    return f"/eum/providers/{provider.pk}/sign-in/{path}"


def add(browser, provider, **sent):
    return browser.post(url(provider, "add/"), {"years": "2", "request_key": str(uuid.uuid4())} | sent)


def sign_in(form):
    return Client().post("/oauth/token", urlencode(form), content_type="application/x-www-form-urlencoded")


def secret_in(answer):
    [value] = set(SECRET.findall(read(answer).source))
    return value


@pytest.fixture
def entra(monkeypatch):
    """An issuer at Entra's address, whose keys are known."""
    issuer = Issuer(ENTRA)
    monkeypatch.setattr(
        "providers.access_tokens.signing_key", lambda _, kid: signing_keys.read_key_set(issuer.key_set)[kid]
    )
    return issuer


def test_a_new_client_shows_its_secret_once_and_signs_in(administrator, provider):
    answer = add(administrator, provider, label="Contoso")
    value, client = secret_in(answer), OAuthClient.objects.get()
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    for shown in (client.client_id, "/oauth/token", "/scim"):
        assert shown in read(answer).source
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": value}
    assert sign_in(form).status_code == 200
    for path in ("", f"{client.pk}/rotate/", f"{client.pk}/revoke/"):
        page = read(administrator.get(url(provider, path))).source
        assert value not in page
    assert client.client_id in read(administrator.get(url(provider))).source


def test_a_form_that_is_sent_twice_makes_one_client(administrator, provider):
    key = str(uuid.uuid4())
    add(administrator, provider, request_key=key)
    again = add(administrator, provider, request_key=key)
    assert again.status_code == 302 and not SECRET.search(again.content.decode())
    assert OAuthClient.objects.count() == ClientSecret.objects.count() == 1


def test_a_third_client_cannot_be_added(administrator, provider):
    add(administrator, provider), add(administrator, provider)
    assert 'data-testid="add-client"' not in administrator.get(url(provider)).content.decode()
    assert add(administrator, provider).status_code == 302 and OAuthClient.objects.count() == 2


def test_a_rotated_secret_overlaps(administrator, provider):
    client, first, _value = oauth.add_client(provider, SYSTEM)
    answer = administrator.post(url(provider, f"{client.pk}/rotate/"), {"overlap": "24h", "request_key": uuid.uuid4()})
    assert secret_in(answer)
    first.refresh_from_db()
    assert first.expires_at < timezone.now() + timedelta(hours=25)


def test_a_client_is_suspended_restored_and_revoked(administrator, provider):
    client, secret, _value = oauth.add_client(provider, SYSTEM)
    for act, kind in (
        ("suspend/", "client.suspended"),
        ("restore/", "client.restored"),
        (f"secrets/{secret.pk}/revoke/", "client.secret-revoked"),
        ("revoke/", "client.revoked"),
    ):
        assert administrator.post(url(provider, f"{client.pk}/{act}")).status_code == 302
        assert ChangeEvent.objects.latest("id").kind == kind


@pytest.mark.parametrize("path", ["add/", "add-workload-identity/", "{}/rotate/", "{}/revoke/", "{}/trust/"])
def test_support_may_look_and_change_nothing(support, provider, path):
    client, _secret, _value = oauth.add_client(provider, SYSTEM)
    assert support.get(url(provider)).status_code == 200
    before = ChangeEvent.objects.exclude(kind="console.refused").count()
    assert support.post(url(provider, path.format(client.pk)), {"years": "2"}).status_code == 403
    assert ChangeEvent.objects.exclude(kind="console.refused").count() == before


def test_another_providers_client_is_not_found(administrator, provider, other_provider):
    client, _secret, _value = oauth.add_client(other_provider, SYSTEM)
    assert administrator.post(url(provider, f"{client.pk}/revoke/")).status_code == 404


@pytest.fixture
def other_provider():
    from tests.factories import make_provider

    return make_provider()


PASTED = f"""
Issuer: {ENTRA}/{TENANT}/v2.0
JWKS URL\t{ENTRA}/{TENANT}/discovery/v2.0/keys
Subject identifier: {SUBJECT}
Audience = api://{APPLICATION}
"""


@pytest.mark.parametrize(
    "text",
    [
        PASTED,
        "\n".join(line.split()[-1] for line in PASTED.strip().splitlines()),
        "\n".join(reversed(PASTED.strip().splitlines())),
        PASTED.replace(": ", ":"),
        PASTED.replace(": ", "\n").replace("URL\t", "URL\n").replace(" = ", ":\n"),
    ],
)
def test_one_field_splits_the_four_values(text):
    assert read_values(text) == {
        "issuer": f"{ENTRA}/{TENANT}/v2.0",
        "jwks_url": f"{ENTRA}/{TENANT}/discovery/v2.0/keys",
        "subject": SUBJECT,
        "audience": f"api://{APPLICATION}",
    }


def test_workload_identity_is_added_from_the_four_values(administrator, provider, entra):
    answer = administrator.post(url(provider, "add-workload-identity/"), {"pasted": PASTED})
    client = OAuthClient.objects.get()
    assert answer.status_code == 200 and client.client_id in read(answer).source
    assert client.trust.tenant == TENANT and not client.trust.is_learning
    assert sign_in(form_of(client.client_id, entra.assertion())).status_code == 200
    assert SUBJECT in read(administrator.get(url(provider))).source


def test_the_next_request_is_shown_and_trusted_by_an_administrator(administrator, support, provider, entra):
    administrator.post(url(provider, "add-workload-identity/"), {"tenant": TENANT})
    client = OAuthClient.objects.get()
    form = form_of(client.client_id, entra.assertion())
    assert "Waiting for the first request" in read(administrator.get(url(provider))).text
    assert sign_in(form).status_code == 401
    page = read(administrator.get(url(provider)))
    assert SUBJECT in page.text and APPLICATION in page.text
    client.trust.refresh_from_db()
    shown = {"learned_at": client.trust.learned_at.isoformat()}
    assert support.post(url(provider, f"{client.pk}/trust/learned/"), shown).status_code == 403
    administrator.post(url(provider, f"{client.pk}/trust/learned/"), {"learned_at": "2026-01-01T00:00:00+00:00"})
    assert sign_in(form).status_code == 401, "another assertion than the one that was shown"
    client.trust.refresh_from_db()
    shown = {"learned_at": client.trust.learned_at.isoformat()}
    administrator.post(url(provider, f"{client.pk}/trust/learned/"), shown)
    assert sign_in(form).status_code == 200


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "issuer"),
        ({"tenant": "contoso"}, "tenant"),
        ({"issuer": "x", "subject": "x", "audience": "x"}, "jwks_url"),
        ({"issuer": "x", "subject": "x", "audience": "x", "jwks_url": "http://x/"}, "jwks_url"),
        ({"issuer": "x", "subject": "x", "audience": "x", "jwks_url": "https://evil.example/keys"}, "jwks_url"),
        ({"issuer": "x", "subject": "x", "audience": "x", "keys": "{}"}, "keys"),
        ({"is_self_signed": "on"}, "jwks_url"),
    ],
)
def test_an_incomplete_trust_is_asked_for_again(administrator, provider, sent, field):
    answer = administrator.post(url(provider, "add-workload-identity/"), sent)
    assert f'id="{field}-error"' in answer.content.decode() and not OAuthClient.objects.exists()


def test_an_edited_trust_keeps_its_id(administrator, provider, entra):
    client = oauth.add_federated_client(
        provider, SYSTEM, Trust(entra.issuer, entra.jwks_url, None, SUBJECT, [APPLICATION], TENANT, "party")
    )
    assert SUBJECT in administrator.get(url(provider, f"{client.pk}/trust/")).content.decode()
    form = administrator.get(url(provider, f"{client.pk}/trust/")).context["form"]
    sent = {name: form[name].value() or "" for name in form.fields} | {"subject": "other"}
    assert administrator.post(url(provider, f"{client.pk}/trust/"), sent).status_code == 302
    client.trust.refresh_from_db()
    assert client.trust.authorized_party == "party", "the form shows it, so it stays"
    assert client.trust.subject == "other" and sign_in(form_of(client.client_id, entra.assertion())).status_code == 401


def test_once_oauth_works_the_permanent_token_can_be_retired(administrator, provider):
    issue(provider)
    client, _secret, value = oauth.add_client(provider, SYSTEM)
    assert "retire-permanent" not in administrator.get(url(provider)).content.decode()
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": value}
    token = sign_in(form).json()["access_token"]
    Client().get("/scim/Users", HTTP_AUTHORIZATION=f"Bearer {token}")
    request_log.writer.flush()
    assert "The directory has signed in by OAuth since" in read(administrator.get(url(provider))).text


def test_the_page_costs_the_same_for_any_number_of_clients(administrator, provider, django_assert_max_num_queries):
    for _ in range(3):
        client, _secret, _value = oauth.add_client(provider, SYSTEM)
        oauth.revoke_client(client, SYSTEM)
    administrator.get(url(provider))
    with django_assert_max_num_queries(17):
        administrator.get(url(provider))


def test_ac_oau_7_every_failure_is_explained_in_both_languages(administrator, provider):
    from django.utils.translation import override

    assert set(WORDS) == set(SignInFailure)
    titles = set()
    for words in WORDS.values():
        english = [str(text) for text in (words.title, words.meaning, words.act)]
        with override("nl"):
            dutch = [str(text) for text in (words.title, words.meaning, words.act)]
        assert all(one != other for one, other in zip(english, dutch, strict=True)), english
        titles.add(english[0])
    assert len(titles) == len(WORDS)


def test_a_refused_sign_in_is_explained_on_the_pages(administrator, provider, entra):
    client = oauth.add_federated_client(
        provider, SYSTEM, Trust(entra.issuer, entra.jwks_url, None, SUBJECT, [APPLICATION], TENANT)
    )
    sign_in(form_of(client.client_id, entra.assertion(aud="another")))
    request_log.writer.flush()
    entry = RequestLog.objects.get()
    refused = read(administrator.get("/eum/refused/")).text
    assert "The assertion is for somebody else." in refused and client.prefix in refused
    assert "The assertion is for somebody else" in read(administrator.get("/eum/log/")).text
    page = read(administrator.get(f"/eum/log/{entry.pk}/")).text
    assert "The assertion is for somebody else." in page and "Sign in for an access token" in page


def test_a_secret_that_was_not_copied_says_so_until_it_is(administrator, provider):
    add(administrator, provider)
    secret = ClientSecret.objects.get()
    assert "value not copied" in read(administrator.get(url(provider))).text
    administrator.post(url(provider, f"{secret.client_id}/secrets/{secret.pk}/copied/"))
    assert "value not copied" not in read(administrator.get(url(provider))).text


def test_a_provider_without_a_permanent_token_is_not_shown_as_one_without_any(administrator, provider):
    overview = f"/eum/providers/{provider.pk}/"
    assert "There is no token yet." in read(administrator.get(overview)).text
    client, _secret, value = oauth.add_client(provider, SYSTEM)
    sign_in({"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": value})
    page = read(administrator.get(overview)).text
    assert "The directory signs in by OAuth." in page and "no permanent token" in page
    assert "OAuth" in read(administrator.get("/eum/providers/")).text
    oauth.revoke_client(client, SYSTEM)
    assert "There is no token yet." in read(administrator.get(overview)).text


def test_pasted_keys_stay_when_something_else_is_edited(administrator, provider, entra):
    client = oauth.add_federated_client(
        provider, SYSTEM, Trust(entra.issuer, "", entra.key_set, SUBJECT, [APPLICATION], TENANT)
    )
    form = administrator.get(url(provider, f"{client.pk}/trust/")).context["form"]
    sent = {name: form[name].value() or "" for name in form.fields} | {"audience": f"api://{APPLICATION} other"}
    assert administrator.post(url(provider, f"{client.pk}/trust/"), sent).status_code == 302
    client.trust.refresh_from_db()
    assert signing_keys.read_key_set(client.trust.keys) == signing_keys.read_key_set(entra.key_set)
    assert sign_in(form_of(client.client_id, entra.assertion())).status_code == 200
