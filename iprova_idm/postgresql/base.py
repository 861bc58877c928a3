"""Connections that follow the role of their server: after an error, one to a server that takes no writes is closed."""

from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, with another answer to what Django asks at the end of a request in which an error occurred."""

    def is_usable(self) -> bool:
        """Return whether the server responds and takes writes. If not, the next request connects again.

        A server that has become a standby answers every read, so its connections would be kept for ever.
        """
        made: Any = self.connection
        if made is None:
            return False
        try:
            return bool(made.execute("SHOW transaction_read_only").fetchone() == ("off",))
        except self.Database.Error:
            return False

    def rollback(self) -> None:
        """Roll back, and keep the mark of an error for the end of the request. Django would clear it here."""
        has_failed = self.errors_occurred
        super().rollback()
        self.errors_occurred = has_failed
