"""Requests in the form of Entra ID."""

import pytest

from iprova_idm.demo.wire import equals


@pytest.mark.parametrize(
    ("attribute", "value", "query"),
    [
        ("userName", "a@b", "filter=userName+eq+%22a%40b%22"),
        ("userName", "x#EXT#o'b", "filter=userName+eq+%22x%23EXT%23o%27b%22"),
        ("displayName", 'Één & "C+"', "filter=displayName+eq+%22%c3%89%c3%a9n+%26+%5c%22C%2b%5c%22%22"),
    ],
)
def test_queries_are_spelt_as_entra_spells_them(attribute: str, value: str, query: str) -> None:
    assert equals(attribute, value) == query
