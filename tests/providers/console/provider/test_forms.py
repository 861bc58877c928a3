"""The forms of a provider, read without a page."""

import pytest

from providers.console.provider.forms import AddProviderForm, take_suggestion


@pytest.mark.parametrize(
    ("ranges", "suggestion", "expected"),
    [
        ("a\nb # office\nc", "2:10.0.0.0/8", "a\n10.0.0.0/8 # office\nc"),
        ("a", "7:10.0.0.0/8", "a"),
        ("a", "nonsense", "a"),
        ("", "1:10.0.0.0/8", ""),
    ],
)
def test_ac_add_4_a_suggestion_replaces_its_line_only(ranges, suggestion, expected):
    assert take_suggestion(ranges, suggestion) == expected


def test_ac_add_4_everyone_is_no_restriction(db):
    form = AddProviderForm({"title": "Contoso", "ip_restrict": "on", "ip_ranges": "::/0"})
    assert not form.is_valid()
    assert "allows everyone" in form.errors["ip_ranges"][0]
    assert form.range_errors == [(form.errors["ip_ranges"][0], None)]
