"""What the log has seen before is counted too, so that a provider in use is not called new."""

from django.db import migrations

COUNT = """
INSERT INTO providers_requestcount (provider_id, slot, outcome, is_change, count)
SELECT provider_id, date_bin('20 minutes', at, '2000-01-01T00:00:00Z'), outcome,
  method IN ('POST', 'PUT', 'PATCH', 'DELETE'), count(*)
FROM providers_requestlog GROUP BY 1, 2, 3, 4;

INSERT INTO providers_sourceseen (provider_id, address, day, first_at, last_at, calls)
SELECT provider_id, source_ip, (at AT TIME ZONE 'UTC')::date, min(at), max(at), count(*)
FROM providers_requestlog WHERE source_ip IS NOT NULL AND status <> 401 GROUP BY 1, 2, 3;

INSERT INTO providers_provideractivity (provider_id, first_at, accepted_at, refused_count, mass_change_count)
SELECT provider_id, min(at), max(at), 0, 0 FROM providers_requestlog
WHERE status <> 401 AND NOT (status = 403 AND is_uncovered) GROUP BY 1;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0011_provider_console")]
    operations = [migrations.RunSQL(COUNT, migrations.RunSQL.noop)]
