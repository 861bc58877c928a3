"""The frame of each page: as a page or as a dialog."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import override

from providers.console.frame.page import clock, grouped, moment
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
        assert strip_tags(moment(NOON)) == "22 nov 2026, 14:20"
        later = timezone.now().replace(year=2030)
        assert strip_tags(clock(NOON, later)) == "22 nov, 14:20"
        assert strip_tags(clock(NOON, later, to="second")) == "22 nov, 14:20:00"
        assert strip_tags(clock(NOON, NOON, to="second")) == "14:20:00"
    assert grouped(1_204) == "1,204"
