"""Statements that PostgreSQL plans once for each connection.

Planning a read by id takes PostgreSQL three times as long as running it. Statements are otherwise bound in
the client and planned for their values (docs/architecture.md), because a generic plan can suit the average
group and be wrong for a large one. So only those may be prepared that find their rows by the whole of a
unique index, whatever the values are.

PgBouncer in transaction mode keeps them since its version 1.22.1 (`max_prepared_statements`, see
docs/high-availability.md).
With `PREPARED_STATEMENTS=no`, psycopg prepares nothing (`prepare_threshold` is None), and they are planned each time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor

_Cursor: Any = ServerBindingCursor  # its stubs know no base class

# One cursor for each connection: making one costs a tenth of a short statement.
_cursors: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def execute_prepared(statement: str, params: Sequence[Any]) -> Any:
    """Execute a statement that is planned once. Return a cursor with its result, which lasts until the next statement.

    The types of the parameters come from the Python values, so a parameter that can be None needs a cast. While
    Django keeps a list of the statements it is an ordinary one, because that list cannot show prepared ones. Raises
    what any statement raises (`django.db.Error`), and counts for `connection.execute_wrappers`.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged:
        logged = database.cursor()
        logged.execute(statement, params)
        return logged
    database.ensure_connection()
    database.validate_no_broken_transaction()
    cursor = _cursors.get(database.connection)
    if cursor is None:
        cursor = _cursors[database.connection] = _Cursor(database.connection)

    def execute(sql: str, values: Sequence[Any], _many: bool, _context: Any) -> None:
        with database.wrap_database_errors:
            cursor.execute(sql, values, prepare=True)

    run: Callable[..., None] = execute
    for wrapper in reversed(database.execute_wrappers):
        run = partial(wrapper, run)
    run(statement, params, False, {"connection": database, "cursor": cursor})
    return cursor
