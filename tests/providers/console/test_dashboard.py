"""The dashboard (AC-DASH): the worst first, numbers that are the counts of their lists, a chart with its table."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from providers.console.chart import chart_of
from providers.console.dashboard import contacts_of
from providers.models import RequestCount
from providers.request_log import writer
from tests.factories import make_provider, make_user


@pytest.fixture
def busy(provider, scim):
    client = scim(provider)
    people = [client.post("/Users", {"userName": f"u{number}@x"}).json() for number in range(4)]
    client.post("/Users", {"userName": "U1@x"})
    client.post("/Users", {})
    client.patch(f"/Users/{people[0]['id']}", {"op": "replace", "path": "active", "value": False})
    client.get("/Users", filter='userName eq "u1@x"')
    token = provider.tokens.get()
    token.revoked_at = timezone.now()
    token.save()
    client.get("/Users")
    writer.flush()


def figures_on(page):
    found = re.findall(r'href="([^"]+)" data-testid="figure-(\w+)"><strong>[^<]*</strong><b[^>]*>([^<]*)</b>', page)
    return {name: (address.replace("&amp;", "&"), number) for address, name, number in found}


def test_ac_dash_1_the_worst_provider_and_its_reason_come_first(support, busy):
    make_provider("Calm")
    page = support.get("/eum/").content.decode()
    assert page.index("Refused since") < page.index("Waiting for the first request")


def test_ac_dash_2_each_number_is_the_count_of_its_page(support, busy):
    figures = figures_on(support.get("/eum/").content.decode())
    assert {name: number for name, (_, number) in figures.items()} == {
        "people": "3", "changes": "5", "problems": "3", "refused": "1",
    }  # fmt: skip
    for name, (address, number) in figures.items():
        page = support.get(address)
        shown = page.context["cl"].result_count if name == "people" else page.context["query"].counted
        assert str(shown) == number, name


def test_ac_dash_3_the_table_holds_what_the_bars_show(support, busy):
    page = support.get("/eum/").content.decode()
    bars = sum(int(value) for value in re.findall(r'data-v="(\d+)"', page))
    table = page[page.index('data-testid="chart-table"') :]
    cells = sum(int(value) for value in re.findall(r'<td class="num">(\d+)</td>', table[: table.index("</table>")]))
    assert bars == cells == 8


def test_ac_dash_4_nothing_is_said_where_nothing_is(support, db):
    page = support.get("/eum/").content.decode()
    assert "figure-" not in page and "NaN" not in page
    make_provider("Calm")
    page = support.get("/eum/").content.decode()
    assert {number for _, number in figures_on(page).values()} == {"0"}
    assert "No changes in this period." in page and "Called in 0 of 36 cycles" in page


def test_ac_dash_5_the_page_asks_little_whatever_the_number_of_providers(support, busy, django_assert_max_num_queries):
    for number in range(20):
        make_user(make_provider(f"Provider {number}"), "x@x")
    # session, account, rights (2), providers and what is known of them (6), four figures, chart (2), contacts
    with django_assert_max_num_queries(18):
        support.get("/eum/")


def test_contacts_are_the_cycles_in_which_a_provider_called(provider, stranger):
    now = timezone.now()
    for minutes in (0, 5, 45, 23 * 60):
        slot = now - timedelta(minutes=minutes)
        slot = slot.replace(minute=slot.minute - slot.minute % 20, second=0, microsecond=0)
        RequestCount.objects.get_or_create(
            provider_id=provider.pk, slot=slot, outcome="success", is_change=False, defaults={"count": 1}
        )
    found = contacts_of([provider.pk, stranger.pk], now)
    assert found[provider.pk].cycles[-1] and len(found[provider.pk].cycles) == 36
    assert 3 <= sum(found[provider.pk].cycles) <= 4
    assert sum(found[stranger.pk].cycles) == 0


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2026-10-25T20:00:00+00:00", 25), ("2026-03-29T20:00:00+00:00", 23), ("2026-06-01T20:00:00+00:00", 24)],
)
def test_ac_dash_4_a_day_on_which_the_clock_changes_has_its_hours(provider, now, hours):
    moment = datetime.fromisoformat(now)
    with timezone.override("Europe/Amsterdam"):
        midnight = timezone.localtime(moment).replace(hour=0, minute=0)
        for number in range(hours):
            slot = midnight.astimezone(UTC) + timedelta(hours=number)
            RequestCount.objects.create(provider_id=provider.pk, slot=slot, outcome="success", is_change=True, count=1)
        chart = chart_of(None, "30d", moment + timedelta(days=1))
        assert [bar.total for bar in chart.bars if bar.total] == [hours]
        assert chart.bars[-2].start == midnight
