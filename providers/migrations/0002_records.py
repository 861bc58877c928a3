"""The record tables: range-partitioned by UUIDv7 (months), and change events append-only."""

from django.db import migrations

FUNCTIONS = """
-- The smallest UUIDv7 of a moment: 48 bits of milliseconds, then zeros.
CREATE FUNCTION providers_uuid7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- Makes the partitions of `months` months from that of `first` on; those that exist stay as they are.
CREATE FUNCTION providers_make_months(parent text, first timestamptz, months int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  start_at timestamptz;
  name text;
BEGIN
  FOR step IN 0 .. months - 1 LOOP
    start_at := (date_trunc('month', first AT TIME ZONE 'UTC') + make_interval(months => step)) AT TIME ZONE 'UTC';
    name := parent || to_char(start_at AT TIME ZONE 'UTC', '_YYYYMM');
    IF to_regclass(name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent,
        providers_uuid7_floor(start_at),
        providers_uuid7_floor(((start_at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
    END IF;
  END LOOP;
END $$;

-- Only a purge, which sets iprova.purge in its own transaction, may touch what is recorded.
CREATE FUNCTION providers_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('iprova.purge', true) = 'on' THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION 'change events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""

TABLES = """
CREATE TABLE providers_changeevent (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  kind varchar(30) NOT NULL,
  provider_id bigint,
  resource_id uuid,
  resource_type varchar(50) NOT NULL DEFAULT '',
  version integer,
  subject text NOT NULL DEFAULT '',
  token_prefix varchar(8) NOT NULL DEFAULT '',
  person_id integer,
  person_name varchar(150) NOT NULL DEFAULT '',
  address inet,
  request_id uuid,
  changes jsonb NOT NULL DEFAULT '[]'
) PARTITION BY RANGE (id);
CREATE TABLE providers_changeevent_rest PARTITION OF providers_changeevent DEFAULT;
CREATE INDEX providers_changeevent_resource ON providers_changeevent (resource_id, id);
CREATE INDEX providers_changeevent_provider ON providers_changeevent (provider_id, id);
CREATE INDEX providers_changeevent_request ON providers_changeevent (request_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON providers_changeevent
  FOR EACH ROW EXECUTE FUNCTION providers_refuse_rewriting();

CREATE TABLE providers_requestlog (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  provider_id bigint NOT NULL,
  token_id bigint,
  token_prefix varchar(8) NOT NULL DEFAULT '',
  method varchar(10) NOT NULL,
  path text NOT NULL,
  query text NOT NULL DEFAULT '',
  status smallint NOT NULL,
  scim_type varchar(30) NOT NULL DEFAULT '',
  detail text NOT NULL DEFAULT '',
  duration_ms double precision NOT NULL,
  source_ip inet,
  is_uncovered boolean NOT NULL DEFAULT false,
  client_request_id varchar(100) NOT NULL DEFAULT '',
  resource_type varchar(50) NOT NULL DEFAULT '',
  resource_id uuid,
  ignored jsonb NOT NULL DEFAULT '[]',
  request_body text NOT NULL DEFAULT '',
  response_body text NOT NULL DEFAULT ''
) PARTITION BY RANGE (id);
CREATE TABLE providers_requestlog_rest PARTITION OF providers_requestlog DEFAULT;
CREATE INDEX providers_requestlog_provider ON providers_requestlog (provider_id, id);
CREATE INDEX providers_requestlog_resource ON providers_requestlog (resource_id, id);

SELECT providers_make_months(parent, now(), 12)
FROM unnest(ARRAY['providers_changeevent', 'providers_requestlog']) AS parent;
"""

UNDO = """
DROP TABLE providers_requestlog, providers_changeevent;
DROP FUNCTION providers_refuse_rewriting, providers_make_months, providers_uuid7_floor;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TABLES, UNDO)]
