"""What a limit of time does not hold back."""

_OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


def is_of_transaction(statement: object) -> bool:
    """Return whether a statement begins or ends a part of a transaction. What has begun must end, however late."""
    return str(statement).startswith(_OF_TRANSACTIONS)
