"""A provider's tokens (AC-TOK)."""

import logging
import re
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from providers.models import ChangeEvent, RequestLog, Token
from tests.factories import issue

VALUE = re.compile(r"ipr_[A-Za-z0-9_-]{49}")


def post(browser, provider, **sent):
    sent.setdefault("request_key", str(uuid.uuid4()))
    return browser.post(f"/eum/providers/{provider.pk}/tokens/", sent)


def value_in(answer) -> str | None:
    found = VALUE.search(answer.content.decode())
    return found and found.group()


def test_ac_tok_1_one_post_on_a_fresh_provider_shows_the_value(administrator, provider):
    answer = post(administrator, provider)
    value = value_in(answer)
    assert value and answer.content.decode().count(value) == 1
    token = provider.tokens.get()
    assert (token.label, token.expires_at, token.shown) == ("Permanent token 1", None, f"{value[:8]}…{value[-4:]}")
    assert token.created_by.get_username().startswith("administrator")


def test_ac_tok_1_the_value_opens_the_endpoint(administrator, provider, client):
    value = value_in(post(administrator, provider))
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 200


def test_ac_tok_3_the_value_is_on_no_page_afterwards(administrator, provider):
    value = value_in(post(administrator, provider))
    for path in ("", "tokens/", f"tokens/{provider.tokens.get().pk}/revoke/", "ip-restriction/"):
        assert value not in administrator.get(f"/eum/providers/{provider.pk}/{path}").content.decode()


def test_ac_tok_4_the_creating_answer_is_not_stored(administrator, provider):
    answer = post(administrator, provider)
    assert "no-store" in answer["Cache-Control"]
    assert answer.status_code == 200  # no redirect: the value would have to wait somewhere


def test_ac_tok_5_sent_again_it_makes_no_second_token_and_shows_nothing(administrator, provider):
    key = str(uuid.uuid4())
    assert value_in(post(administrator, provider, request_key=key))
    for again in (
        post(administrator, provider, request_key=key),
        post(administrator, provider, request_key=key, confirm="yes"),
    ):
        assert again.status_code == 409 and value_in(again) is None
        assert "already created; the value cannot be shown again" in again.content.decode()
    assert provider.tokens.count() == 1


def test_ac_tok_6_the_value_is_in_no_log_record_session_or_cookie(administrator, provider, caplog):
    caplog.set_level(logging.DEBUG)
    value = value_in(post(administrator, provider))
    middle = value[17:37]
    administrator.get(f"/eum/providers/{provider.pk}/")
    rows = [*ChangeEvent.objects.values(), *RequestLog.objects.values(), *Token.objects.values()]
    rows += [session.get_decoded() for session in Session.objects.all()]
    kept = repr(rows) + caplog.text + repr(administrator.cookies)
    assert middle not in kept and middle not in repr([bytes(row.digest) for row in Token.objects.all()])


def test_ac_tok_7_a_token_that_was_not_copied_is_named_with_its_way_out(administrator, provider):
    post(administrator, provider)
    token = provider.tokens.get()
    page = administrator.get(f"/eum/providers/{provider.pk}/tokens/?not-copied={token.pk}").content.decode()
    assert "value not copied" in page and f"tokens/{token.pk}/revoke/" in page
    assert "value not copied" not in administrator.get(f"/eum/providers/{provider.pk}/tokens/").content.decode()
    Token.objects.update(last_used_at=timezone.now())
    page = administrator.get(f"/eum/providers/{provider.pk}/tokens/?not-copied={token.pk}").content.decode()
    assert "value not copied" not in page


def test_ac_tok_8_revoking_asks_first_with_label_use_and_consequence(administrator, provider):
    token, _value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/"
    page = administrator.get(path).content.decode()
    assert "Revoke Permanent token 1?" in page and "never used" in page and "Requests with it are refused" in page
    cancel = page[page.index('data-testid="cancel"') :].partition(">")[0]
    assert "autofocus" in cancel
    assert provider.tokens.get().revoked_at is None


def test_ac_tok_8_a_revoked_token_is_refused_at_once(administrator, provider, client):
    token, value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/"
    answer = administrator.post(path, follow=True)
    assert "Permanent token 1 is revoked." in answer.content.decode() and "Revoked" in answer.content.decode()
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 401
    assert administrator.post(path).status_code == 302  # twice is once
    assert ChangeEvent.objects.filter(kind="token.revoked").count() == 1


def test_ac_tok_13_a_second_token_is_explained_first_and_a_third_refused(administrator, provider):
    post(administrator, provider)
    asked = post(administrator, provider)
    assert value_in(asked) is None and "Entra can hold one token" in asked.content.decode()
    assert provider.tokens.count() == 1
    assert value_in(post(administrator, provider, confirm="yes"))
    for third in (post(administrator, provider), post(administrator, provider, confirm="yes")):
        assert value_in(third) is None and "two live tokens" in third.content.decode()
    assert provider.tokens.count() == 2


def test_another_providers_token_is_404(administrator, provider, stranger):
    token, _value = issue(stranger)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/"
    assert administrator.get(path).status_code == 404
    assert administrator.post(path).status_code == 404
    assert Token.objects.get().revoked_at is None


@pytest.mark.parametrize("key", ["", "nonsense", "0" * 31])
def test_a_form_with_a_broken_key_still_makes_its_token(administrator, provider, key):
    assert value_in(post(administrator, provider, request_key=key))


def test_the_list_names_maker_use_and_state(administrator, provider):
    post(administrator, provider)
    Token.objects.update(last_used_at=timezone.now(), last_used_ip="20.190.137.45")
    page = administrator.get(f"/eum/providers/{provider.pk}/tokens/").content.decode()
    token = provider.tokens.get()
    for part in (token.label, token.shown, token.created_by.get_username(), "20.190.137.45", "Active", "Never"):
        assert part in page
