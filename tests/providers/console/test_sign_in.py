"""Signing in and out, and what is written down of it."""

from django.test import Client

from providers.models import ChangeEvent
from tests.factories import make_account

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


def test_a_failed_sign_in_is_recorded_under_the_name_of_an_account(client: Client, db):
    make_account("Support", username="b.janssen")
    answer = sign_in(client, "b.janssen", "wrong")
    assert answer.status_code == 200 and 'role="alert"' in answer.content.decode()
    event = ChangeEvent.objects.get(kind="console.sign-in-failed")
    assert (event.subject, event.person_id, event.address) == ("b.janssen", None, "203.0.113.9")


def test_ac_aud_2_a_password_typed_as_a_name_is_not_kept(client: Client, db):
    sign_in(client, "my secret passphrase", "x")
    assert ChangeEvent.objects.get(kind="console.sign-in-failed").subject == "an unknown name"


def test_ac_a11y_8_the_form_allows_password_managers(client: Client, db):
    page = client.get("/login/").content.decode()
    assert 'autocomplete="username"' in page and 'autocomplete="current-password"' in page


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
