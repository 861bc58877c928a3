"""Mails to the notification address: once for each occasion, tried again when they failed (AC-TOK-11, AC-HEA-6)."""

import dataclasses
import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from providers import oauth, request_log
from providers.events import SYSTEM
from providers.housekeeping import run_job
from providers.models import ClientSecret, JobRun, Notice, Provider, Token
from providers.notices import UnsentError, clock, send_notices, write_notices
from providers.tokens import rotate_token
from tests.conftest import ScimClient
from tests.factories import issue, make_group, make_user, make_users
from tests.pages import read

DISABLE = {"op": "replace", "path": "active", "value": False}
ADDRESS = "idm@contoso.com"


@pytest.fixture(autouse=True)
def with_mail(settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, email_url="smtp://mail.example.com")
    settings.DEFAULT_FROM_EMAIL = "iprova@example.com"


@pytest.fixture
def told(provider):
    Provider.objects.filter(pk=provider.pk).update(notification_email=ADDRESS)
    provider.refresh_from_db()
    return provider


def sent():
    """Run both jobs; the subjects of what was sent by that."""
    mail.outbox.clear()
    run_job(write_notices)
    run_job(send_notices)
    assert all(message.to == [ADDRESS] and message.from_email == "iprova@example.com" for message in mail.outbox)
    return [message.subject for message in mail.outbox]


def test_ac_tok_11_a_mail_at_30_7_and_1_days_once_each(told, monkeypatch):
    now = timezone.now()
    token, value = issue(told, expires_at=now + timedelta(days=40))
    counts = {}
    for day in range(41):
        monkeypatch.setattr(timezone, "now", lambda day=day: now + timedelta(days=day, minutes=5))
        for _run in range(2):
            for subject in sent():
                assert subject.startswith("Contoso Entra ID: a token expires on ")
                counts[day] = counts.get(day, 0) + 1
    assert counts == {10: 1, 33: 1, 39: 1}
    body = Notice.objects.order_by("pk").last().body
    assert token.shown in body and f"/eum/providers/{told.pk}/tokens/" in body and value not in body


def test_ac_tok_11_a_token_that_ends_soon_from_the_start_is_told_once(told):
    issue(told, expires_at=timezone.now() + timedelta(hours=5))
    assert len(sent()) == 1 and sent() == []


def test_the_old_token_of_a_rotation_is_told_a_day_before_when_the_new_one_is_unused(told, monkeypatch):
    old, _value = issue(told)
    new, _value = rotate_token(old, SYSTEM, overlap=timedelta(days=7))
    assert sent() == []

    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(days=6, minutes=5))
    (subject,) = sent()
    assert "the new one is unused" in subject
    Notice.objects.all().delete()
    Token.objects.filter(pk=new.pk).update(first_used_at=now)
    assert sent() == []


def test_ac_hea_6_many_who_leave_are_told_by_name_with_a_link_to_exactly_those(told, administrator):
    people = make_users(told, (f"user{number:03}@contoso.com" for number in range(200)))
    client = ScimClient(issue(told)[1])
    for person in people[:25]:
        client.patch(f"/Users/{person.pk}", DISABLE)
    request_log.writer.flush()
    assert sent() == ["Contoso Entra ID: 25 users were disabled, deleted or removed from their groups at once"]
    body = mail.outbox[0].body
    assert all(f"- user{number:03}@contoso.com\n" in body for number in range(25)) and "user025" not in body
    address = body.strip().splitlines()[-1].removeprefix("http://127.0.0.1:8000")
    assert len(read(administrator.get(address)).one(test_id="removed").rows) == 25
    assert sent() == []


def test_a_hold_is_told_with_those_who_left_and_those_who_wait(told):
    Provider.objects.update(removal_limit="hold", removal_limit_users=3)
    people = [make_user(told, f"user{number}@contoso.com") for number in range(9)]
    client = ScimClient(issue(told)[1])
    for person in people[:5]:
        client.patch(f"/Users/{person.pk}", DISABLE)
    request_log.writer.flush()
    assert sent() == ["Contoso Entra ID: removals are held back, please decide"]
    left, waiting = mail.outbox[0].body.split("Held back so far:")
    assert "user2@contoso.com" in left and "user3" not in left
    assert "user3@contoso.com" in waiting and "user4@contoso.com" in waiting and "user5" not in waiting
    assert f"/eum/providers/{told.pk}/removals/" in left


def test_nobody_is_told_without_an_address_or_without_mail(provider, settings):
    issue(provider, expires_at=timezone.now() + timedelta(days=3))
    assert sent() == [] and not Notice.objects.exists()
    Provider.objects.update(notification_email=ADDRESS)
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, email_url="")
    assert sent() == [] and not Notice.objects.exists()


def test_a_deleted_provider_is_told_nothing(told):
    issue(told, expires_at=timezone.now() + timedelta(days=3))
    Provider.objects.update(deleted_at=timezone.now())
    assert sent() == []


