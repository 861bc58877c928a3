"""The sentence of a change event."""

from providers.administration import add_provider
from providers.events import SYSTEM
from tests.pages import read


def test_names_are_escaped(administrator, db):
    add_provider("<b>{actor} {0}</b>", SYSTEM)
    page = read(administrator.get("/eum/audit/"))
    assert "<b>{actor} {0}</b>" in page.text and "<b>{actor}" not in page.source
