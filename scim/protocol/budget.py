"""What one request may use: parts, bytes written and time (V40, V65).

Sizes of bodies and of lists alone do not bound the work: 13 kB of a bulk request can write a thousand versions of a
resource of 1 MiB. So whoever works on a request spends from its budget and stops when that is used up. The limits of
time are looked at between parts, operations and statements; a statement itself ends by the database's own limit.

    what                     spent by                                            limit
    parts of a PATCH         each operation, and each name in a value without    1,000 in one PATCH, 10,000 in
                             path, whether a schema has it or not                all of a bulk request
    bytes of resources       each version of a resource that is written          16 MiB
    time                     the clock                                           REQUEST_SECONDS
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from scim.protocol import errors
from scim.protocol.errors import ScimError

T = TypeVar("T")
PARTS_BETWEEN_LOOKS = 50  # at the clock: the parts between two looks take milliseconds


def _no_time() -> float:
    return 0.0


@dataclass
class Budget:
    """The limits of one request, and what it has used of parts and bytes. Without arguments nothing is limited.

    seconds: how long the request may take, from `started` on, by `clock` (which returns seconds).
    """

    max_parts: float = inf
    max_bytes: float = inf
    seconds: float = inf
    clock: Callable[[], float] = _no_time
    started: float = 0.0
    parts: int = 0
    written: int = 0
    ended_by: ScimError | None = None  # the refusal when one of the limits was met

    @property
    def left_s(self) -> float:
        """The seconds that are left; 0 or less when there are none."""
        return self.seconds - (self.clock() - self.started)

    def check_time(self) -> None:
        """Raise `ScimError` tooMany when the time is used up."""
        if self.left_s <= 0:
            raise self.out_of_time()

    def out_of_time(self) -> ScimError:
        return self._ended(errors.too_costly(self.seconds))

    def spend_part(self) -> None:
        """Raise `ScimError` tooMany when the parts or the time are used up."""
        self.parts += 1
        if self.parts > self.max_parts:
            raise self._ended(errors.too_many(int(self.max_parts), "attributes in PATCH operations"))
        if self.parts % PARTS_BETWEEN_LOOKS == 0:
            self.check_time()

    def spend_bytes(self, count: int) -> None:
        """Raise `ScimError` tooMany when more bytes of resources would be written than one request may."""
        self.written += count
        if self.written > self.max_bytes:
            raise self._ended(errors.too_many(int(self.max_bytes) // 1_048_576, "MiB of users and groups to write"))

    def _ended(self, refusal: ScimError) -> ScimError:
        self.ended_by = refusal
        return refusal

    def timed(self, items: Iterable[T]) -> Iterator[T]:
        """`items`, with a look at the clock before each."""
        for item in items:
            self.check_time()
            yield item
