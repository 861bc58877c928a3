"""The frame of each page: as a page or as a dialog."""

from providers.models import Provider
from tests.pages import read
from tests.providers.console.conftest import ADD

DIALOG = {"X-Dialog": "asked"}


def test_a_dialog_is_the_same_form_without_the_frame(administrator):
    bare = administrator.get(ADD, headers=DIALOG)
    assert bare["X-Dialog"] == "shown" and not read(bare).has("html") and read(bare).has(test_id="title")
    added = administrator.post(ADD, {"title": "Contoso"}, headers=DIALOG)
    assert (added.status_code, added["X-Location"]) == (204, f"/eum/providers/{Provider.objects.get().pk}/")
