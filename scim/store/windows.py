"""The window of a page: which rows of a list to fetch, and what follows from the rows that came.

A list is paged in one of two ways. By index (RFC 7644 §3.4.2.4) a page is `count` rows from
`start_index` on, and has no cursors. By cursor (RFC 9865) it is `count` rows beyond a position, read
forward or backward; one row more is fetched, which is not shown but tells whether more rows follow.

    Page                     fetched    total                        previous page       next page
    by index                 count      see below                    no cursor           no cursor
    any, count is 0          nothing    kept or counted, or what     no cursor           no cursor
                                        the cursor has
    first one by cursor      count + 1  see below                    none                if one more came
    forward from a cursor    count + 1  the one that the cursor has  there is one        if one more came
    backward from a cursor   count + 1  the one that the cursor has  if one more came    there is one

The total is known from the rows when those of the window are the last ones: fewer than `count`, or with cursors
no one more. A page by index beyond the end has no rows and says nothing. Otherwise the total of a list without a
filter is the one that is kept (`providers.totals`), and that of a filter is counted.

A page may show fewer rows than its window has, because a response has a limit of bytes. The rows that are
cut off are the last ones in the direction of reading, and more rows follow then.

The cursor of a neighbour is the position of the row at that end of the page. A page whose rows were all
deleted since its cursor was made has no such row: then the way back is from where it was to begin, and
includes that place.

For example, the list a b c d e in pages of two:

    cursor ""           fetches a b c, shows a b: next is forward from b, and the total is kept or counted (5)
    forward from b      fetches c d e, shows c d: previous is backward from c, next is forward from d
    forward from d      fetches e,     shows e:   previous is backward from e, there is no next
    backward from c     fetches b a,   shows a b: there is no previous, next is forward from b
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scim.store.cursors import Position

# A row's id, its sort key, and whatever else was read of it.
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    """`position` is where the page begins by cursor, None for the first one; `start_index` is 1-based."""

    count: int
    start_index: int = 1
    has_cursors: bool = False
    position: Position | None = None

    @property
    def limit(self) -> int:
        """How many rows to fetch."""
        return self.count + self.has_cursors if self.count else 0

    @property
    def offset(self) -> int:
        return self.start_index - 1

    @property
    def is_backward(self) -> bool:
        return self.position is not None and self.position.is_backward

    def show(self, fetched: Sequence[Row], number: int) -> "Shown":
        """The page that the fetched rows make, in the order of the list. `number`: how many the window has."""
        rows = fetched[: self.count]
        return Shown(self, rows[::-1] if self.is_backward else rows, number)


@dataclass(frozen=True)
class Shown:
    """The rows of a page. `number`: how many rows its window has."""

    window: Window
    rows: Sequence[Row]
    number: int

    @property
    def has_more(self) -> bool:
        """Whether more rows are known to follow in the direction of reading."""
        return self.number > len(self.rows)

    @property
    def total(self) -> int | None:
        """How many rows the list has; None: the rows do not show it."""
        window = self.window
        if window.position:
            return window.position.total
        is_last = self.number < window.count + window.has_cursors
        if window.count and is_last and (self.number or window.offset == 0):
            return window.offset + self.number
        return None

    def next(self, total: int) -> Position | None:
        """From where the next page is read; None: there is none."""
        is_there = self.has_more or self.window.is_backward
        return self._neighbour(-1, total, is_before=False) if is_there else None

    def previous(self, total: int) -> Position | None:
        is_there = self.has_more if self.window.is_backward else self.window.position is not None
        return self._neighbour(0, total, is_before=True) if is_there else None

    def _neighbour(self, end: int, total: int, *, is_before: bool) -> Position | None:
        if not (self.window.count and self.window.has_cursors):
            return None
        if self.rows:
            row_id, key, *_ = self.rows[end]
            return Position(key, row_id, total, is_backward=is_before)
        position = self.window.position
        return position and replace(position, is_backward=is_before, is_inclusive=True)
