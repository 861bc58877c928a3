"""The time that statements may take: what is left of the request's budget (V40).

A connection's own `statement_timeout` is as long as a whole request, so a statement at the beginning of a request needs
none of its own. Once a request has used some of its time, the limit of each further statement is set to what is left;
that costs a round trip, which ordinary requests, of a few milliseconds, never pay.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from providers.statements import is_of_transaction
from scim.protocol.budget import Budget

_UNHURRIED = 0.75  # with that part of its time left, a request lets the connection's own limit stand


class time_limit:  # noqa: N801 (a context manager)
    """Within this context, no statement begins or continues after the time of `budget`.

    A statement that would raises `ScimError` tooMany, and its transaction is rolled back.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def __enter__(self) -> None:
        connection.execute_wrappers.append(self.execute)

    def __exit__(self, *_error: object) -> None:
        connection.execute_wrappers.remove(self.execute)

    def execute(self, run: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Run a statement, with a limit of its own if the request has used some of its time."""
        budget = self.budget
        left = budget.left_s
        if left >= _UNHURRIED * budget.seconds or is_of_transaction(sql):
            return self._run(run, sql, params, many, context)
        budget.check_time()
        with nullcontext() if connection.in_atomic_block else transaction.atomic():
            assert connection.connection is not None
            # Not by a cursor of Django, which would come here again.
            connection.connection.execute(f"SET LOCAL statement_timeout = {max(1, round(left * 1_000))}")
            return self._run(run, sql, params, many, context)

    def _run(self, run: Callable[..., Any], *statement: Any) -> Any:
        try:
            return run(*statement)
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise self.budget.out_of_time() from error
            raise
