"""A provider's tokens (AC-TOK)."""

import dataclasses
import logging
import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.postgres.functions import TransactionNow
from django.contrib.sessions.models import Session
from django.utils import timezone

from providers import request_log
from providers.events import SYSTEM
from providers.models import ChangeEvent, RequestLog, Token
from providers.tokens import is_well_formed, issue_test_token, make_value, revoke_token, rotate_token
from tests.factories import issue
from tests.pages import read

VALUE = re.compile(r"ipr_[A-Za-z0-9_-]{49}")


def post(browser, provider, **sent):
    sent.setdefault("request_key", str(uuid.uuid4()))
    return browser.post(f"/eum/providers/{provider.pk}/tokens/", sent)


def value_in(answer) -> str | None:
    found = VALUE.search(read(answer).source)
    return found and found.group()


def test_ac_tok_1_one_post_on_a_fresh_provider_shows_the_value(administrator, provider):
    answer = post(administrator, provider)
    value = value_in(answer)
    assert value and read(answer).source.count(value) == 1
    token = provider.tokens.get()
    assert (token.label, token.expires_at, token.shown) == ("Permanent token 1", None, f"{value[:8]}…{value[-4:]}")
    assert token.created_by.get_username().startswith("administrator")


def test_ac_tok_1_the_value_opens_the_endpoint(administrator, provider, client):
    value = value_in(post(administrator, provider))
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 200


def test_ac_tok_3_the_value_is_on_no_page_afterwards(administrator, provider):
    value = value_in(post(administrator, provider))
    for path in ("", "tokens/", f"tokens/{provider.tokens.get().pk}/revoke/", "ip-restriction/"):
        assert value not in read(administrator.get(f"/eum/providers/{provider.pk}/{path}")).source


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
        assert "already created; the value cannot be shown again" in read(again).text
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


def test_ac_tok_7_a_token_that_was_not_copied_says_so_until_its_first_use(administrator, provider):
    post(administrator, provider)
    token = provider.tokens.get()
    address = f"/eum/providers/{provider.pk}/tokens/"
    for _time in range(2):  # a reload changes nothing
        page = read(administrator.get(address))
        assert "value not copied" in page.text and "Revoke it and make a new one." in page.text
        assert page.has("a", href=f"{address}{token.pk}/revoke/")
    assert "It was not copied" in read(administrator.get(f"/eum/providers/{provider.pk}/")).text
    Token.objects.update(last_used_at=timezone.now())
    assert "not copied" not in read(administrator.get(address)).text


def test_ac_tok_7_copying_is_noted_once_and_by_who_may_make_tokens_only(administrator, support, provider):
    dialog = read(post(administrator, provider))
    address = dialog.one("form", data_done=f"/eum/providers/{provider.pk}/")["action"]
    assert support.post(address).status_code == 403 and not provider.tokens.get().is_copied
    for _time in range(2):
        answer = administrator.post(address)
        assert answer.status_code == 302 and answer["Location"] == f"/eum/providers/{provider.pk}/"
    assert provider.tokens.get().is_copied
    assert "not copied" not in read(administrator.get(f"/eum/providers/{provider.pk}/tokens/")).text
    assert administrator.get(address).status_code == 302  # after signing in again


def test_ac_tok_7_a_rotation_whose_value_was_not_copied_does_not_ask_to_paste_it(administrator, provider):
    old, _value = issue(provider)
    assert old.is_copied  # a command printed it
    administrator.post(f"/eum/providers/{provider.pk}/tokens/{old.pk}/rotate/", {"overlap": "7d"})
    said = read(administrator.get(f"/eum/providers/{provider.pk}/tokens/")).one(test_id="rotation").text
    assert "Permanent token 2 was not copied. Before Permanent token 1 expires," in said and "Paste" not in said


def test_ac_tok_8_revoking_asks_first_with_label_use_and_consequence(administrator, provider):
    token, _value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/"
    page = read(administrator.get(path))
    assert (
        "Revoke Permanent token 1?" in page.text
        and "never used" in page.text
        and "Requests with it will be refused" in page.text
        and "stops until Entra ID has a token that works" in page.text
    )
    assert "autofocus" in page.one(test_id="cancel").attributes
    assert provider.tokens.get().revoked_at is None


def test_ac_tok_8_a_revoked_token_is_refused_at_once(administrator, provider, client):
    token, value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/"
    answer = administrator.post(path, follow=True)
    assert "Permanent token 1 is revoked." in read(answer).text and "Revoked" in read(answer).text
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 401
    assert administrator.post(path).status_code == 302  # idempotent
    assert ChangeEvent.objects.filter(kind="token.revoked").count() == 1


