"""Figures next to the provisioning log, and whether the log can be written."""

import pytest
from django.db import connection

from providers.models import ProviderActivity
from providers.request_log import writer
from tests.factories import make_user
from tests.pages import read
from tests.providers.conftest import MINUTE, calls_at, status_at


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


def test_a_refusal_that_reaches_the_log_late_is_not_after_the_success(provider):
    calls_at(provider, ago=MINUTE)
    calls_at(provider, 401, ago=2 * MINUTE)
    assert status_at(provider)[0] == "Healthy"


def test_our_own_connection_test_says_nothing_about_the_directory(provider):
    calls_at(provider, token_prefix="ipr_test")
    calls_at(provider, 500, token_prefix="ipr_test", count=9)
    assert status_at(provider)[0] == "Not connected" and not ProviderActivity.objects.exists()


def test_ac_hea_6_a_twentieth_of_the_people_is_no_mass_change(provider, crowd):
    for _ in range(30):
        make_user(provider)
    crowd(22)
    assert ProviderActivity.objects.get().mass_change_count == 0
