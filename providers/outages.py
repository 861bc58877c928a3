"""Whether an error means that the database is away, and when a client shall try again.

It is stopped, restarts, refuses connections, has become a standby, or gives a statement up. Nobody has to mend the
request: it succeeds when the database is back. So the SCIM endpoint and the console answer 503, not 500.
"""

from django.db import DatabaseError, InterfaceError, OperationalError
from psycopg.errors import ProgramLimitExceeded, ReadOnlySqlTransaction

RETRY_AFTER_S = 10


def is_outage(error: BaseException | None) -> bool:
    """Return whether the database is away. A value that is too long for an index is the request's own fault."""
    match error:
        case OperationalError() | InterfaceError():
            return not isinstance(error.__cause__, ProgramLimitExceeded)
        case DatabaseError():
            return isinstance(error.__cause__, ReadOnlySqlTransaction)
    return False
