"""The chart of requests, and its table (AC-DASH)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from providers.activity import slot_of
from providers.console.provider.chart import SERIES, chart_of
from providers.events import SYSTEM
from providers.models import RequestCount
from providers.tokens import revoke_token
from tests.factories import issue, make_calls
from tests.pages import read


def test_ac_dash_3_the_table_holds_what_the_bars_show(support, busy):
    page = read(support.get("/eum/"))
    bars = sum(int(bar["data-v"]) for bar in page.all("rect", data_v=True))
    rows = page.one("table", test_id="chart-table").rows
    assert bars == sum(int(cell) for row in rows for cell in row[1:-1]) == 8
    assert sum(int(row[-1]) for row in rows) == 1  # the token of `busy`


def test_few_failures_among_many_successes_can_be_seen_on_a_track_of_their_own(support, provider):
    slot = slot_of(timezone.now())
    for outcome, count in (("success", 1_256), ("rejected", 4), ("refused", 2)):
        RequestCount.objects.create(provider_id=provider.pk, slot=slot, outcome=outcome, is_change=True, count=count)
    page = read(support.get("/eum/"))
    track = page.one("svg", class_="failures")
    heights = [float(rect["height"]) for rect in track.all("rect")]
    assert [rect["data-v"] for rect in track.all("rect")] == ["4", "2"] and min(heights) > 20
    RequestCount.objects.exclude(outcome="success").delete()
    assert not read(support.get("/eum/")).has("svg", class_="failures")


def test_each_bar_leads_to_the_log_of_its_time_and_of_its_provider(support, provider, stranger):
    make_calls(provider, 201, "POST", ago=timedelta(hours=3), count=2)
    make_calls(stranger, 409, "POST", ago=timedelta(hours=3))
    for path, own, found in (("/eum/", "", 3), (f"/eum/providers/{provider.pk}/", f"&provider={provider.pk}", 2)):
        rows = read(support.get(path)).one("table", test_id="chart-table").all("th", scope="row")
        assert len(rows) == 24
        counted = []
        for row in rows[-5:]:
            address = row.one("a")["href"]
            assert address.endswith(own)
            counted.append(support.get(address).context["query"].counted)
        assert sorted(counted) == ["0", "0", "0", "0", str(found)]
    chips = read(support.get(rows[-4].one("a")["href"])).all("a", class_="chip")
    assert any(re.fullmatch(r"From: \d+ \w+, \d\d:00", chip.text) for chip in chips)  # in words, not as in the address


def test_changes_of_tokens_are_folded_into_one_mark_a_bar(provider):
    for _time in range(4):
        token, _value = issue(provider)
        revoke_token(token, SYSTEM)
    chart = chart_of(provider.pk, "24h", timezone.now())
    assert sum(bar.marked for bar in chart.bars) == 8 and len(chart.markers) in (1, 2)


def test_the_colours_of_the_chart_are_seen_on_the_ground_and_next_to_each_other():
    """A contrast of 3:1 to the ground in both themes; between touching bars is a gap in the colour of the ground."""
    sheet = (settings.BASE_DIR / "static" / "console" / "console.css").read_text()
    pair = r"light-dark\((#\w+),(#\w+)\)"
    grounds = re.search(rf"--face:{pair}", sheet).groups()
    for name in SERIES:
        for colour, ground in zip(re.search(rf"\.f-{name}{{fill:{pair}}}", sheet).groups(), grounds, strict=True):
            assert contrast(colour, ground) >= 3, (name, colour, ground)
    assert ".chart rect{stroke:var(--face)" in sheet


def contrast(*colours):
    light, dark = sorted(map(luminance, colours), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


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
