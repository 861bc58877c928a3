"""Figures next to the provisioning log, and whether the log can be written."""

import pytest
from django.db import connection

from providers.request_log import writer
from tests.pages import read


@pytest.mark.django_db(transaction=True)
def test_ac_log_7_a_table_that_somebody_holds_does_not_hold_the_writer(support, provider, scim):
    client = scim(provider)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE providers_requestlog IN SHARE MODE")
        assert client.post("/Users", {"userName": "a"}).status_code == 201
        writer.flush()
        assert "OperationalError" in read(support.get("/eum/")).text
    finally:
        other.close()
