"""The statement behind *Not provisioned*, where there are many users and many failed requests."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from providers.problems import find_problems
from tests.factories import make_provider
from tests.scim.store.plans import fill_users, plan, statements


def test_each_failed_creation_is_looked_up_by_an_index(db):
    provider = make_provider("Contoso Entra ID")
    fill_users(provider.pk, 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_resource")
    [sql] = statements(lambda: find_problems(timezone.now() - timedelta(days=1), limit=50))
    steps = "\n".join(plan(sql))
    assert "Seq Scan on providers_resource" not in steps, steps
    assert "unique_user_name" in steps and "resource_external_id" in steps
