"""Comparison keys (threat V9) and dates (RFC 7643 §2.3.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.protocol.values import comparison_key, date_time_key, differences_of_equals, parse_date_time, search_key

TWINS = [
    ("Admin@x", "ADMIN@X"),
    ("admin@x", "ＡＤＭＩＮ@x"),
    ("admin@x", " admin@x "),
    ("admin@x", "ad\u200bmin@x"),
    ("straße", "STRASSE"),
    ("Éva", "E\u0301VA"),
    ("ﬁn", "FIN"),
]


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_v9_twins_have_one_key(one, other):
    assert comparison_key(one) == comparison_key(other)


def test_different_names_keep_different_keys():
    assert len({comparison_key(name) for name in ("jane", "janë", "jané", "jame")}) == 4


@given(st.text())
def test_a_key_is_its_own_key(text):
    assert comparison_key(comparison_key(text)) == comparison_key(text)


def test_search_drops_accents():
    assert search_key("Janë") == "jane"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00.000000Z"),
        ("2026-11-23T10:00:00.5+01:00", "2026-11-23T09:00:00.500000Z"),
        ("2026-11-23T09:00:00", "2026-11-23T09:00:00.000000Z"),
    ],
)
def test_instants_are_compared_in_utc(text, key):
    instant = parse_date_time(text)
    assert instant is not None
    assert date_time_key(instant) == key


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_instant_is_none(text):
    assert parse_date_time(text) is None


def test_equals_differ_in_what_the_comparison_key_leaves_out():
    assert [differences_of_equals(*twins) for twins in TWINS] == [
        ["upper and lower case"],
        ["upper and lower case", "the width or form of characters"],
        ["blanks at the beginning or end"],
        ["invisible characters"],
        ["upper and lower case"],
        ["upper and lower case", "the width or form of characters"],
        ["upper and lower case"],  # a ligature is two letters without regard to case
    ]


@given(st.text(), st.text())
def test_equal_texts_that_are_not_the_same_differ_in_something(one, other):
    for text in (f" {one}", one.upper(), f"\u200b{one}", other):
        if comparison_key(one) == comparison_key(text) != "":
            assert bool(differences_of_equals(one, text)) == (one != text)
