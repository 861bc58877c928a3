"""Statements that PostgreSQL plans once for each connection.

Planning a read by id takes PostgreSQL three times as long as running it. Statements are otherwise bound in
the client and planned for their values (docs/architecture.md), because a generic plan can suit the average
group and be wrong for a large one. So only those may be prepared that find their rows by the whole of a
unique index, whatever the values are.

PgBouncer in transaction mode keeps them since its version 1.21 (`max_prepared_statements`).
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

_Cursor: Any = ServerBindingCursor  # its stubs know no base class


class _PreparedCursor(_Cursor):  # type: ignore[misc]
    def execute(self, query: Any, params: Sequence[Any] | None = None) -> Any:
        return super().execute(query, params, prepare=True)


def prepared_cursor() -> CursorWrapper:
    """Return a cursor like that of `connection.cursor()`, whose statements are prepared.

    The types of their parameters come from the Python values, so a parameter that can be None needs a cast. While
    Django keeps a list of the statements it is an ordinary cursor, because that list cannot show prepared ones.
    """
    if connection.queries_logged:
        return connection.cursor()
    connection.ensure_connection()
    return connection.make_cursor(_PreparedCursor(connection.connection))
