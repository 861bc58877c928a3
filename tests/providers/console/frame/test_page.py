"""The frame of each page: as a page or as a dialog."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import override

from providers.console.frame.page import ago, clock, grouped, moment
from providers.models import Provider
from tests.pages import read
from tests.providers.console.conftest import ADD

DIALOG = {"X-Dialog": "asked"}
NOON = datetime(2026, 11, 22, 13, 20, tzinfo=UTC)


def test_a_dialog_is_the_same_form_without_the_frame(administrator):
    bare = administrator.get(ADD, headers=DIALOG)
    assert bare["X-Dialog"] == "shown" and not read(bare).has("html") and read(bare).has(test_id="title")
    added = administrator.post(ADD, {"title": "Contoso"}, headers=DIALOG)
    assert (added.status_code, added["X-Location"]) == (204, f"/eum/providers/{Provider.objects.get().pk}/")


def test_ac_i18n_3_numbers_and_dates_are_dutch():
    with override("nl"):
        assert (grouped(1_204), grouped(999), grouped(1_234_567)) == ("1.204", "999", "1.234.567")
        assert strip_tags(moment(NOON)) == "22 nov 2026, 14:20 CET"
        later = timezone.now().replace(year=2030)
        assert strip_tags(clock(NOON, later)) == "22 nov, 14:20 CET"
        assert strip_tags(clock(NOON, later, to="second")) == "22 nov, 14:20:00 CET"
        assert strip_tags(clock(NOON, NOON, to="second")) == "14:20:00 CET"
        assert strip_tags(ago(NOON, NOON)) == "zojuist"
    assert grouped(1_204) == "1,204"


@pytest.mark.parametrize(
    ("zone", "shown", "title"),
    [
        ("Europe/Amsterdam", "22 Nov 2026, 14:20 CET", "22 Nov 2026, 14:20:00 CET, 2026-11-22 13:20:00 UTC"),
        ("America/New_York", "22 Nov 2026, 08:20 EST", "22 Nov 2026, 08:20:00 EST, 2026-11-22 13:20:00 UTC"),
        ("Pacific/Auckland", "23 Nov 2026, 02:20 NZDT", "23 Nov 2026, 02:20:00 NZDT, 2026-11-22 13:20:00 UTC"),
        ("America/Sao_Paulo", "22 Nov 2026, 10:20 UTC-03", "22 Nov 2026, 10:20:00 UTC-03, 2026-11-22 13:20:00 UTC"),
        ("UTC", "22 Nov 2026, 13:20 UTC", "22 Nov 2026, 13:20:00 UTC, 2026-11-22 13:20:00 UTC"),
    ],
)
def test_a_time_names_its_zone_and_has_seconds_and_utc_in_its_title(zone, shown, title):
    with timezone.override(zone):
        for time in (moment(NOON), ago(NOON, NOON + timedelta(hours=1)), clock(NOON, NOON)):
            assert f'title="{title}"' in time
        assert strip_tags(moment(NOON)) == shown


def test_on_the_night_on_which_clocks_go_back_two_equal_times_differ_by_their_zone():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = [strip_tags(moment(first + timedelta(hours=number))) for number in (0, 1)]
    assert shown == ["25 Oct 2026, 02:30 CEST", "25 Oct 2026, 02:30 CET"]
