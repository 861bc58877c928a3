"""The tables of what happened: the indexes of their views, and the generated columns."""

from django.db import connection
from django.utils import timezone

from providers.models import RequestLog
from providers.request_log import writer
from tests.factories import fill_log
from tests.providers.console.log.conftest import GUID


def test_ac_hea_3_a_connection_test_is_no_error(support, provider, scim):
    scim(provider).get("/Users", filter=f'userName eq "{GUID}"')
    writer.flush()
    row = RequestLog.objects.get()
    assert (row.action, row.outcome) == ("test", "success")


VIEWS = {
    "NOT (action = 'look-up' AND outcome = 'success')": "id_idx",
    "outcome = 'rejected'": "outcome_id_idx",
    "provider_id = 7": "provider_id_id_idx",
    "resource_id = '0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa'": "resource_id_id_idx",
    "client_request_id = 'x' AND client_request_id <> ''": "client_request_id_idx",
}


def test_ac_log_6_each_view_walks_an_index(provider):
    fill_log(20_000)
    fill_log(20_000, status="201", method="'POST'")
    fill_log(50, status="409", method="'POST'")
    month = timezone.now().strftime("%Y%m")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_requestlog")
        for condition, index in VIEWS.items():
            cursor.execute(f"EXPLAIN SELECT * FROM providers_requestlog WHERE {condition} ORDER BY id DESC LIMIT 51")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Index Scan" in plan and f"providers_requestlog_{month}_{index}" in plan, (condition, plan)


def test_ac_ref_2_the_newest_hours_come_by_index(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_refusedcalls (address, hour, kind, count) SELECT ('10.0.' || n / 250 || '.' ||"
            " n %% 250)::inet, now() - n * interval '1 minute', 'no-token', 1 FROM generate_series(1, 20000) n",
            [],
        )
        cursor.execute("ANALYZE providers_refusedcalls")
        cursor.execute("EXPLAIN SELECT * FROM providers_refusedcalls ORDER BY hour DESC, id DESC LIMIT 100")
        assert "refused_newest" in cursor.fetchall()[1][0]
