"""Limits of PostgreSQL for the statements of a web process. Migrations and the housekeeping have none.

No statement runs on after its worker was killed, and none runs longer than a whole request may (REQUEST_SECONDS). What
a SCIM request has used of its time, `scim.store.time_limit` takes from its later statements.
"""

from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

CHECK_INTERVAL = "5s"

# Behind a pooler in transaction mode, a setting of the session would stay with a connection that others use next. A
# pooler is recognised by the process id: it gives its clients one of its own. There, nothing is set (docs/install.md).
# Only servers on Linux can watch whether the client still exists.
_SET = """
SELECT set_config('statement_timeout', %s, false),
       CASE WHEN version() LIKE '%%linux%%' THEN set_config('client_connection_check_interval', %s, false) END
WHERE pg_backend_pid() = %s
"""


def limit_statements() -> None:
    """Give each database connection of this process the limits, from now on. One statement for each connection."""
    connection_created.connect(_limit, dispatch_uid="statement_limits")


def _limit(connection: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SET, [f"{settings.OPTIONS.request_seconds}s", CHECK_INTERVAL, connection.connection.info.backend_pid]
        )
