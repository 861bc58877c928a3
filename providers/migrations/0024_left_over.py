"""An operation of a bulk request that was left because the request's budget was used up is throttled, not our error."""

from django.db import migrations

# providers/outcomes.py has the same rules. A stored column keeps what the old function said of the rows that are there.
OUTCOME = """
CREATE OR REPLACE FUNCTION providers_outcome(status smallint, reason varchar) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE WHEN reason = 'removals-held' THEN 'held' WHEN reason = 'paused' THEN 'paused'
    WHEN reason = 'nothing-understood' THEN 'rejected'{left_over} WHEN status < 400 THEN 'success'
    WHEN status IN (401, 403) THEN 'refused' WHEN status = 404 THEN 'not-found' WHEN status = 429 THEN 'throttled'
    WHEN status >= 500 AND status <> 501 THEN 'error' ELSE 'rejected' END)::varchar
$$
"""
NOW = OUTCOME.format(left_over=" WHEN reason = 'left-over' THEN 'throttled'")
BEFORE = OUTCOME.format(left_over="")


class Migration(migrations.Migration):
    dependencies = [("providers", "0023_quota")]
    operations = [migrations.RunSQL(NOW, BEFORE)]
