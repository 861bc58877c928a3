"""The demo's output: the progress of each cycle, and a table of the requests."""

import statistics
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TextIO, TypeVar

from iprova_idm.demo.wire import Exchange

T = TypeVar("T")
_PHASE, _BAR = 25, 24  # columns; with its figures a line fits 80
_REDRAW_S = 0.05
_HEADINGS = ("Request", "Count", "Statuses", "Total ms", "Median ms")


class Progress:
    """Prints progress: a moving bar on a terminal, otherwise one line for each phase."""

    def __init__(self, stream: TextIO, *, is_terminal: bool) -> None:
        self.stream, self.is_terminal = stream, is_terminal

    def track(self, phase: str, items: Collection[T]) -> Iterator[T]:
        """Yield the items and print the progress. A phase without items prints nothing."""
        started = drawn = time.monotonic()
        for done, item in enumerate(items):
            if self.is_terminal and (done == 0 or time.monotonic() - drawn > _REDRAW_S):
                drawn = time.monotonic()
                self._write(f"\r{_line(phase, done, len(items))}")
            yield item
        if items:
            bar = f"\r{_line(phase, len(items), len(items))}"
            line = bar if self.is_terminal else f"{phase:<{_PHASE}} {len(items):>4}"
            self._write(f"{line}  {time.monotonic() - started:6.1f} s\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def _line(phase: str, done: int, total: int) -> str:
    filled = _BAR * done // total
    return f"{phase:<{_PHASE}} [{'#' * filled}{'.' * (_BAR - filled)}] {done:>4}/{total:<4}"


def summary(exchanges: Sequence[Exchange]) -> str:
    """Return a table of all requests by kind, in the order of their first appearance, with a line of totals."""
    kinds = dict.fromkeys(exchange.kind for exchange in exchanges)
    rows = [_row(kind, [one for one in exchanges if one.kind == kind]) for kind in kinds]
    table = [_HEADINGS, *rows, _row("All", exchanges)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADINGS))]
    rule = "  ".join("-" * width for width in widths)
    lines = [_aligned(row, widths) for row in table]
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _row(kind: str, exchanges: Sequence[Exchange]) -> tuple[str, ...]:
    statuses = sorted(Counter(exchange.status for exchange in exchanges).items())
    times = [exchange.duration_ms for exchange in exchanges]
    shown = ", ".join(str(status) if len(statuses) == 1 else f"{status}: {count}" for status, count in statuses)
    return kind, str(len(exchanges)), shown, f"{sum(times):.0f}", f"{statistics.median(times):.1f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of the table, with words aligned to the left and figures to the right."""
    is_word = (True, False, True, False, False)
    cells = zip(row, widths, is_word, strict=True)
    return "  ".join(cell.ljust(width) if word else cell.rjust(width) for cell, width, word in cells).rstrip()
