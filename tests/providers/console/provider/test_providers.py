"""The list of providers (AC-LIST)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.console.provider.providers import COLUMNS
from providers.models import Provider
from tests.factories import issue, make_calls, make_provider, make_user
from tests.pages import read


def titles_on(page):
    return [row.one("a").text for row in page.all("th", scope="row")]


def test_ac_list_4_the_status_is_a_word(administrator, provider):
    paused = make_provider("Fabrikam")
    Provider.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    make_calls(make_provider("Okta"), ago=timedelta(minutes=12))
    for path in ("/eum/", "/eum/providers/"):
        page = read(administrator.get(path))
        assert "Not connected" in page.text and "Waiting for the first request." in page.text
        assert "Paused" in page.text and "Its requests get 503" in page.text
        assert "Healthy" in page.text and "12\xa0minutes ago" in page.text


def test_ac_list_5_two_hundred_providers(administrator, django_assert_max_num_queries):
    for number in range(200):
        make_provider(f"Provider {number:03}")
    worst = Provider.objects.get(title="Provider 150")
    make_calls(worst, 401)
    make_calls(Provider.objects.get(title="Provider 160"), 409, "POST", count=5)
    Provider.objects.filter(title="Provider 170").update(held_at=timezone.now())
    # session, account, its two-step sign-in, rights, providers, activity, counts and whether the log works, problems,
    # the last hour of those that fail, people held back, tokens, people
    with django_assert_max_num_queries(12):
        page = read(administrator.get("/eum/providers/"))
    titles = titles_on(page)
    assert len(titles) == 50
    assert "200 providers" in page.text and "Provider 046" in page.text and "Provider 048" not in page.source
    assert titles.index("Provider 150") < titles.index("Provider 000")  # worst first, then by title
    last = read(administrator.get("/eum/providers/?o=-title&p=4"))
    assert "Provider 000" in titles_on(last) and last.has("a", href="?o=-title&p=3")


def test_two_hundred_providers_are_searched_and_filtered_by_status(administrator, django_assert_max_num_queries):
    for number in range(200):
        make_provider(f"Province {number:03}")
    for number in (7, 70, 170):
        make_calls(Provider.objects.get(title=f"Province {number:03}"), 401)
    Provider.objects.filter(title="Province 170").update(paused_at=timezone.now())
    with django_assert_max_num_queries(14):  # two more than without a filter: its limit of time, in a transaction
        page = read(administrator.get("/eum/providers/?q=PROVINCE+7&o=-title"))
    assert titles_on(page)[0] == "Province 197" and "38 providers" in page.text
    chips = page.one("nav", test_id="states").all("a")
    assert [chip.text for chip in chips] == ["All 38", "Refused 2", "Paused 1", "Not connected 35"]
    page = read(administrator.get(f"/eum/providers/{chips[1]['href']}"))
    assert set(titles_on(page)) == {"Province 007", "Province 070"}
    assert page.one("input", id="searchbar").value == "PROVINCE 7" and page.has(
        "a", aria_current="true", text="Refused 2"
    )
    assert "status=refused" in page.all("th", scope="col")[0].one("a")["href"]
    pages = read(administrator.get("/eum/providers/?q=province&status=not_connected"))
    assert pages.has("a", href="?q=province&status=not_connected&o=status&p=2")


@pytest.mark.parametrize("sent", ["q=nothing+like+it", "status=odd", "q=%00province&status=%00", f"q={'x' * 5000}"])
def test_filters_that_find_no_provider_say_so(administrator, provider, sent):
    page = read(administrator.get(f"/eum/providers/?{sent}"))
    assert "No provider matches" in page.text and page.has("a", href="?", text="Clear filters")
    assert page.has(test_id="add-provider")


@pytest.mark.parametrize("order", list(COLUMNS))
def test_ac_list_5_every_column_sorts_both_ways(administrator, provider, stranger, order):
    make_user(stranger)
    make_calls(stranger, 401)
    Provider.objects.filter(pk=stranger.pk).update(ip_mode="observe")
    issue(stranger, expires_at=timezone.now() + timedelta(days=3))
    pages = [read(administrator.get(f"/eum/providers/?o={sign}{order}")) for sign in ("", "-")]
    firsts = [titles_on(page)[0] for page in pages]
    assert set(firsts) == {"Contoso Entra ID", "Fabrikam"} or order == "last"  # neither ever got in
    assert [page.one("th", aria_sort=True)["aria-sort"] for page in pages] == ["ascending", "descending"]


def test_ac_list_5_nonsense_in_the_address_is_worst_first(administrator, provider):
    assert administrator.get("/eum/providers/?o=drop&p=x").status_code == 200


def test_a_page_beyond_the_last_is_the_last_and_nonsense_is_the_first(administrator):
    for number in range(51):
        make_provider(f"Provider {number:03}")
    assert "Provider 050" in read(administrator.get("/eum/providers/?p=99")).text
    assert "Provider 000" in read(administrator.get("/eum/providers/?p=x")).text


def test_a_deleted_provider_has_no_page(administrator, provider):
    Provider.objects.filter(pk=provider.pk).update(deleted_at=timezone.now())
    assert administrator.get(f"/eum/providers/{provider.pk}/").status_code == 404
    page = read(administrator.get("/eum/providers/"))
    assert "Deleted providers" in page.text and not page.has("a", href=f"/eum/providers/{provider.pk}/")
