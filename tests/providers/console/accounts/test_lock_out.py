"""Limits on sign-in attempts: by name and address, by address, by the number of passwords checked at a time."""

import threading
import time

import pytest
from axes.models import AccessAttempt
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from providers import password_checks, rate_limits
from providers.models import ChangeEvent
from tests.factories import browser_of, make_account, make_provider
from tests.pages import read

PASSWORD = "correct horse battery"


@pytest.fixture
def account(db):
    return make_account("Administrator", username="b.janssen")


@pytest.fixture
def patient(monkeypatch):
    """No limit on the speed of attempts, for tests of the lock-out alone."""
    monkeypatch.setattr(rate_limits.passwords, "rate", 0)


def attempt(name="b.janssen", password="wrong", address="203.0.113.9", client=None):
    return (client or Client()).post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def events(kind):
    return list(ChangeEvent.objects.filter(kind=f"console.{kind}").order_by("id").values_list("subject", "address"))


# ---- the lock-out ----


def test_m6_the_addresses_of_one_ipv6_subscriber_count_as_one(account):
    found = [attempt(address=f"2001:db8:1:2:{number:x}::1").status_code for number in range(12)]
    assert found == [200] * 4 + [429] * 8
    assert attempt(password=PASSWORD, address="2001:db8:1:2:ffff::1").status_code == 429
    assert attempt(password=PASSWORD, address="2001:db8:1:3::1").status_code == 302, "the next /64"


def test_m6_many_names_from_one_address_are_a_lock_out_too(account, patient):
    for number in range(29):
        assert attempt(f"name{number}").status_code == 200
    last = attempt("name29")
    assert (last.status_code, last["Retry-After"]) == (429, "900")
    assert "for every name" in read(last).text
    assert attempt(password=PASSWORD).status_code == 429
    assert attempt(password=PASSWORD, address="203.0.113.10").status_code == 302
    assert events("address-locked") == [("203.0.113.9", "203.0.113.9")]
    assert not events("sign-in-locked")


def test_m6_a_success_forgets_its_own_failures_alone(account, patient):
    make_account("Support", username="c.visser")
    for name in ("b.janssen", "c.visser", "nobody"):
        attempt(name)
    assert attempt(password=PASSWORD).status_code == 302
    assert sorted(name[:8] for name in AccessAttempt.objects.values_list("username", flat=True))[0] != "b.jansse"
    assert AccessAttempt.objects.count() == 2


def test_m6_a_wrong_old_password_counts_as_on_the_sign_in_page(account):
    browser = browser_of(account)
    form = {"old_password": "wrong", "new_password1": "an entirely new one", "new_password2": "an entirely new one"}
    found = [browser.post("/password_change/", form).status_code for _ in range(6)]
    assert found == [200] * 4 + [429] * 2
    assert browser.post("/password_change/", form | {"old_password": PASSWORD}).status_code == 429
    account.refresh_from_db()
    assert account.check_password(PASSWORD)
    assert browser.get("/eum/").status_code == 200, "who is signed in stays it"
    assert [subject for subject, _ in events("sign-in-locked")] == ["b.janssen"]


# ---- speed ----


def test_v30_attempts_from_one_address_are_limited_without_a_query(account, django_assert_num_queries):
    client = Client()
    found = [attempt(f"name{number}", client=client).status_code for number in range(10)]
    assert found == [200] * 10
    with django_assert_num_queries(0):
        page = attempt("another", client=client)
    assert (page.status_code, page["Cache-Control"]) == (429, "no-store")
    assert 1 <= int(page["Retry-After"]) <= 5
    assert "Too many wrong passwords" in read(page).text
    assert attempt(password=PASSWORD, address="203.0.113.10").status_code == 302, "another address is served"


def test_v30_passwords_that_are_right_are_not_counted(account):
    for _ in range(30):
        assert attempt(password=PASSWORD).status_code == 302


def test_v30_every_form_that_asks_for_a_password_is_limited(account):
    provider, browser = make_provider(), browser_of(account)
    for number in range(10):
        attempt(f"name{number}", address="127.0.0.1")
    forms = {
        f"/eum/providers/{provider.pk}/delete/": {"title": provider.title, "password": PASSWORD},
        "/two-step/off/": {"password": PASSWORD},
        "/password_change/": {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"},
    }
    for path, form in forms.items():
        page = browser.post(path, form)
        assert (page.status_code, "was not checked" in read(page).text) == (429, True), path


# ---- at most two at a time ----


@pytest.fixture
def held(committed):
    """`held(n)` takes n slots in a session of another worker until the test ends."""
    leave, threads = threading.Event(), []

    def hold(count):
        taken = threading.Barrier(2)

        def work():
            with transaction.atomic(), connection.cursor() as cursor:
                for number in range(count):
                    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [password_checks._FIRST_SLOT + number])
                taken.wait()
                leave.wait(20)
            connection.close()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        taken.wait()
        return leave

    yield hold
    leave.set()
    for thread in threads:
        thread.join()


