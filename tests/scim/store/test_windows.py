"""The window of a page, without a database: the list a b c d e f g in pages."""

from dataclasses import replace

import pytest

from scim.store.cursors import Position
from scim.store.windows import Window

LIST = [(letter, letter.upper()) for letter in "abcdefg"]


def fetch(window, rows=LIST):
    """What the statement of answers.py gives: rows beyond the position, in reading order."""
    position = window.position
    if position is None:
        return rows[window.offset : window.offset + window.limit]
    if position.is_backward:
        beyond = [
            row for row in reversed(rows) if row[0] < position.id or (position.is_inclusive and row[0] == position.id)
        ]
    else:
        beyond = [row for row in rows if row[0] > position.id or (position.is_inclusive and row[0] == position.id)]
    return beyond[: window.limit]


def shown(window, rows=LIST, most=None):
    fetched = fetch(window, rows)
    page = window.show(fetched[:most], len(fetched))
    return "".join(row[0] for row in page.rows), page


def at(letter, **more):
    return Position(letter.upper(), letter, 7, **more)


@pytest.mark.parametrize(
    ("window", "letters", "total"),
    [
        (Window(2), "ab", None),
        (Window(7), "abcdefg", None),  # as many as asked for: there may be more
        (Window(8), "abcdefg", 7),
        (Window(3, start_index=6), "fg", 7),
        (Window(2, start_index=8), "", None),  # beyond the end: how many there are is not known
        (Window(0), "", None),
    ],
)
def test_a_page_by_index_has_no_cursors(window, letters, total):
    assert window.limit == window.count
    found, page = shown(window)
    assert (found, page.total) == (letters, total)
    assert (page.next(7), page.previous(7)) == (None, None)


def test_an_empty_list_needs_no_counting():
    assert Window(2).show([], 0).total == 0
    assert Window(2, has_cursors=True).show([], 0).total == 0


@pytest.mark.parametrize(
    ("position", "letters", "total", "previous", "following"),
    [
        (None, "abc", None, None, at("c")),
        (at("c"), "def", 7, at("d", is_backward=True), at("f")),
        (at("f"), "g", 7, at("g", is_backward=True), None),
        (at("d"), "efg", 7, at("e", is_backward=True), None),  # exactly as many as are left
        (at("d", is_backward=True), "abc", 7, None, at("c")),
        (at("g", is_backward=True), "def", 7, at("d", is_backward=True), at("f")),
        (at("b", is_backward=True), "a", 7, None, at("a")),
    ],
)
def test_a_page_by_cursor_names_its_neighbours(position, letters, total, previous, following):
    window = Window(3, has_cursors=True, position=position)
    assert window.limit == 4
    found, page = shown(window)
    assert (found, page.total) == (letters, total)
    assert (page.previous(7), page.next(7)) == (previous, following)


@pytest.mark.parametrize("position", [None, at("c"), at("c", is_backward=True)])
def test_a_page_of_none_by_cursor_fetches_nothing_and_leads_nowhere(position):
    window = Window(0, has_cursors=True, position=position)
    assert window.limit == 0
    page = window.show([], 0)
    assert (page.rows, page.total) == ([], 7 if position else None)
    assert (page.next(7), page.previous(7)) == (None, None)


def test_all_on_the_first_page_by_cursor_is_the_total():
    assert shown(Window(7, has_cursors=True))[1].total == 7
    assert shown(Window(8, has_cursors=True))[1].total == 7
    assert shown(Window(6, has_cursors=True))[1].total is None


@pytest.mark.parametrize("is_backward", [False, True])
def test_from_a_page_that_was_emptied_the_way_back_includes_where_it_was_to_begin(is_backward):
    position = at("d", is_backward=is_backward)
    left = [row for row in LIST if (row[0] >= "d") == is_backward]  # all that the page would show was deleted
    found, page = shown(Window(3, has_cursors=True, position=position), left)
    assert found == ""
    turned = at("d", is_backward=not is_backward, is_inclusive=True)
    assert (page.previous(7), page.next(7)) == ((None, turned) if is_backward else (turned, None))
    found, _ = shown(Window(3, has_cursors=True, position=turned), LIST)
    assert found == ("def" if is_backward else "bcd")


@pytest.mark.parametrize("count", range(1, 9))
def test_cursors_lead_through_the_whole_list_and_back(count):
    pages, window = [], Window(count, has_cursors=True)
    while True:
        found, page = shown(window)
        pages.append(found)
        following = page.next(7)
        if following is None:
            break
        window = Window(count, has_cursors=True, position=following)
    assert "".join(pages) == "abcdefg"
    back = [pages[-1]]
    while previous := page.previous(7):
        found, page = shown(Window(count, has_cursors=True, position=previous))
        back.append(found)
    assert "".join(reversed(back)) == "abcdefg"


@pytest.mark.parametrize(
    ("window", "letters", "total", "previous", "following"),
    [
        (Window(5), "ab", None, None, None),
        (Window(8), "ab", 7, None, None),  # the window has all, of which two are shown
        (Window(5, start_index=6), "fg", 7, None, None),
        (Window(5, has_cursors=True), "ab", None, None, at("b")),
        (Window(7, has_cursors=True), "ab", 7, None, at("b")),
        (Window(5, has_cursors=True, position=at("d")), "ef", 7, at("e", is_backward=True), at("f")),
        (Window(5, has_cursors=True, position=at("d", is_backward=True)), "bc", 7, at("b", is_backward=True), at("c")),
    ],
)
def test_h2_a_page_that_is_cut_leads_to_the_rows_that_were_cut_off(window, letters, total, previous, following):
    found, page = shown(window, most=2)
    assert (found, page.total) == (letters, total)
    assert (page.previous(7), page.next(7)) == (previous, following)


@pytest.mark.parametrize("most", range(1, 4))
def test_h2_cursors_lead_through_pages_that_are_cut_and_back(most):
    pages, window = [], Window(5, has_cursors=True)
    while True:
        found, page = shown(window, most=most)
        pages.append(found)
        following = page.next(7)
        if following is None:
            break
        window = replace(window, position=following)
    assert "".join(pages) == "abcdefg"
    back = [pages[-1]]
    while previous := page.previous(7):
        found, page = shown(replace(window, position=previous), most=most)
        back.append(found)
    assert "".join(reversed(back)) == "abcdefg"
