"""Kept numbers of users and groups, so that no total is counted (`providers.totals` has the theory)."""

from django.db import migrations, models

# For a statement that inserts or deletes resources: a row for each provider and type. The argument is the sign.
COUNT_ALL = """
CREATE FUNCTION providers_count_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted)
  SELECT provider_id, resource_type,
    TG_ARGV[0]::int * count(*) FILTER (WHERE deleted_at IS NULL),
    TG_ARGV[0]::int * count(*) FILTER (WHERE deleted_at IS NULL AND NOT active),
    TG_ARGV[0]::int * count(*) FILTER (WHERE deleted_at IS NOT NULL)
  FROM changed GROUP BY provider_id, resource_type;
  RETURN NULL;
END $$;
"""
# For each resource that is deleted, restored, disabled or enabled: without what it was, and with what it is now.
COUNT_ONE = """
CREATE FUNCTION providers_count_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted) VALUES
    (OLD.provider_id, OLD.resource_type, -(OLD.deleted_at IS NULL)::int,
      -(OLD.deleted_at IS NULL AND OLD.active IS FALSE)::int, -(OLD.deleted_at IS NOT NULL)::int),
    (NEW.provider_id, NEW.resource_type, (NEW.deleted_at IS NULL)::int,
      (NEW.deleted_at IS NULL AND NEW.active IS FALSE)::int, (NEW.deleted_at IS NOT NULL)::int);
  RETURN NULL;
END $$;
"""
# Rows that another transaction is replacing are left to it, so that nobody waits. One row in a hundred does this, by the
# hash of its id: of two providers that write in turns, one could have all the even ids.
FOLD = """
CREATE FUNCTION providers_fold_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH part AS (
    SELECT id FROM providers_resourcecount
    WHERE provider_id = NEW.provider_id AND resource_type = NEW.resource_type FOR UPDATE SKIP LOCKED),
  folded AS (
    DELETE FROM providers_resourcecount c USING part WHERE c.id = part.id RETURNING c.live, c.disabled, c.deleted)
  INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted)
  SELECT NEW.provider_id, NEW.resource_type, sum(live), sum(disabled), sum(deleted) FROM folded HAVING count(*) > 0;
  RETURN NULL;
END $$;
"""
TRIGGERS = """
CREATE TRIGGER count_created AFTER INSERT ON providers_resource REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION providers_count_all('1');
CREATE TRIGGER count_purged AFTER DELETE ON providers_resource REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION providers_count_all('-1');
CREATE TRIGGER count_changed AFTER UPDATE ON providers_resource FOR EACH ROW
  WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR OLD.active IS DISTINCT FROM NEW.active
    OR OLD.provider_id <> NEW.provider_id)
  EXECUTE FUNCTION providers_count_one();
CREATE TRIGGER fold_counts AFTER INSERT ON providers_resourcecount FOR EACH ROW
  WHEN (hashint8(NEW.id) % 100 = 0) EXECUTE FUNCTION providers_fold_counts();
"""
# The triggers lock the table against writes until this transaction ends, so nothing is missed or counted twice.
FIRST = """
INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted)
SELECT provider_id, resource_type, count(*) FILTER (WHERE deleted_at IS NULL),
  count(*) FILTER (WHERE deleted_at IS NULL AND NOT active), count(*) FILTER (WHERE deleted_at IS NOT NULL)
FROM providers_resource GROUP BY provider_id, resource_type;
"""
BACK = """
DROP TRIGGER count_created ON providers_resource;
DROP TRIGGER count_purged ON providers_resource;
DROP TRIGGER count_changed ON providers_resource;
DROP TRIGGER fold_counts ON providers_resourcecount;
DROP FUNCTION providers_count_all, providers_count_one, providers_fold_counts;
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0027_erasures")]
    operations = [
        migrations.CreateModel(
            name="ResourceCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider_id", models.BigIntegerField()),
                ("resource_type", models.CharField(max_length=50)),
                ("live", models.IntegerField()),
                ("disabled", models.IntegerField()),
                ("deleted", models.IntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["provider_id", "resource_type"], name="resource_count")],
            },
        ),
        migrations.RunSQL([COUNT_ALL, COUNT_ONE, FOLD, TRIGGERS, FIRST], [BACK]),
    ]