def test_ac_tok_13_a_second_token_is_explained_first_and_a_third_refused(administrator, provider):
    post(administrator, provider)
    asked = post(administrator, provider)
    assert value_in(asked) is None and "Entra ID and Okta hold one token" in read(asked).text
    assert provider.tokens.count() == 1
    assert value_in(post(administrator, provider, confirm="yes"))
    for third in (post(administrator, provider), post(administrator, provider, confirm="yes")):
        assert value_in(third) is None and "two live tokens" in read(third).text
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
    page = read(administrator.get(f"/eum/providers/{provider.pk}/tokens/"))
    token = provider.tokens.get()
    for part in (token.label, token.shown, token.created_by.get_username(), "20.190.137.45", "Active", "Never"):
        assert part in page.text


def rotate(browser, provider, token, **sent):
    sent.setdefault("request_key", str(uuid.uuid4()))
    return browser.post(f"/eum/providers/{provider.pk}/tokens/{token.pk}/rotate/", sent)


def status_with(client, value):
    return client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code


def test_ac_tok_9_both_work_during_the_overlap_and_the_old_one_ends_with_it(administrator, provider, client):
    old, old_value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{old.pk}/rotate/"
    assert read(administrator.get(path)).one(test_id="overlap").value == "7d"
    new_value = value_in(rotate(administrator, provider, old, overlap="24h"))
    assert (status_with(client, old_value), status_with(client, new_value)) == (200, 200)
    old.refresh_from_db()
    assert timedelta(hours=23) < old.expires_at - timezone.now() <= timedelta(hours=24)
    Token.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(hours=1))  # a day later
    assert (status_with(client, old_value), status_with(client, new_value)) == (401, 200)
    event = ChangeEvent.objects.get(kind="token.rotated")
    assert event.provider_id == provider.pk and new_value[8:-4] not in repr(event.changes)
    assert ChangeEvent.objects.filter(kind="token.issued").count() == 1  # that of the old one


def test_ac_tok_9_without_overlap_the_old_one_ends_at_once(administrator, provider, client):
    old, old_value = issue(provider)
    issue(provider)
    new_value = value_in(rotate(administrator, provider, old, overlap="none"))
    assert (status_with(client, old_value), status_with(client, new_value)) == (401, 200)


def test_ac_tok_5_a_rotation_sent_twice_makes_one_token(administrator, provider):
    old, _value = issue(provider)
    key = str(uuid.uuid4())
    assert value_in(rotate(administrator, provider, old, overlap="7d", request_key=key))
    again = rotate(administrator, provider, old, overlap="7d", request_key=key)
    assert again.status_code == 409 and value_in(again) is None and provider.tokens.count() == 2


def test_ac_tok_13_rotating_with_two_live_tokens_explains_which_to_revoke(administrator, provider):
    old, _value = issue(provider)
    issue(provider)
    refused = rotate(administrator, provider, old, overlap="7d")
    assert refused.status_code == 409 and "two live tokens" in read(refused).text
    assert provider.tokens.count() == 2


def test_rotating_a_token_that_has_ended_changes_nothing(administrator, provider):
    old, _value = issue(provider)
    revoke_token(old, SYSTEM)
    answer = administrator.post(f"/eum/providers/{provider.pk}/tokens/{old.pk}/rotate/", {"overlap": "7d"}, follow=True)
    assert "was revoked by The system" in read(answer).text and provider.tokens.count() == 1


def test_the_pair_of_a_rotation_says_whether_the_new_one_was_used(administrator, provider, client):
    old, _value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/"
    value = value_in(rotate(administrator, provider, old, overlap="7d"))
    Token.objects.update(is_copied=True)
    page = read(administrator.get(path))
    assert "Permanent token 2 has not been used yet" in page.text and "Retiring until" in page.text
    assert not page.has(test_id="retire")
    status_with(client, value)
    request_log.writer.flush()
    page = read(administrator.get(path))
    assert "Permanent token 2 was first used" in page.text and page.has(test_id="retire")


def test_ac_tok_10_last_use_is_written_once_a_minute(provider, client):
    token, value = issue(provider)
    for _ in range(3):
        status_with(client, value)
    request_log.writer.flush()
    token.refresh_from_db()
    first = token.last_used_at
    assert first and token.first_used_at == first and token.last_used_ip == "127.0.0.1"
    status_with(client, value)
    request_log.writer.flush()
    token.refresh_from_db()
    assert token.last_used_at == first
    # The query compares with the begin of its transaction, which is that of the test.
    Token.objects.update(last_used_at=TransactionNow() - timedelta(seconds=61))
    status_with(client, value)
    request_log.writer.flush()
    token.refresh_from_db()
    assert token.last_used_at > first and token.first_used_at == first


