"""Two acts at once, each on a connection of its own; for tests with the fixture `committed`."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from scim.protocol.errors import ScimError

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def race(first: Callable[[], Any], second: Callable[[], Any], *, refusals: type[Exception] = ScimError) -> list[Any]:
    """Run `first`, and `second` while the transaction of `first` is still open; what each gave or raised.

    `refusals`: the errors that an act may raise.
    """
    results: list[Any] = [None, None]
    first_done, may_commit = threading.Event(), threading.Event()

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            results[number] = act()
        except refusals as refused:
            results[number] = refused
        finally:
            connection.close()

    def hold() -> Any:
        with transaction.atomic():
            result = first()
            first_done.set()
            assert may_commit.wait(20)
        return result

    threads = [threading.Thread(target=run, args=(0, hold)), threading.Thread(target=run, args=(1, second))]
    threads[0].start()
    assert first_done.wait(20)
    threads[1].start()
    _wait_until_blocked(threads[1])
    may_commit.set()
    for thread in threads:
        thread.join(30)
    return results


def _wait_until_blocked(thread: threading.Thread) -> None:
    """Until the other transaction waits for a lock, or has ended without one."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute(WAITS)
            if cursor.fetchone()[0] or not thread.is_alive():
                return
            thread.join(0.01)
    raise AssertionError("the second transaction neither waits nor ends")
