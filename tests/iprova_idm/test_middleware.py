"""The console's middleware: what a page gets, and what SCIM requests bypass."""

import re

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.test.utils import CaptureQueriesContext
from django.utils.translation import get_language

from iprova_idm.middleware import HeadMiddleware
from providers.models import Resource
from scim.store import verbs
from tests.factories import call, issue, make_provider, make_user
from tests.pages import IN_DUTCH, language_of, leads_back, read, switch


def test_ac_i18n_4_the_account_s_language_costs_no_query(support, django_assert_num_queries):
    with CaptureQueriesContext(connection) as before:
        support.get("/password_change/")
    asked = len(before)
    switch(support, "nl")
    with django_assert_num_queries(asked):
        assert language_of(support.get("/password_change/")) == "nl"


def test_ac_i18n_5_scim_answers_english_whoever_asks(support, provider):
    _token, value = issue(provider)

    def answers(**asked):
        client = Client(headers={"Authorization": f"Bearer {value}", **asked})
        sent = [("GET", "/scim/Users/1"), ("GET", "/scim/Users?filter=x"), ("PUT", "/scim/Users"), ("TRACE", "/scim")]
        return [client.generic(method, path).content for method, path in sent]

    english = answers()
    assert language_of(support.get("/eum/", headers=IN_DUTCH)) == "nl"
    assert get_language() == "nl"  # what the thread showed last
    assert answers(**IN_DUTCH) == english
    assert b"detail" in english[0]


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("path", ["/accounts/1/reset/", "/language/", "/logout/"])
def test_ac_err_1_the_address_of_a_button_opened_by_itself_is_no_empty_page(administrator, language, path):
    answer = administrator.get(path, headers={"Accept-Language": language})
    page = read(answer)
    assert answer.status_code == 405 and "POST" in answer["Allow"]
    assert answer["X-Request-Id"] in page.text and leads_back(page)
    assert {"en": "belongs to a button", "nl": "hoort bij een knop"}[language] in page.text


def test_ac_csp_1_every_answer_has_the_policy(administrator, client):
    for answer in (administrator.get("/eum/"), administrator.get("/eum/nothing/"), client.get("/login/")):
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy


def test_threat_v20_a_session_opens_nothing_under_scim(administrator):
    assert administrator.get("/scim/Users").status_code == 401


@pytest.mark.parametrize("path", ["/scim/Users", "/scim/Users/x", "/scim/ServiceProviderConfig", "/healthz", "/login/"])
def test_the_server_gets_no_body_to_drop_from_a_response_to_head(provider, path):
    """Gunicorn would warn of it, for each request."""
    handler, headers = ClientHandler(), {"HTTP_AUTHORIZATION": f"Bearer {issue(provider)[1]}"}
    handler.load_middleware()
    got, head = (handler.get_response(getattr(RequestFactory(), verb)(path, **headers)) for verb in ("get", "head"))
    assert got.content and head.content == b""
    assert head.status_code == got.status_code
    assert int(head["Content-Length"]) > 0, "the length that GET would send (RFC 9110 §9.3.2)"


def test_a_response_to_head_that_would_stream_sends_nothing():
    response = HeadMiddleware(lambda _: StreamingHttpResponse(iter([b"a"])))(RequestFactory().head("/x"))
    assert b"".join(response) == b""


def test_characters_that_turn_letters_round_are_signs_in_texts_and_stay_in_the_values_of_forms(administrator):
    title = "a\u202eb\u2066c"
    provider = make_provider(title)
    page = administrator.get(f"/eum/providers/{provider.pk}/edit/").content.decode()
    assert f'value="{title}"' in page  # the form sends back what it got
    texts = re.sub(r"<[^>]*>", "", page)
    assert "a[U+202E]b[U+2066]c" in texts and not set("\u202e\u2066") & set(texts)


def test_a_user_whose_name_is_shown_with_a_sign_can_be_purged_by_typing_what_is_shown(administrator, provider):
    user = make_user(provider, "x@example.com", displayName="a\u202eb")
    verbs.delete(call(provider), str(user.pk))
    administrator.post(f"/eum/recycle-bin/{user.pk}/purge/", {"title": "a[U+202E]b"})
    assert not Resource.objects.filter(pk=user.pk).exists()
