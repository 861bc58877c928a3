"""Held back, paused and throttled are three outcomes, known by the stored reason; and each row says if it is a problem.

Before, all three were `throttled`. A database that is away (503) is an error of ours.
"""

from django.db import migrations

COLUMNS = """
DROP INDEX providers_requestlog_notable, providers_requestlog_problem;
ALTER TABLE providers_requestlog DROP COLUMN outcome;
DROP FUNCTION providers_outcome(smallint);

-- providers/outcomes.py has the same rules.
CREATE FUNCTION providers_outcome(status smallint, reason varchar) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE WHEN reason = 'removals-held' THEN 'held' WHEN reason = 'paused' THEN 'paused'
    WHEN reason = 'nothing-understood' THEN 'rejected' WHEN status < 400 THEN 'success'
    WHEN status IN (401, 403) THEN 'refused' WHEN status = 404 THEN 'not-found' WHEN status = 429 THEN 'throttled'
    WHEN status >= 500 AND status <> 501 THEN 'error' ELSE 'rejected' END)::varchar
$$;

-- A request that was not done. A look-up that finds nothing is none, nor is what our own connection test gets.
CREATE FUNCTION providers_is_problem(status smallint, reason varchar, method varchar, token_prefix varchar)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT (status >= 400 OR reason = 'nothing-understood') AND (status <> 404 OR method IN ('POST', 'PUT', 'PATCH', 'DELETE')) AND token_prefix <> 'ipr_test'
$$;

ALTER TABLE providers_requestlog
  ADD COLUMN outcome varchar(10) NOT NULL GENERATED ALWAYS AS (providers_outcome(status, reason)) STORED,
  ADD COLUMN is_problem boolean NOT NULL
    GENERATED ALWAYS AS (providers_is_problem(status, reason, method, token_prefix)) STORED;

CREATE INDEX providers_requestlog_notable ON providers_requestlog (id)
  WHERE NOT (action = 'look-up' AND outcome = 'success');
CREATE INDEX providers_requestlog_outcome ON providers_requestlog (outcome, id) WHERE outcome <> 'success';
CREATE INDEX providers_requestlog_problem ON providers_requestlog (id, provider_id) WHERE is_problem;
"""

# The counts of the time that is in the log are made again.
COUNTS = """
WITH begin AS (
  SELECT date_bin('20 minutes', min(at), '2000-01-01T00:00:00Z') AS slot
  FROM providers_requestlog WHERE outcome IN ('held', 'paused') OR status = 503
), gone AS (
  DELETE FROM providers_requestcount c USING begin b WHERE c.slot >= b.slot AND c.outcome = 'throttled'
)
INSERT INTO providers_requestcount (provider_id, slot, outcome, is_change, count)
SELECT l.provider_id, date_bin('20 minutes', l.at, '2000-01-01T00:00:00Z') AS slot, l.outcome,
  l.method IN ('POST', 'PUT', 'PATCH', 'DELETE'), count(*)
FROM providers_requestlog l, begin b
WHERE (l.outcome IN ('held', 'paused') OR l.status IN (429, 503)) AND l.token_prefix <> 'ipr_test'
  AND date_bin('20 minutes', l.at, '2000-01-01T00:00:00Z') >= b.slot
GROUP BY 1, 2, 3, 4
ON CONFLICT (provider_id, slot, outcome, is_change) DO UPDATE
SET count = providers_requestcount.count + EXCLUDED.count
"""

UNDO = """
DROP INDEX providers_requestlog_problem, providers_requestlog_outcome, providers_requestlog_notable;
ALTER TABLE providers_requestlog DROP COLUMN is_problem, DROP COLUMN outcome;
DROP FUNCTION providers_is_problem, providers_outcome(smallint, varchar);
CREATE FUNCTION providers_outcome(status smallint) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE WHEN status < 400 THEN 'success' WHEN status IN (401, 403) THEN 'refused'
    WHEN status = 404 THEN 'not-found' WHEN status IN (429, 503) THEN 'throttled'
    WHEN status >= 500 AND status <> 501 THEN 'error' ELSE 'rejected' END)::varchar
$$;
ALTER TABLE providers_requestlog
  ADD COLUMN outcome varchar(10) NOT NULL GENERATED ALWAYS AS (providers_outcome(status)) STORED;
CREATE INDEX providers_requestlog_notable ON providers_requestlog (id)
  WHERE NOT (action = 'look-up' AND outcome = 'success');
CREATE INDEX providers_requestlog_problem ON providers_requestlog (outcome, id) WHERE outcome <> 'success';
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0017_removal_limit")]
    operations = [migrations.RunSQL(COLUMNS, UNDO), migrations.RunSQL(COUNTS, migrations.RunSQL.noop)]
