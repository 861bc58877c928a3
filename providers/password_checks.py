"""Limits on checking passwords, which is slow on purpose (threat V30).

1. Each address may be wrong ten times at once, and after that once in five seconds. A password that is right is not
   counted. What is beyond costs neither a check nor a query.
2. All workers of all machines together check two passwords at a time, or one if there are only two workers: the others
   stay free for provisioning. A slot is an advisory lock that ends with its transaction, also if the worker is killed.
3. If no slot is free, an address that has hardly been wrong in the last half hour waits for one, for less than a
   second, and comes before everybody who arrives later. Only a few requests may do so, because waiting holds a worker.
   Any other is refused at once, with a page that asks to try again.

Step 3 is for a flood from many addresses. Each of them may wait twice, and then only every half an hour, so that the
few that may wait are those who come from somewhere else (`make sign-in-flood`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction

from providers import rate_limits
from providers.buckets import shared_table

_FIRST_SLOT = 7_205_759_410  # advisory locks: any numbers that no other code of this project uses
_MOST_SLOTS = 2
_WAIT_S = 0.8
_POLL_S = 0.03
_FEW = 2.5  # attempts that were wrong or are not decided, the present one included
BUSY_S = 2  # after this time, somebody who was refused tries again

# Until when some request of this machine waits for a slot, by its clock. It moves this moment while it waits.
_waiting = shared_table(5)


class CheckRefusedError(Exception):
    """The password was not looked at: too many were wrong, or others are being checked (`is_busy`)."""

    def __init__(self, wait_s: float, *, is_busy: bool = False) -> None:
        super().__init__()
        self.wait_s = wait_s
        self.is_busy = is_busy


def take_attempt(source: str) -> None:
    """Count an attempt from an address. Raises `CheckRefusedError` if there were too many."""
    if wait := rate_limits.passwords.take(source):
        raise CheckRefusedError(wait)
    rate_limits.known_wrong.take(source)


def return_attempt(source: str) -> None:
    """Count an attempt no longer, because its password was right."""
    rate_limits.passwords.give_back(source)
    rate_limits.known_wrong.give_back(source)


@contextmanager
def slot(source: str) -> Iterator[None]:
    """Hold a slot while the password of an attempt is checked. Raises `CheckRefusedError` if none is free in time."""
    with transaction.atomic():
        is_free = _waiting[0] < time.monotonic() and _take_slot()
        if not (is_free or (_may_wait(source) and _wait_for_slot())):
            raise CheckRefusedError(BUSY_S, is_busy=True)
        yield


def _take_slot() -> bool:
    slots = _MOST_SLOTS if settings.OPTIONS.workers > _MOST_SLOTS else 1
    with connection.cursor() as cursor:
        for number in range(slots):
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_FIRST_SLOT + number])
            if cursor.fetchone()[0]:
                return True
    return False


def _may_wait(source: str) -> bool:
    return rate_limits.known_wrong.missing(source) <= _FEW and not rate_limits.waits.take("")


def _wait_for_slot() -> bool:
    # Polled, because waiting inside PostgreSQL would be for one slot only.
    end = time.monotonic() + _WAIT_S
    while (now := time.monotonic()) < end:
        _waiting[0] = now + 3 * _POLL_S
        if _take_slot():
            _waiting[0] = 0.0
            return True
        time.sleep(_POLL_S)
    return False
