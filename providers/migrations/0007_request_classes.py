"""What the provisioning log is asked for: outcome and action of each request, with the indexes of its pages."""

from django.db import migrations, models

COLUMNS = """
-- The outcome classes of the console (providers/outcomes.py has the same). 503 says "later", as to a paused provider.
CREATE FUNCTION providers_outcome(status smallint) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE WHEN status < 400 THEN 'success' WHEN status IN (401, 403) THEN 'refused'
    WHEN status = 404 THEN 'not-found' WHEN status IN (429, 503) THEN 'throttled'
    WHEN status >= 500 AND status <> 501 THEN 'error' ELSE 'rejected' END)::varchar
$$;

-- What a request set out to do. Entra's Test Connection looks for a userName that is a GUID.
CREATE FUNCTION providers_action(method varchar, resource_type varchar, query text) RETURNS varchar
LANGUAGE sql IMMUTABLE AS $$
  SELECT (CASE
    WHEN method IN ('GET', 'HEAD', 'OPTIONS') THEN CASE
      WHEN resource_type = '' THEN 'discover'
      WHEN query ~* 'filter=userName(%20|\\+)+eq(%20|\\+)+(%22|")[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(%22|")'
        THEN 'test'
      ELSE 'look-up' END
    WHEN method = 'POST' THEN 'create' WHEN method = 'DELETE' THEN 'remove' ELSE 'update' END)::varchar
$$;

ALTER TABLE providers_requestlog
  ADD COLUMN outcome varchar(10) NOT NULL GENERATED ALWAYS AS (providers_outcome(status)) STORED,
  ADD COLUMN action varchar(10) NOT NULL GENERATED ALWAYS AS (providers_action(method, resource_type, query)) STORED;

-- The default view, problems, and whatever the client calls its request.
CREATE INDEX providers_requestlog_notable ON providers_requestlog (id)
  WHERE NOT (action = 'look-up' AND outcome = 'success');
CREATE INDEX providers_requestlog_problem ON providers_requestlog (outcome, id) WHERE outcome <> 'success';
CREATE INDEX providers_requestlog_client ON providers_requestlog (client_request_id) WHERE client_request_id <> '';
-- Bodies end before their rows do; the job finds what is left of them.
CREATE INDEX providers_requestlog_bodies ON providers_requestlog (id)
  WHERE request_body <> '' OR response_body <> '';
"""

UNDO = """
DROP INDEX providers_requestlog_bodies, providers_requestlog_client, providers_requestlog_problem,
  providers_requestlog_notable;
ALTER TABLE providers_requestlog DROP COLUMN action, DROP COLUMN outcome;
DROP FUNCTION providers_action, providers_outcome;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0006_provider_protocol")]
    operations = [
        migrations.RunSQL(COLUMNS, UNDO),
        migrations.AddIndex(
            model_name="resource",
            index=models.Index(
                condition=models.Q(resource_type="User"), fields=["user_name_key"], name="resource_user_name"
            ),
        ),
        migrations.AddIndex(
            model_name="resource",
            index=models.Index(
                condition=models.Q(deleted_at__isnull=False), fields=["deleted_at"], name="resource_recycle_bin"
            ),
        ),
        migrations.AddIndex(
            model_name="refusedcalls",
            index=models.Index(fields=["-hour", "-id"], name="refused_newest"),
        ),
    ]
