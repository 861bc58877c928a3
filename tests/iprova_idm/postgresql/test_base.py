"""Connections follow the role of the server: on a real PostgreSQL that takes no writes, as a standby does not."""

from collections.abc import Iterator
from secrets import token_hex

import psycopg
import pytest
from django.db import close_old_connections, connection

from providers import request_log
from providers.models import RequestLog
from tests.conftest import ScimClient, database_url
from tests.factories import issue, make_provider


@pytest.fixture
def token(committed: None) -> str:
    return issue(make_provider(f"Follows {token_hex(4)}"))[1]


@pytest.fixture
def client(token: str) -> ScimClient:
    return ScimClient(token)


@pytest.fixture
def standby(client: ScimClient) -> Iterator[None]:
    """Inside this test, every new connection finds a server that takes no writes."""
    with psycopg.connect(database_url(), autocommit=True) as own:
        own.execute("SET default_transaction_read_only = off")
        name = own.info.dbname
        own.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        yield
        own.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        own.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def demote() -> None:
    """Make the server of the open connection one that takes no writes, as when it has become a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")


def user(number: int) -> dict[str, object]:
    return {"userName": f"user{number}@example.com"}


def test_a_write_on_a_demoted_server_is_503_and_the_next_one_reaches_the_primary(client: ScimClient) -> None:
    assert client.post("/Users", user(1)).status_code == 201
    demote()
    refused = client.post("/Users", user(2))
    assert (refused.status_code, refused["Retry-After"]) == (503, "10")
    assert "not known" in refused.json()["detail"]
    close_old_connections()  # the end of the request, which Django's test client leaves out
    assert client.post("/Users", user(2)).status_code == 201


def test_a_change_of_members_on_a_demoted_server_is_503_too(client: ScimClient) -> None:
    """It is a transaction of several statements, which are not prepared."""
    made = client.post("/Users", user(1)).json()["id"]
    group = client.post("/Groups", {"displayName": "Care"}).json()["id"]
    demote()
    addition = {"op": "add", "path": "members", "value": [{"value": made}]}
    assert client.patch(f"/Groups/{group}", addition).status_code == 503
    close_old_connections()
    assert client.patch(f"/Groups/{group}", addition).status_code == 204


def test_the_log_s_writer_leaves_a_demoted_server(client: ScimClient) -> None:
    client.get("/Users")
    demote()
    request_log.writer.flush()  # this batch is lost
    close_old_connections()  # as its thread does before each batch
    client.get("/Groups")
    request_log.writer.flush()
    assert RequestLog.objects.latest("at").path == "/scim/Groups"


def test_an_error_of_the_data_keeps_the_connection(client: ScimClient) -> None:
    client.post("/Users", user(1))
    kept = connection.connection
    assert client.post("/Users", user(1)).status_code == 409
    close_old_connections()
    assert connection.connection is kept


def test_nothing_is_read_from_a_server_that_takes_no_writes(client: ScimClient, standby: None) -> None:
    connection.close()
    for answer in (client.get("/Users"), client.post("/Users", user(1))):
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")


def test_healthz_is_degraded_on_a_demoted_server_until_the_primary_is_reached(client: ScimClient) -> None:
    demote()
    assert client.client.get("/healthz").status_code == 503
    close_old_connections()
    assert client.client.get("/healthz").status_code == 200