def workers(settings, count):
    import dataclasses

    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, workers=count)


@pytest.mark.parametrize(("count", "slots"), [(1, 1), (2, 1), (4, 2)])
def test_v30_one_worker_stays_free_for_provisioning(held, settings, monkeypatch, count, slots):
    workers(settings, count)
    monkeypatch.setattr(password_checks, "_WAIT_S", 0)
    held(slots - 1)
    with password_checks.slot("203.0.113.9"):
        pass
    held(slots)
    with pytest.raises(password_checks.CheckRefusedError), password_checks.slot("203.0.113.9"):
        pass


def test_v30_when_others_are_checked_the_page_says_so(held, settings):
    workers(settings, 4)
    held(2)
    started = time.monotonic()
    page = attempt(f"a{started}")
    assert (page.status_code, page["Retry-After"]) == (503, "2")
    assert "Others are signing in" in read(page).text
    assert time.monotonic() - started < 2
    assert not AccessAttempt.objects.filter(username=f"a{started}").exists()


def test_v30_a_new_address_waits_for_a_slot(held, settings):
    workers(settings, 4)
    leave = held(2)
    threading.Timer(0.3, leave.set).start()
    with password_checks.slot("203.0.113.9"):
        pass


def test_v30_whoever_waits_comes_before_whoever_arrives_later(held, settings, monkeypatch):
    workers(settings, 4)
    monkeypatch.setattr(password_checks, "_may_wait", lambda source: False)
    monkeypatch.setattr(password_checks, "_waiting", [time.monotonic() + 1])
    with pytest.raises(password_checks.CheckRefusedError), password_checks.slot("203.0.113.9"):
        pass
    password_checks._waiting[0] = 0.0
    with password_checks.slot("203.0.113.9"):
        pass


def test_v30_few_requests_wait_so_workers_are_not_held(held, settings):
    workers(settings, 4)
    held(2)
    started = time.monotonic()
    for number in range(60):
        with pytest.raises(password_checks.CheckRefusedError), password_checks.slot(f"203.0.113.{number}"):
            pass
    assert time.monotonic() - started < 10


def test_v30_an_address_that_was_wrong_often_does_not_wait(held, settings):
    workers(settings, 4)
    held(2)
    for _ in range(5):
        password_checks.take_attempt("203.0.113.9")
    started = time.monotonic()
    with pytest.raises(password_checks.CheckRefusedError), password_checks.slot("203.0.113.9"):
        pass
    assert time.monotonic() - started < 0.5


def test_v30_an_address_of_a_slow_flood_does_not_wait_either(held, settings, monkeypatch):
    """The limit allows one wrong password in ten seconds, but the address does not count as new after it."""
    workers(settings, 4)
    held(2)
    now = time.monotonic()
    for bucket in (rate_limits.passwords, rate_limits.known_wrong):
        monkeypatch.setattr(bucket, "_clock", lambda: now)
    for _ in range(4):
        password_checks.take_attempt("203.0.113.9")
        now += 10
    assert rate_limits.passwords.missing("203.0.113.9") == 0
    assert not password_checks._may_wait("203.0.113.9")
    now += 3_600
    assert password_checks._may_wait("203.0.113.9"), "after an hour it may wait again"
    for _ in range(20):
        password_checks.take_attempt("203.0.113.9")
        password_checks.return_attempt("203.0.113.9")
    assert password_checks._may_wait("203.0.113.9"), "passwords that were right do not count"


# ---- what is recorded ----


def test_m6_one_event_for_a_name_an_address_and_a_minute(account, patient):
    for _ in range(4):
        attempt()
        attempt("nobody")
        attempt("somebody else")
    attempt(address="2001:db8::1")
    attempt(address="2001:db8::2")
    assert events("sign-in-failed") == [
        ("b.janssen", "203.0.113.9"),
        ("an unknown name", "203.0.113.9"),
        ("b.janssen", "2001:db8::1"),
    ]


def test_m6_the_next_minute_has_its_event(account, monkeypatch):
    from datetime import timedelta

    from providers import audit

    attempt()
    now = audit.timezone.now()
    monkeypatch.setattr(audit.timezone, "now", lambda: now + timedelta(seconds=61))
    attempt()
    assert len(events("sign-in-failed")) == 2


def test_m6_many_addresses_do_not_fill_the_audit(db, patient):
    for number in range(60):
        attempt("nobody", address=f"203.0.{number}.1")
    assert len(events("sign-in-failed")) == 20


def test_m6_known_and_unknown_names_cost_the_same_queries(account, patient):
    counts = []
    for name in ("b.janssen", "nobody"):
        client = Client()
        attempt(name, client=client, address="203.0.113.1")
        with CaptureQueriesContext(connection) as queries:
            attempt(name, client=client, address="203.0.113.2")
        counts.append(len(queries))
    assert counts[0] == counts[1]
