"""Alerts: one message for each change of state, after a grace period, to each recipient; tried again with limits."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers import alerts
from providers.administration import pause_provider, resume_provider
from providers.alerts import SENDING, change_recipients, send_alerts, send_test, shown_target, write_alerts
from providers.events import SYSTEM
from providers.housekeeping import run_job
from providers.models import MOST_TRIES, Alert, ChangeEvent, JobRun, Provider
from providers.notices import UnsentError
from tests.factories import issue, make_calls, make_provider
from tests.providers.test_outgoing import LOOPBACK
from tests.webhooks import make_certificate, serving

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
START = datetime(2026, 11, 25, 10, 2, tzinfo=UTC)  # 11:02 in Amsterdam
OPS, DESK = "ops@contoso.com", "desk@contoso.com"


@pytest.fixture(autouse=True)
def with_mail(settings):
    settings.OPTIONS = dataclasses.replace(
        settings.OPTIONS, email_url="smtp://mail.example.com", webhook_networks=LOOPBACK
    )
    settings.DEFAULT_FROM_EMAIL = "iprova@example.com"


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves: `clock(HOUR)`."""
    now = [START]
    monkeypatch.setattr(timezone, "now", lambda: now[0])

    def move(by=timedelta()):
        now[0] += by
        return now[0]

    return move


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def chat(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as found:
        yield found


def tell(provider, *addresses, webhook="", has_digest=False):
    change_recipients(provider, SYSTEM, addresses=addresses, webhook=webhook, has_digest=has_digest)


def sent():
    """Run both jobs; what was mailed by that, as subject and address."""
    mail.outbox.clear()
    run_job(write_alerts)
    run_job(send_alerts)
    return [(message.subject, message.to[0]) for message in mail.outbox]


def run_for(clock, time):
    """Run the jobs every five minutes as the timer does, in a long time thirty times; all that was mailed."""
    step = max(5 * MINUTE, time / 30)
    found = []
    for _ in range(round(time / step)):
        clock(step)
        found += sent()
    return found


def connected(provider, at):
    make_calls(provider, at=at)


def test_a_provider_that_goes_silent_is_one_mail_one_webhook_and_one_recovery(provider, clock, chat):
    tell(provider, OPS, webhook=chat.url)
    connected(provider, START)
    assert run_for(clock, 26 * HOUR) == [] and chat.received == []
    assert run_for(clock, 5 * HOUR) == [("Contoso Entra ID is silent", OPS)]
    body = Alert.objects.get(target=OPS).body
    assert body.startswith("There was no request since 25 Nov 2026, 11:02 CET.")
    assert body.endswith(f"http://127.0.0.1:8000/eum/providers/{provider.pk}/")
    assert chat.texts == [f"Contoso Entra ID is silent\n{body}"] and chat.requests[0][1]["Content-Type"] == (
        "application/json"
    )
    connected(provider, clock())
    assert run_for(clock, 30 * MINUTE) == [("Contoso Entra ID works again", OPS)]
    assert len(chat.texts) == 2 and chat.texts[1].startswith("Contoso Entra ID works again\nIt has worked since")
    assert run_for(clock, HOUR) == [] and len(chat.texts) == 2
    acts = ChangeEvent.objects.filter(kind="alert.sent").order_by("id")
    assert [(act.provider_id, act.subject, *(change["after"] for change in act.changes)) for act in acts] == [
        (provider.pk, "Contoso Entra ID", kind, to)
        for kind in ("silent", "works")
        for to in (OPS, "https://localhost/…path")
    ]
    assert acts.count() == 4 and "secret" not in str(list(acts.values()))


def test_a_trouble_that_ends_within_the_grace_period_is_not_told(provider, clock):
    tell(provider, OPS)
    connected(provider, START)
    make_calls(provider, 400, "POST", at=clock(), count=9)
    assert sent() == []  # the grace period begins
    assert alerts.AlertState.objects.get(subject=f"provider {provider.pk}").seen == "failing"
    clock(5 * MINUTE)
    make_calls(provider, 204, "PATCH", at=clock(), count=90)
    assert run_for(clock, HOUR) == []


def test_each_trouble_has_its_own_words_and_one_message(provider, clock):
    tell(provider, OPS)
    token, _value = issue(provider)
    connected(provider, START)
    make_calls(provider, 500, "POST", at=clock(), count=9)
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID: changes fail", OPS)]
    make_calls(provider, 401, at=clock(), token_id=token.pk, reason="token-revoked")
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID: requests are refused", OPS)]
    Provider.objects.filter(pk=provider.pk).update(held_at=clock())
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID: removals are held back", OPS)]
    Provider.objects.filter(pk=provider.pk).update(held_at=None)
    connected(provider, clock())
    clock(HOUR)
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID works again", OPS)]


def test_a_pause_is_neither_a_trouble_nor_a_recovery(provider, clock):
    tell(provider, OPS)
    connected(provider, START)
    assert len(run_for(clock, 27 * HOUR)) == 1
    pause_provider(provider, SYSTEM)
    assert run_for(clock, HOUR) == []
    resume_provider(provider, SYSTEM)
    assert run_for(clock, HOUR) == []
    connected(provider, clock())
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID works again", OPS)]


def test_held_removals_are_not_told_to_the_address_that_gets_the_notice_about_them(provider, clock):
    Provider.objects.filter(pk=provider.pk).update(notification_email=OPS, held_at=clock())
    tell(provider, OPS, DESK)
    assert run_for(clock, 20 * MINUTE) == [("Contoso Entra ID: removals are held back", DESK)]


def test_the_installation_is_told_about_all_providers_and_a_provider_only_about_itself(provider, stranger, clock):
    tell(None, OPS)
    tell(provider, DESK, OPS)
    for one in (provider, stranger):
        connected(one, START)
    found = run_for(clock, 27 * HOUR)
    assert sorted(found) == [("Contoso Entra ID is silent", DESK), *[("Contoso Entra ID is silent", OPS)], (
        "Fabrikam is silent", OPS)]  # fmt: skip


def test_many_changes_at_once_are_one_message(db, clock):
    tell(None, OPS)
    for number in range(7):
        connected(make_provider(f"P{number}"), START)
    assert run_for(clock, 27 * HOUR) == [("7 changes of state", OPS)]
    assert "- P3 is silent\n" in Alert.objects.get().body


def test_a_failed_job_is_told_to_the_installation_only_and_its_recovery_too(provider, clock):
    tell(None, OPS)
    tell(provider, DESK)

    def erase_traces():
        raise ValueError("jane@contoso.com")

    with pytest.raises(ValueError, match="jane"):
        run_job(erase_traces)
    assert run_for(clock, 20 * MINUTE) == [("The job erase_traces failed", OPS)]
    assert "ValueError" in Alert.objects.get().body and "jane" not in Alert.objects.get().body
    JobRun.objects.filter(job="erase_traces").update(has_failed=False, result="0")
    assert run_for(clock, 20 * MINUTE) == [("erase_traces works again", OPS)]


def test_a_failed_webhook_is_tried_again_and_then_given_up_while_the_mail_is_sent(provider, clock, chat):
    tell(provider, OPS, webhook=chat.url)
    connected(provider, START)
    chat.status = 503
    clock(27 * HOUR)
    write_alerts()
    clock(10 * MINUTE)
    write_alerts()
    while send_alerts_quietly():
        pass
    webhook = Alert.objects.get(target=chat.url)
    assert len(mail.outbox) == 1 and (webhook.tries, webhook.detail) == (1, "503")
    with pytest.raises(UnsentError):
        send_alerts()
    tries = []
    for _ in range(1 + 36 * 12):  # more than a day
        clock(5 * MINUTE)
        tries.append(sum(iter(send_alerts_quietly, 0)))
    assert len(chat.received) == MOST_TRIES == 1 + sum(tries) and len(mail.outbox) == 1
    webhook.refresh_from_db()
    assert webhook.is_given_up and ChangeEvent.objects.filter(kind="alert.failed").count() == 1
    assert send_alerts() == 0
    chat.status = 200
    connected(provider, clock())
    run_for(clock, 20 * MINUTE)
    assert chat.texts[-1].startswith("Contoso Entra ID works again")


def send_alerts_quietly():
    try:
        return send_alerts()
    except UnsentError:
        return 0


def test_a_broken_target_is_tried_once_in_a_run_however_many_messages_wait(db, clock, chat):
    tell(None, webhook=chat.url)
    chat.status = 500
    for number in range(4):
        connected(make_provider(f"P{number}"), START)
    clock(27 * HOUR)
    write_alerts()
    clock(10 * MINUTE)
    assert write_alerts() == "4"
    assert sum(iter(send_alerts_quietly, 0)) == 1 and len(chat.received) == 1


def test_without_a_mail_server_the_reason_is_noted(provider, clock, settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, email_url="")
    tell(provider, OPS)
    [row] = send_test(provider)
    assert (row.error, row.is_given_up, mail.outbox) == ("EMAIL_URL is not set", True, [])


def test_a_mail_server_that_fails_is_named_by_its_class_only(provider, clock, monkeypatch):
    def refuse(self, messages):
        raise ConnectionRefusedError("secret")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    tell(provider, OPS)
    assert send_test(provider)[0].detail == "ConnectionRefusedError"


def test_the_failure_of_sending_is_not_an_alert(db, clock):
    tell(None, OPS)
    JobRun.objects.create(job=SENDING, ran_at=clock(), took_ms=1, has_failed=True, result="UnsentError")
    assert run_for(clock, HOUR) == []


def test_the_summary_comes_once_a_day_after_seven(provider, stranger, clock):
    tell(None, OPS, has_digest=True)
    tell(provider, DESK, has_digest=True)
    connected(provider, START)
    assert sorted(sent()) == [("Summary of 25 Nov 2026, 11:02 CET", DESK), ("Summary of 25 Nov 2026, 11:02 CET", OPS)]
    clock(19 * HOUR + 50 * MINUTE)  # 06:52
    assert sent() == []
    clock(10 * MINUTE)
    assert [subject for subject, _to in sorted(sent())] == ["Summary of 26 Nov 2026, 07:02 CET"] * 2
    body = Alert.objects.filter(target=OPS).latest("pk").body
    assert "Contoso Entra ID: Late, 1 requests" in body and "Fabrikam: Not connected" in body
    assert "Fabrikam" not in Alert.objects.filter(target=DESK).latest("pk").body
    assert run_for(clock, 2 * HOUR) == []


def test_a_title_cannot_mention_or_link_in_a_chat(db, clock, chat):
    tell(None, webhook=chat.url)
    connected(make_provider("<!channel> <https://x|y>"), START)
    run_for(clock, 27 * HOUR)
    assert chat.texts[0].startswith("(!channel) (https://x|y) is silent\n") and "<" not in chat.texts[0]


def test_messages_are_in_the_language_of_the_installation(provider, clock, settings):
    settings.LANGUAGE_CODE = "nl"
    tell(provider, OPS)
    connected(provider, START)
    assert run_for(clock, 27 * HOUR) == [("Contoso Entra ID is stil", OPS)]


def test_the_queries_do_not_grow_with_the_providers(db, clock):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            write_alerts()
        return len(queries)

    tell(None, OPS)
    connected(make_provider(), START)
    clock(27 * HOUR)
    write_alerts()
    one = count()
    for _ in range(9):
        connected(make_provider(), START)
    write_alerts()
    assert count() == one


def test_the_audit_has_the_recipients_but_not_the_webhook(provider):
    tell(provider, OPS, webhook="https://hooks.example.com/services/T0/B0/secret1234")
    event = ChangeEvent.objects.get(kind="alerts.changed")
    assert {change["path"]: change["after"] for change in event.changes} == {
        "alert addresses": [OPS],
        "webhook": "https://hooks.example.com/…1234",
    }
    tell(provider, OPS, webhook="https://hooks.example.com/services/T0/B0/secret1234")
    assert ChangeEvent.objects.filter(kind="alerts.changed").count() == 1
    assert (shown_target(OPS), shown_target("https://x.com/secret")) == (OPS, "https://x.com/…")


def test_two_runs_at_once_write_one_message(provider, clock):
    tell(provider, OPS)
    connected(provider, START)
    clock(27 * HOUR)
    write_alerts()
    clock(10 * MINUTE)
    write_alerts()
    alerts.AlertState.objects.update(told="")  # as another machine has read it
    write_alerts()
    assert Alert.objects.count() == 1
