"""How long a search may be and take, and what the page says."""

import time

import pytest
from django.db import connection
from django.urls import reverse

from providers.console.frame import limits
from providers.models import MAX_SEARCH_LENGTH, MAX_SEARCH_WORDS, SearchTooLongError
from providers.models.record import search_words
from tests.factories import make_group, make_user
from tests.pages import read

WORDS = " ".join(f"word{number}" for number in range(1_900))


@pytest.fixture
def searches(provider):
    """The address of each page that searches."""
    group = make_group(provider, members=[make_user(provider)])
    named = ["users", "groups", "log", "not_provisioned", "find_user"]
    return [*(reverse(f"admin:{name}") for name in named), reverse("admin:group", args=[group.pk])]


@pytest.mark.parametrize("text", [WORDS, "x" * (MAX_SEARCH_LENGTH + 1), "a " * (MAX_SEARCH_WORDS + 1)])
def test_l14_a_search_that_is_too_long_says_so_at_once(support, searches, text):
    for address in searches:
        started = time.process_time()
        answer = support.get(address, {"q": text})
        assert (answer.status_code, time.process_time() - started < 1) == (400, True), address
        assert "at most 10 words and 500 characters" in read(answer).text


def test_l14_ten_words_are_searched(support, searches):
    for address in searches:
        assert support.get(address, {"q": " ".join("abcdefghij")}).status_code in (200, 302)
    with pytest.raises(SearchTooLongError):
        search_words("\ufdfa \ufdfa \ufdfa")  # one sign that stands for four words


def slow(monkeypatch, seconds):
    """Let every statement of a search take this long, and allow it a tenth of a second."""
    monkeypatch.setattr(limits, "STATEMENT_MS", 100)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.slow() RETURNS boolean LANGUAGE sql VOLATILE AS "
            f"$$ SELECT pg_sleep({seconds}) IS NOT NULL $$"
        )
    monkeypatch.setattr(
        "providers.models.resource.ResourceQuerySet.search",
        lambda self, text, **_: self.extra(where=["pg_temp.slow()"]),
    )


def test_l14_a_search_that_takes_too_long_is_stopped_and_says_so(support, provider, monkeypatch):
    make_user(provider)
    slow(monkeypatch, 5)
    for name in ("users", "find_user"):
        started = time.monotonic()
        answer = support.get(reverse(f"admin:{name}"), {"q": "jane"})
        assert answer.status_code == 503 and "narrow them down" in read(answer).text
        assert time.monotonic() - started < 4
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] != "100ms"


def test_l14_statements_that_take_long_together_are_stopped_too(support, provider, monkeypatch):
    make_user(provider)
    slow(monkeypatch, 0.07)
    answer = support.get(reverse("admin:users"), {"q": "jane"})
    assert answer.status_code == 503 and "narrow them down" in read(answer).text
    assert support.get(reverse("admin:users")).status_code == 200
