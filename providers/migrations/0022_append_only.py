"""Change events: no TRUNCATE, no DELETE, and a purge may only empty what it is for.

Retention drops whole partitions, so no row is ever deleted. A statement trigger is not copied to partitions, so each
gets its own when it is made.
"""

from django.db import migrations

# With `iprova.purge`, an update may take the values and the name out of the events of one resource that is deleted, or
# no longer exists; and what somebody searched for out of the subject of an export, a look at bodies or a shared filter.
# Everything else stays: who did what, when, and to which id.
REFUSE = """
CREATE OR REPLACE FUNCTION providers_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('iprova.purge', true) = 'on' THEN
    IF OLD.resource_id IS NOT NULL
      AND to_jsonb(NEW) - 'changes' - 'subject' = to_jsonb(OLD) - 'changes' - 'subject'
      AND NEW.subject IN (OLD.subject, OLD.resource_id::text, '')
      AND (NEW.changes IN (OLD.changes, '[]') OR NEW.changes =
        (SELECT jsonb_agg(change - 'before' - 'after') FROM jsonb_array_elements(OLD.changes) change))
      AND NOT EXISTS (SELECT FROM providers_resource r WHERE r.id = OLD.resource_id AND r.deleted_at IS NULL)
    THEN
      RETURN NEW;
    END IF;
    IF OLD.resource_id IS NULL AND OLD.kind IN ('console.exported', 'console.payload-opened', 'console.filter-shared')
      AND to_jsonb(NEW) - 'subject' = to_jsonb(OLD) - 'subject' AND NEW.subject LIKE '%•••%'
    THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'change events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""
MAKE_MONTHS = """
CREATE OR REPLACE FUNCTION providers_make_months(parent text, first timestamptz, months int) RETURNS void
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
      {guard}
    END IF;
  END LOOP;
END $$;
"""
GUARD = """
      IF parent = 'providers_changeevent' THEN
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I
          FOR EACH STATEMENT EXECUTE FUNCTION providers_refuse_rewriting()', name);
      END IF;
"""
# The table itself and every partition, "rest" among them.
EACH = """
DO $$
DECLARE
  part regclass;
BEGIN
  FOR part IN SELECT relid FROM pg_partition_tree('providers_changeevent') LOOP
    EXECUTE format({act}, part);
  END LOOP;
END $$;
"""
ADD = (
    "'CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION"
    " providers_refuse_rewriting()'"
)
REFUSED_BEFORE = """
CREATE OR REPLACE FUNCTION providers_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('iprova.purge', true) = 'on' THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION 'change events are append-only' USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0021_held_groups")]
    operations = [
        migrations.RunSQL(
            [REFUSE, MAKE_MONTHS.replace("{guard}", GUARD), EACH.format(act=ADD)],
            [
                EACH.format(act="'DROP TRIGGER no_truncate ON %s'"),
                MAKE_MONTHS.replace("{guard}", ""),
                REFUSED_BEFORE,
            ],
        )
    ]
