"""What the pages of one provider share."""

import pytest
from django.utils import timezone

from providers.models import Provider
from tests.factories import issue, make_calls
from tests.pages import provider_page, read


@pytest.mark.parametrize("pk", [0, 987654321, 10**30])
def test_an_unknown_provider_is_404(administrator, pk):
    assert administrator.get(f"/eum/providers/{pk}/").status_code == 404


@pytest.mark.parametrize("tab", ["", "tokens/", "ip-restriction/", "history/", "guide/"])
def test_a_provider_page_asks_little(administrator, provider, django_assert_max_num_queries, tab):
    issue(provider)
    make_calls(provider, 204, "PATCH")
    make_calls(provider, 400, "PATCH", count=3)
    # session, account, two-step sign-in, rights (2), provider, live tokens, health (4), and what the tab shows (the
    # overview: counts, markers, problems, people, groups)
    with django_assert_max_num_queries(17):
        assert administrator.get(f"/eum/providers/{provider.pk}/{tab}").status_code == 200


def says_with_time(page, words):
    """Whether the page has these words with a time behind them."""
    return [time for time in page.all("time", datetime=True) if f"{words} {time.text}" in time.parent.text]


def test_the_head_says_when_the_next_contact_is_expected(administrator, provider):
    assert "expected by" not in read(administrator.get(provider_page(provider))).source
    make_calls(provider, 201, "POST", count=3)
    assert says_with_time(read(administrator.get(provider_page(provider))), "next expected by")
    make_calls(provider, 409, "POST", count=3)
    for tab in ("", "tokens/"):
        page = read(administrator.get(provider_page(provider, tab)))
        assert "3 of 6 changes failed" in page.text and says_with_time(page, "Next contact expected by")
    Provider.objects.update(paused_at=timezone.now())
    assert "expected by" not in read(administrator.get(provider_page(provider))).source
