"""The grammar of filters and paths (RFC 7644 §3.4.2.2, §3.5.2)."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.protocol.attributes import ENTERPRISE_USER
from scim.protocol.errors import ScimError
from scim.protocol.filters import And, Comparison, Not, Or, Presence, ValuePath, parse_filter, render
from scim.protocol.paths import AttrPath

HUNDRED = settings.default.max_examples
A, B, C = (Presence(AttrPath(name)) for name in "abc")


CASES = [
    ('userName eq "bjensen"', Comparison(AttrPath("userName"), "eq", "bjensen")),
    ('name.familyName co "O\'Malley"', Comparison(AttrPath("name", "familyName"), "co", "O'Malley")),
    ("title pr", Presence(AttrPath("title"))),
    ("a pr or b pr and c pr", Or((A, And((B, C))))),
    ("a pr and b pr or c pr", Or((And((A, B)), C))),
    ("(a pr or b pr) and c pr", And((Or((A, B)), C))),
    ("not (a pr) and b pr", And((Not(A), B))),
    ("not (a pr or b pr)", Not(Or((A, B)))),
    ('emails[type eq "work"]', ValuePath(AttrPath("emails"), Comparison(AttrPath("type"), "eq", "work"))),
    (
        f'{ENTERPRISE_USER}:manager.value eq "1"',
        Comparison(AttrPath("manager", "value", ENTERPRISE_USER), "eq", "1"),
    ),
    ("active eq true", Comparison(AttrPath("active"), "eq", True)),
    ("active ne null", Comparison(AttrPath("active"), "ne", None)),
    ("n gt -1.5", Comparison(AttrPath("n"), "gt", -1.5)),
    (r'x eq "a\"b\\c\u00e9"', Comparison(AttrPath("x"), "eq", 'a"b\\cé')),
]


@pytest.mark.parametrize(("text", "node"), CASES, ids=[text for text, _ in CASES])
def test_filter_is_read_and_rendered(text, node):
    assert parse_filter(text) == node
    assert parse_filter(render(node)) == node


def test_operators_and_words_in_any_case():
    assert parse_filter('userName Eq "x" AND NOT (a PR)') == And((Comparison(AttrPath("userName"), "eq", "x"), Not(A)))
    assert parse_filter("active eq True") == Comparison(AttrPath("active"), "eq", True)


def test_entra_value_path_with_sub_attribute_speaks_of_one_element():
    node = parse_filter('emails[type eq "work"].value eq "x"')
    assert node == ValuePath(
        AttrPath("emails"),
        And((Comparison(AttrPath("type"), "eq", "work"), Comparison(AttrPath("value"), "eq", "x"))),
    )


REFUSED = [
    ("", "at character 1"),
    ("userName", "ends too early"),
    ("userName eq", "ends too early"),
    ("userName eq bob", "at character 13: a value in double quotes"),
    ('userName is "bob"', 'an operator is expected after "userName"'),
    ('userName eq "bob', "a quote is not closed"),
    ('(userName eq "bob"', "ends too early"),
    ('userName eq "bob")', '"and", "or" or the end'),
    ('userName eq "a" "b"', '"and", "or" or the end'),
    ('userName eq "a" and', "ends too early"),
    ("a eq NaN", "a value in double quotes"),
    ("a eq [1]", "a value"),
    ("9a pr", "an attribute name is expected"),
    ('a[b eq "c"', "ends too early"),
    ('emails[type eq "work"] eq "x"', 'compared after the bracket of "emails", as in […].value eq "x"'),
    ('a pr and not (b[c pr] CO "x")', 'of "b", as in […].value'),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text for text, _ in REFUSED])
def test_refusal_names_the_place(text, reason):
    with pytest.raises(ScimError) as refused:
        parse_filter(text)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")
    assert reason in refused.value.detail


def test_v38_limits_of_length_terms_and_depth():
    for text in ("a pr or " * 2_000 + "a pr", " and ".join(["a pr"] * 101), "(" * 21 + "a pr" + ")" * 21):
        with pytest.raises(ScimError, match=r"longer than|more than"):
            parse_filter(text)
    assert parse_filter(" and ".join(["a pr"] * 100))
    assert parse_filter("(" * 20 + "a pr" + ")" * 20) == A


@pytest.mark.parametrize(
    "text", [r'"\a' * 33_000, '"' * 99_999, "[" * 100_000, "(" * 100_000, 'a eq "' + "\\" * 99_999]
)
def test_v37_parse_time_is_linear(text):
    assert work_of(text) < 1


def work_of(text, **limits):
    """The time that reading a filter takes, in units of a fixed work that takes about 50 ms on a usual machine.

    Both are measured in turns, and the quickest of each counts, so that a busy machine slows both alike.
    """
    unlimited = {"max_length": 1_000_000, "max_terms": 1_000_000, "max_depth": 100}
    spent, unit = [], []
    for _ in range(3):
        started = time.process_time()
        with pytest.raises(ScimError):
            parse_filter(text, **(limits or unlimited))
        spent.append(time.process_time() - started)
        started = time.process_time()
        assert sum(number & 1 for number in range(1_000_000)) == 500_000
        unit.append(time.process_time() - started)
    return min(spent) / min(unit)


BOMBS = [
    "a pr or " * 12_000 + "a pr",
    "(" * 100_000 + "a pr" + ")" * 100_000,
    "not (" * 20_000,
    "a[" * 50_000,
    "x" * 1_000_000,
]


@pytest.mark.parametrize("text", BOMBS)
def test_v38_a_bomb_is_refused_at_once(text):
    assert work_of(text, max_length=8_000) < 0.1, "by its length, before anything is read"
    assert work_of(text, max_length=2_000_000) < 1, "by its comparisons or its depth, as soon as there are too many"


_names = st.builds(AttrPath, st.sampled_from(["a", "userName", "x-1", "$ref"]), st.sampled_from(["", "value"]))


_values = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text(st.characters(codec="utf-8")))


_leaves = st.one_of(
    st.builds(Presence, _names),
    st.builds(Comparison, _names, st.sampled_from(["eq", "ne", "co", "gt"]), _values),
)


def _grow(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, several), st.builds(Or, several))


@settings(max_examples=3 * HUNDRED, deadline=None)
@given(st.recursive(_leaves, _grow, max_leaves=20))
def test_every_tree_is_read_back_from_its_rendering(node):
    assert parse_filter(render(node), max_length=100_000, max_depth=100) == node


@settings(max_examples=5 * HUNDRED, deadline=None)
@given(st.text(alphabet='ab.:[]() "\\$eqandortnpr019-', max_size=60))
def test_any_text_is_a_tree_or_a_refusal(text):
    try:
        parse_filter(text)
    except ScimError as refused:
        assert refused.scim_type == "invalidFilter"
