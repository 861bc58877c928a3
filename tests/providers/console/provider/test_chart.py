"""The chart of requests, and its table (AC-DASH)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from providers.console.provider.chart import chart_of
from providers.models import RequestCount
from tests.pages import read


def test_ac_dash_3_the_table_holds_what_the_bars_show(support, busy):
    page = read(support.get("/eum/"))
    bars = sum(int(bar["data-v"]) for bar in page.all("rect", data_v=True))
    cells = sum(int(cell.text) for cell in page.one("table", test_id="chart-table").all("td"))
    assert bars == cells == 8


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
