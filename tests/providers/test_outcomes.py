"""The class of a status is the same in the counts and in the log's own column."""

import pytest
from django.db import connection

from providers.outcomes import outcome_of


@pytest.mark.smoke
def test_the_database_classes_each_status_as_the_counts_do(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT s, providers_outcome(s::smallint) FROM generate_series(200, 599) s")
        for status, outcome in cursor.fetchall():
            assert outcome == outcome_of(status).value, status