def test_ac_tok_12_suspended_is_401_and_restored_is_200_with_the_same_token(administrator, provider, client):
    token, value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/"
    assert "Suspend Permanent token 1?" in read(administrator.get(f"{path}suspend/")).text
    for _ in range(2):
        assert "is suspended" in read(administrator.post(f"{path}suspend/", follow=True)).text
        assert status_with(client, value) == 401
    for _ in range(2):
        assert "is restored" in read(administrator.post(f"{path}restore/", follow=True)).text
        assert status_with(client, value) == 200
    kinds = ChangeEvent.objects.filter(provider_id=provider.pk, kind__startswith="token.s").values_list(
        "kind", flat=True
    )
    assert list(kinds) == ["token.suspended"]
    assert ChangeEvent.objects.filter(kind="token.restored").count() == 1


def test_expiry_is_the_end_of_a_day_and_may_be_taken_back(administrator, provider, client):
    token, value = issue(provider)
    path = f"/eum/providers/{provider.pk}/tokens/{token.pk}/expiry/"
    today = timezone.localdate()
    administrator.post(path, {"last_day": today.isoformat()})
    token.refresh_from_db()
    assert timezone.localtime(token.expires_at).date() == today + timedelta(days=1)
    assert read(administrator.get(path)).one("input", name="last_day").value == today.isoformat()
    assert status_with(client, value) == 200
    administrator.post(path, {"last_day": ""})
    token.refresh_from_db()
    assert token.expires_at is None
    assert ChangeEvent.objects.filter(kind="token.expiry").count() == 2


@pytest.mark.parametrize("day", ["2020-01-01", "tomorrow", "9999-12-31", "2026-02-31"])
def test_a_day_that_cannot_be_is_explained(administrator, provider, day):
    token, _value = issue(provider)
    answer = administrator.post(f"/eum/providers/{provider.pk}/tokens/{token.pk}/expiry/", {"last_day": day})
    assert read(answer).one("input", name="last_day")["aria-invalid"] == "true"
    token.refresh_from_db()
    assert token.expires_at is None


@pytest.mark.parametrize(("days", "word"), [(29, "Expires in 4"), (3, "Expires in 3"), (60, "Active")])
def test_ac_tok_11_the_badge_warns_before_the_end(administrator, provider, days, word):
    issue(provider, expires_at=timezone.now() + timedelta(days=days, hours=1))
    page = read(administrator.get(f"/eum/providers/{provider.pk}/tokens/"))
    assert word in page.text


def test_ac_tok_11_an_old_token_that_never_ends_is_a_quiet_reminder(administrator, provider):
    issue(provider)
    Token.objects.update(created_at=timezone.now() - timedelta(days=400))
    page = read(administrator.get(f"/eum/providers/{provider.pk}/tokens/"))
    assert "1\xa0year old: consider a rotation" in page.text and "Active" in page.text


def test_the_token_of_a_connection_test_is_in_no_list_and_takes_no_place(administrator, provider):
    issue_test_token(provider)
    page = read(administrator.get(f"/eum/providers/{provider.pk}/tokens/"))
    assert "No token yet" in page.text
    issue(provider)
    issue(provider)


def test_no_permanent_token_looks_like_one_of_a_test():
    assert not any(make_value().startswith("ipr_test") for _ in range(100))
    assert is_well_formed(make_value(is_test=True)) and make_value(is_test=True).startswith("ipr_test")


def test_an_old_token_works_past_its_end_while_the_new_one_is_unused_if_the_operator_wants(provider, client, settings):
    old, value = issue(provider)
    _new, new_value = rotate_token(old, SYSTEM, overlap=timedelta(hours=1))
    Token.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(minutes=1))

    def status(presented):
        return client.get("/scim/Users", headers={"Authorization": f"Bearer {presented}"}).status_code

    assert status(value) == 401
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, keep_until_used=True)
    assert status(value) == 200
    assert Token.objects.get(pk=old.pk).state == "active" and provider.tokens.live().count() == 2
    assert status(new_value) == 200
    request_log.writer.flush()
    assert status(value) == 401
    assert Token.objects.get(pk=old.pk).state == "expired" and provider.tokens.live().count() == 1
