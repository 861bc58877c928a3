"""Token buckets: how many requests may come from one key at once, and how many a second after that.

A bucket is one number, the moment at which it will be full again. Taking a token moves that moment by `1 / rate`, so
nothing has to run while a bucket fills. A key has its place in a table of fixed length by its hash, so the memory does
not grow with the number of keys. Two keys may share a place, and then their bucket.

The tables are in memory that the workers of one gunicorn share. Dividing a limit by the number of workers would not do:
connections are distributed unevenly, and a client that keeps its connection open stays with one worker.
"""

import mmap
import time
from collections.abc import Callable, Hashable, MutableSequence

PLACES = 65_536
_TABLES = 11

# Shared with the processes that are forked after this module is imported: gunicorn loads the application before that.
# They also inherit the secret of Python's `hash`, so that a key has the same place in each of them, and nobody outside
# can find two keys that share one.
_memory = memoryview(mmap.mmap(-1, _TABLES * PLACES * 8)).cast("d")


def shared_table(number: int) -> MutableSequence[float]:
    """Return one of the shared tables, by a number below `_TABLES`."""
    table: MutableSequence[float] = _memory[number * PLACES : (number + 1) * PLACES]  # type: ignore[assignment]
    return table


class Buckets:
    """Buckets of one kind. Each holds `burst` tokens when it is full, and gets `rate` a second. Rate 0: no limit.

    There is no lock: a worker that is killed with it would stop the others. Two workers that read a place before either
    has written it take one token for two requests, which happens once in some thousand.
    """

    def __init__(
        self,
        table: MutableSequence[float],
        *,
        rate: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._table = table
        self._clock = clock
        self._span = (burst - 1) / rate if rate else 0.0  # until it is full, while one token is left

    def take(self, key: Hashable, cost: int = 1) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds until there is one.

        One token is enough for any cost. What is missing is a debt, which is paid before the next token is there.
        """
        if not self.rate:
            return 0.0
        place = hash(key) % PLACES
        now = self._clock()
        full = self._table[place]
        if full <= now:
            full = now
        elif full - now > self._span:
            return full - now - self._span
        self._table[place] = full + cost / self.rate
        return 0.0

    def spend(self, key: Hashable, cost: int) -> None:
        """Take `cost` tokens for a request that was admitted already, as a debt if they are not there."""
        if self.rate:
            place = hash(key) % PLACES
            self._table[place] = max(self._table[place], self._clock()) + cost / self.rate

    def wait(self, key: Hashable) -> float:
        """Return the seconds until there is a token, 0 if there is one. Takes none."""
        if not self.rate:
            return 0.0
        return max(0.0, self._table[hash(key) % PLACES] - self._clock() - self._span)

    def give_back(self, key: Hashable) -> None:
        """Put back one token that was taken."""
        if self.rate:
            place = hash(key) % PLACES
            self._table[place] -= 1 / self.rate

    def missing(self, key: Hashable) -> float:
        """Return how many tokens were taken and did not come back yet."""
        return max(0.0, self._table[hash(key) % PLACES] - self._clock()) * self.rate
