"""The pages of failures (AC-ERR-1)."""

from collections.abc import Iterator
from secrets import token_hex

import psycopg
import pytest
from django.db import close_old_connections, connection
from django.test import Client
from django.utils.translation import override

from providers.console.errors import server_error
from tests.conftest import database_url
from tests.factories import make_account, make_user
from tests.pages import leads_back, read

# Only that of this test: those of the server that other tests share would be dead at its next requests.
END_CONNECTION = "SELECT pg_terminate_backend(%s)"


def wanted_after(page):
    """The address to which a sign-in on this page leads."""
    return page.one("input", name="username").around("form").one("input", name="next").value


def test_ac_err_1_not_found_has_the_request_id_and_a_way_back(administrator):
    answer = administrator.get("/eum/nothing/")
    page = read(answer)
    assert answer.status_code == 404 and answer["X-Request-Id"] in page.text and leads_back(page)


def test_ac_err_1_refused_has_the_request_id_and_a_way_back(support):
    answer = support.get("/eum/providers/add/")
    page = read(answer)
    assert answer.status_code == 403 and answer["X-Request-Id"] in page.text and leads_back(page)


def test_ac_err_1_a_failure_shows_nothing_of_what_broke(rf):
    request = rf.get("/eum/")
    request.request_id = "0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa"
    answer = server_error(request)
    page = read(answer)
    assert answer.status_code == 500
    assert request.request_id in page.text and leads_back(page) and "Traceback" not in page.source


def test_ac_err_1_a_failure_of_a_view_ends_on_our_page(administrator, provider, monkeypatch):
    administrator.raise_request_exception = False
    monkeypatch.setattr("providers.console.users.user.flatten", lambda document: 1 / 0)

    answer = administrator.get(f"/eum/users/{make_user(provider, 'jane@contoso.com').pk}/")
    page = read(answer)
    assert answer.status_code == 500 and "jane" not in page.source and "ZeroDivision" not in page.source
    assert answer["X-Request-Id"] in page.text


def test_ac_err_1_the_end_of_a_session_is_said_with_a_way_back(client, db):
    asked = client.get("/eum/users/?q=jane")
    for language, said in (("en", "Your session has ended, or you have not"), ("nl", "Uw sessie is afgelopen, of u")):
        answer = client.get(asked["Location"], headers={"Accept-Language": language})
        page = read(answer)
        assert said in page.text and page.has("span", text=answer["X-Request-Id"])
        assert wanted_after(page) == "/eum/users/?q=jane"
    for path in ("/login/", "/login/?next=/", "/login/?next=https://evil.example/"):
        assert "session-ended" not in read(client.get(path)).source, path


def test_ac_err_1_a_form_sent_after_the_end_of_a_session_leads_back_to_where_it_stood(client, provider):
    tokens = f"/eum/providers/{provider.pk}/tokens/"
    sent = client.post(f"/eum/providers/{provider.pk}/resume/", headers={"Referer": f"http://testserver{tokens}?a=b"})
    for language, said in (("en", "what you just sent was not saved"), ("nl", "is niet opgeslagen")):
        page = read(client.get(sent["Location"], headers={"Accept-Language": language}))
        assert said in page.text and wanted_after(page) == f"{tokens}?a=b"
    for elsewhere in ("https://evil.example/x", "//evil.example", "javascript:alert(1)", ""):
        sent = client.post("/eum/providers/add/", headers={"Referer": elsewhere})
        assert sent["Location"] == "/login/?next=%2F&lost=yes", elsewhere


@pytest.mark.parametrize(
    ("role", "path", "status", "said"),
    [
        ("Support", "/eum/providers/add/", 403, "U hebt hier geen rechten voor"),
        ("Administrator", "/eum/nothing/", 404, "Pagina niet gevonden"),
    ],
)
def test_ac_err_1_in_dutch(signed_in, role, path, status, said):
    answer = signed_in(role).get(path, headers={"Accept-Language": "nl"})
    assert answer.status_code == status and said in read(answer).text


def test_ac_err_1_failures_and_forms_that_are_too_old_in_dutch(rf, signed_in):
    with override("nl"):
        assert "Er ging iets mis aan onze kant" in read(server_error(rf.get("/eum/"))).text
    browser = signed_in("Administrator")
    browser.handler.enforce_csrf_checks = True
    answer = browser.post("/eum/providers/add/", {"title": "x"}, headers={"Accept-Language": "nl"})
    assert answer.status_code == 403 and "niet meer geldig" in read(answer).text


@pytest.fixture
def browser(committed: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(make_account("Administrator", username=f"away-{token_hex(4)}"))
    return browser


@pytest.fixture
def outage(browser: Client) -> Iterator[None]:
    """Inside this test, the database ends the connection and refuses new ones, as while it is stopped."""
    name = connection.settings_dict["NAME"]
    connection.ensure_connection()
    maintenance = database_url(connection.settings_dict | {"NAME": "postgres"})
    with psycopg.connect(maintenance, autocommit=True) as own:
        own.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        own.execute(END_CONNECTION, [connection.connection.info.backend_pid])
        try:
            yield
        finally:
            own.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            connection.close()


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "The database does not answer"), ("nl", "De database antwoordt niet")],
)
def test_ac_err_1_while_the_database_is_away_every_page_is_503(outage, browser, language, said):
    for _ in range(2):  # the first finds that its connection was ended, the second that none can be made
        answer = browser.get("/eum/users/?q=jane", headers={"Accept-Language": language})
        page = read(answer)
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        assert said in page.text and answer["X-Request-Id"] in page.text and leads_back(page)
        assert page.one("main").has("a", href="/eum/users/?q=jane")
        close_old_connections()  # the end of the request, which Django's test client leaves out


def test_ac_err_1_what_is_sent_while_the_database_is_away_is_503(outage, browser):
    for path in ("/login/", "/eum/providers/add/"):
        answer = browser.post(path, {"username": "anna", "password": "x", "title": "Contoso"})
        assert (answer.status_code, answer["Retry-After"]) == (503, "10"), path
        close_old_connections()


def test_ac_err_1_the_database_comes_back(browser):
    connection.ensure_connection()
    with psycopg.connect(database_url(), autocommit=True) as own:
        own.execute(END_CONNECTION, [connection.connection.info.backend_pid])
    assert browser.get("/eum/users/").status_code == 503
    close_old_connections()
    assert browser.get("/eum/users/").status_code == 200
