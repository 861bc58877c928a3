"""Signing in and out, and what is written down of it."""

import dataclasses
import re
from datetime import timedelta
from io import StringIO

from axes.models import AccessAttempt
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers.housekeeping import forget_counts
from providers.models import ChangeEvent
from tests.factories import issue, make_account
from tests.pages import IN_DUTCH, read

PASSWORD = "correct horse battery"


def sign_in(client: Client, name: str, password: str):
    return client.post("/login/", {"username": name, "password": password, "next": "/eum/"}, REMOTE_ADDR="203.0.113.9")


def test_a_sign_in_is_recorded_with_person_address_and_request(client: Client, db):
    account = make_account("Support", username="b.janssen", first_name="Bo", last_name="Janssen")
    answer = sign_in(client, "b.janssen", PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/eum/")
    event = ChangeEvent.objects.get(kind="console.signed-in")
    assert (event.person_id, event.person_name, event.address) == (account.pk, "Bo Janssen", "203.0.113.9")
    assert str(event.request_id) == answer["X-Request-Id"]


def test_a_failed_sign_in_is_answered_with_a_sentence_of_our_own(client: Client, db):
    account = make_account(None, username="b.janssen")
    type(account).objects.update(is_staff=False)
    for name in ("b.janssen", "nobody"):
        assert read(sign_in(client, name, PASSWORD)).one(role="alert").text == "User name or password is wrong."
    dutch = client.post("/login/", {"username": "nobody", "password": "x"}, headers=IN_DUTCH)
    assert read(dutch).one(role="alert").text == "Gebruikersnaam of wachtwoord is onjuist."


def test_the_sign_in_page_shows_an_operator_the_way_back_and_nobody_a_name(client: Client, db):
    def shown():
        page = read(client.get("/login/"))
        return page.one(test_id="operator-help").text, page.text

    help_before, before = shown()
    commands = re.findall(r"manage\.py (\w+)", help_before)
    assert commands == ["reset_password", "changepassword", "list_accounts"] and set(commands) <= set(get_commands())
    make_account("Administrator", username="b.janssen")
    sign_in(client, "b.janssen", "wrong")
    after = read(sign_in(client, "b.janssen", "wrong")).one(test_id="operator-help").text
    assert after == help_before == shown()[0]  # the same whoever asks, and whatever accounts there are
    assert "janssen" not in shown()[1] and shown()[1] == before
    call_command("reset_password", "b.janssen", stdout=(out := StringIO()))
    [password] = re.findall(r"password\W+(\S+)", out.getvalue())
    assert sign_in(client, "b.janssen", password).status_code == 302


def test_a_failed_sign_in_is_recorded_under_the_name_of_an_account(client: Client, db):
    make_account("Support", username="b.janssen")
    answer = sign_in(client, "b.janssen", "wrong")
    assert answer.status_code == 200 and read(answer).has(role="alert")
    event = ChangeEvent.objects.get(kind="console.sign-in-failed")
    assert (event.subject, event.person_id, event.address) == ("b.janssen", None, "203.0.113.9")


def test_ac_aud_2_a_password_typed_as_a_name_is_not_kept(client: Client, db):
    sign_in(client, "my secret passphrase", "x")
    assert ChangeEvent.objects.get(kind="console.sign-in-failed").subject == "an unknown name"


def test_ac_a11y_8_the_form_allows_password_managers(client: Client, db):
    page = read(client.get("/login/"))
    assert page.one(label="User name")["autocomplete"] == "username"
    assert page.one(label="Password")["autocomplete"] == "current-password"


def test_an_outside_address_is_no_way_on(client: Client, db):
    make_account("Support", username="b.janssen")
    answer = client.post("/login/", {"username": "b.janssen", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_an_account_that_is_not_staff_cannot_sign_in(client: Client, db):
    account = make_account("Administrator", username="b.janssen")
    account.is_staff = False
    account.save()
    assert sign_in(client, "b.janssen", PASSWORD).status_code == 200
    assert client.get("/eum/").status_code == 302


# ---- the lock-out ----


def lock(client, name, **extra):
    """Five wrong passwords; the answer to the last."""
    return [client.post("/login/", {"username": name, "password": "wrong"}, **extra) for _ in range(5)][-1]


def locks():
    return list(ChangeEvent.objects.filter(kind="console.sign-in-locked").values_list("subject", flat=True))


def later(**time):
    """As if the failures so far were that long ago."""
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(**time))


def test_five_wrong_passwords_lock_the_name_for_fifteen_minutes(client: Client, db):
    make_account("Support", username="b.janssen")
    for _ in range(4):
        assert sign_in(client, "b.janssen", "wrong").status_code == 200
    locked = sign_in(client, "b.janssen", "wrong")
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert "Too many wrong passwords" in read(locked).text
    assert "default-src 'self'" in locked["Content-Security-Policy"]
    assert sign_in(client, "b.janssen", PASSWORD).status_code == 429, "the right one does not open it"
    later(minutes=14)
    assert sign_in(client, "b.janssen", PASSWORD).status_code == 429, "nor did that try make it shorter or longer"
    later(minutes=16)
    assert sign_in(client, "b.janssen", PASSWORD).status_code == 302
    assert locks() == ["b.janssen"], "a lock-out is one row, however often it is tried"


def test_a_lock_out_is_of_one_name_from_one_address(client: Client, db):
    for name in ("b.janssen", "c.visser"):
        make_account("Support", username=name)
    assert lock(client, "b.janssen", REMOTE_ADDR="203.0.113.9").status_code == 429
    assert sign_in(client, "c.visser", PASSWORD).status_code == 302
    elsewhere = {"REMOTE_ADDR": "203.0.113.10"}
    assert client.post("/login/", {"username": "b.janssen", "password": PASSWORD}, **elsewhere).status_code == 302


def test_another_browser_does_not_get_five_more(client: Client, db):
    make_account("Support", username="b.janssen")
    form = {"username": "b.janssen", "password": "wrong"}
    answers = [client.post("/login/", form, headers={"User-Agent": f"browser {number}"}) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]


def test_the_left_of_x_forwarded_for_does_not_get_five_more(client: Client, db, settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, trusted_proxies=1)
    make_account("Support", username="b.janssen")
    form = {"username": "b.janssen", "password": "wrong"}
    answers = [
        client.post("/login/", form, headers={"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.9"})
        for number in range(5)
    ]
    assert answers[-1].status_code == 429
    event = ChangeEvent.objects.get(kind="console.sign-in-locked")
    assert event.address == "203.0.113.9"


def test_a_name_that_is_no_accounts_is_locked_with_the_same_page(client: Client, db):
    make_account("Support", username="b.janssen")
    known, unknown = lock(client, "b.janssen"), lock(client, "nobody")
    assert known.status_code == unknown.status_code == 429
    plain = [re.sub(r"[0-9a-f-]{36}|\w{64}", "", read(page).source) for page in (known, unknown)]
    assert plain[0] == plain[1]
    assert locks() == ["b.janssen", "an unknown name"]


def test_a_success_starts_the_count_anew(client: Client, db):
    make_account("Support", username="b.janssen")
    for _ in range(2):
        for _ in range(4):
            assert sign_in(client, "b.janssen", "wrong").status_code == 200
        assert sign_in(client, "b.janssen", PASSWORD).status_code == 302


def test_a_reset_of_the_password_lifts_the_lock_out(client: Client, administrator: Client):
    account = make_account("Support", username="b.janssen")
    lock(client, "b.janssen")
    page = read(administrator.post(f"/accounts/{account.pk}/reset/"))
    password = page.one(test_id="new-password").value
    assert client.post("/login/", {"username": "b.janssen", "password": password}).status_code == 302


def test_an_operator_lifts_it_by_name(client: Client, db):
    make_account("Support", username="b.janssen")
    lock(client, "b.janssen")
    call_command("axes_reset_username", "b.janssen", stdout=StringIO())
    assert sign_in(client, "b.janssen", PASSWORD).status_code == 302


def test_ac_aud_2_nothing_that_was_typed_is_kept_with_a_failure(client: Client, db, caplog):
    caplog.set_level("DEBUG")
    form = {"username": "my secret passphrase", "password": "another secret", "next": "/eum/users/?q=jansen"}
    for _ in range(6):
        client.post("/login/?next=/eum/users/?q=jansen", form)
    kept = str(list(AccessAttempt.objects.values())) + str(list(ChangeEvent.objects.values())) + caplog.text
    for typed in ("passphrase", "another secret", "jansen"):
        assert typed not in kept
    assert AccessAttempt.objects.get().failures_since_start == 5


def test_a_wrong_password_of_a_deletion_counts_too(administrator: Client, provider):
    for _ in range(5):
        form = {"title": provider.title, "password": "wrong"}
        answer = administrator.post(f"/eum/providers/{provider.pk}/delete/", form)
    assert answer.status_code == 429
    assert administrator.get("/eum/").status_code == 200, "who is signed in stays it"


def test_old_failures_are_purged(client: Client, db):
    lock(client, "nobody")
    later(minutes=14)
    assert forget_counts() == 0
    later(minutes=16)
    assert forget_counts() == 1
    assert not AccessAttempt.objects.exists()


def test_v20_neither_lock_out_nor_second_factor_touch_scim(client: Client, provider):
    lock(client, "b.janssen")
    client.force_login(make_account("Support"))
    _token, value = issue(provider)
    with CaptureQueriesContext(connection) as with_session:
        assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 200
    with CaptureQueriesContext(connection) as without:
        assert Client().get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 200
    assert len(with_session) == len(without)
    assert not [query for query in with_session.captured_queries if re.search("axes_|otp_|session", query["sql"])]


def test_v20_no_middleware_of_the_console_sees_a_scim_request(settings, monkeypatch, provider):
    seen = []

    class Spy:
        def __init__(self, get_response):
            self.get_response = get_response

        def __call__(self, request):
            seen.append(request.path)
            return self.get_response(request)

    place = settings.MIDDLEWARE.index("iprova_idm.middleware.ScimMiddleware")
    assert place < settings.MIDDLEWARE.index("django.middleware.security.SecurityMiddleware")
    monkeypatch.setattr("iprova_idm.middleware.Spy", Spy, raising=False)
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[: place + 1],
        "iprova_idm.middleware.Spy",
        *settings.MIDDLEWARE[place + 1 :],
    ]
    bearer = {"Authorization": f"Bearer {issue(provider)[1]}"}
    for path in ("/scim", "/scim/Users", "/SCIM/Users", "/scim/v2/Groups/x", "/login/"):
        Client().get(path, headers=bearer)
    assert seen == ["/login/"]