def test_what_could_not_be_sent_is_tried_again_and_keeps_nothing_else_back(told, stranger, monkeypatch):
    Provider.objects.filter(pk=stranger.pk).update(notification_email="nobody@nowhere.example")
    issue(stranger, expires_at=timezone.now() + timedelta(days=3))
    issue(told, expires_at=timezone.now() + timedelta(days=3))

    def refuse(backend, messages):
        if messages[0].to == ["nobody@nowhere.example"]:
            raise smtplib.SMTPRecipientsRefused({})
        return really(backend, messages)

    really = EmailBackend.send_messages
    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    run_job(write_notices)
    with pytest.raises(UnsentError):
        run_job(send_notices)
    assert [message.to for message in mail.outbox] == [[ADDRESS]]
    assert JobRun.objects.get(job="send_notices").has_failed
    monkeypatch.setattr(EmailBackend, "send_messages", really)
    with pytest.raises(UnsentError):
        run_job(send_notices)  # not before an hour has passed
    Notice.objects.update(tried_at=timezone.now() - timedelta(minutes=61))
    assert run_job(send_notices) == "1"
    assert len(mail.outbox) == 2 and not Notice.objects.filter(sent_at=None).exists()


def test_a_title_cannot_add_lines_to_the_head_of_a_mail(told):
    Provider.objects.update(title="Contoso\nBcc: someone@else.example")
    issue(told, expires_at=timezone.now() + timedelta(days=3))
    (subject,) = sent()
    assert "\n" not in subject and mail.outbox[0].recipients() == [ADDRESS]


EVIL = "b3@x.example\n\nAction needed: confirm at https://evil.example\u2028\u202e\n\n-- \niProva\x1b[2J" + "x" * 5_000


@pytest.mark.parametrize("removal_limit", ["warn", "hold"])
def test_l1_v50_a_name_stays_on_its_line_of_a_mail(told, removal_limit):
    Provider.objects.update(removal_limit=removal_limit, removal_limit_users=3, removal_limit_percent=10)
    people = [make_user(told, f"{number}{EVIL}"[:1_900]) for number in range(6)]
    group = make_group(told, EVIL[:1_900], people)
    client = ScimClient(issue(told)[1])
    for person in people[:4]:
        client.patch(f"/Users/{person.pk}", DISABLE)
    client.delete(f"/Groups/{group.pk}")
    request_log.writer.flush()
    assert len(sent()) == 1
    lines = mail.outbox[0].body.splitlines()
    named = [line for line in lines if "b3@x.example" in line]
    assert len(named) >= 4 and all(line.startswith("- ") and len(line) < 230 for line in named)
    assert [line for line in lines if "evil" in line] == named and "-- " not in lines
    assert not {"\x1b", "\u202e", "\u2028"} & set(mail.outbox[0].body)
    assert any("a group, 3 users" in line for line in named) == (removal_limit == "hold")


def test_l1_a_title_and_a_label_stay_on_their_line_of_a_mail(told):
    Provider.objects.update(title="Contoso\n\nGo to https://evil.example")
    issue(told, expires_at=timezone.now() + timedelta(days=3), label="old\n\nGo to https://evil.example")
    sent()
    assert not [line for line in mail.outbox[0].body.splitlines() if line.startswith("Go to")]


def test_ac_oau_4_a_mail_30_7_and_1_days_before_a_client_secret_expires(told, monkeypatch):
    now = timezone.now()
    _client, secret, value = oauth.add_client(told, SYSTEM, label="Contoso", life=timedelta(days=40))
    counts = {}
    for day in range(41):
        monkeypatch.setattr(timezone, "now", lambda day=day: now + timedelta(days=day, minutes=5))
        for _run in range(2):
            for subject in sent():
                assert subject.startswith("Contoso Entra ID: a client secret expires on ")
                counts[day] = counts.get(day, 0) + 1
    assert counts == {10: 1, 33: 1, 39: 1}
    body = Notice.objects.order_by("pk").last().body
    assert secret.shown in body and f"/eum/providers/{told.pk}/sign-in/" in body and value not in body


def test_ac_oau_4_once_a_secret_is_rotated_only_an_unused_new_one_is_told(told):
    client, _secret, _value = oauth.add_client(told, SYSTEM)
    new, _other = oauth.rotate_secret(client, SYSTEM, overlap=timedelta(hours=23))
    [subject] = sent()
    assert "the new one is unused" in subject
    Notice.objects.all().delete()
    ClientSecret.objects.filter(pk=new.pk).update(first_used_at=timezone.now())
    assert sent() == []


def test_a_mail_names_its_time_zone_whatever_the_viewers(told):
    at = datetime(2026, 11, 25, 10, 2, tzinfo=UTC)
    with timezone.override("Asia/Tokyo"):
        assert clock(at) == "25 Nov 2026, 11:02 CET"
