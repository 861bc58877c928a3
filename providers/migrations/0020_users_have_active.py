"""Give `active` back to the users who lost it, and make it a rule of the database that a user has it.

Until now a PATCH that cleared `active` (null, empty text, an empty list, a removal) left a user without it. Such a user
counted as enabled, even if they were disabled before.

Which value is right? The last one that the record of changes has: that is the value from before the clearing, and what
a PATCH keeps from now on. So a user who was disabled becomes disabled again, and a user who was enabled stays enabled.
Without any such event (the record of that time has expired or was emptied) nothing shows that the user was enabled, and
nobody is enabled by silence: they become disabled.

Each repair has a change event of the system. A repair that disables is not a removal by the directory, so the removal
limit of the provider counts from after the repair.

Values of one attribute that are stored twice (the same type and value) stay as they are: comparing them takes the
comparison keys of this product's Python code, which of two `display` names is right cannot be seen from here, and
nobody's access depends on it. The next change of such a user merges them (`scim.protocol.validation`).
"""

from datetime import timedelta

from django.db import migrations, models
from django.utils import timezone
from uuid_utils.compat import uuid7

LOST = """
SELECT r.id, r.provider_id, r.user_name, (
  SELECT COALESCE(c.change -> 'after', c.change -> 'before') = 'true'
  FROM providers_changeevent e, jsonb_array_elements(e.changes) AS c (change)
  WHERE e.resource_id = r.id AND e.provider_id = r.provider_id AND c.change ->> 'path' = 'active'
  ORDER BY e.id DESC LIMIT 1)
FROM providers_resource r WHERE r.resource_type = 'User' AND r.active IS NULL
ORDER BY r.id FOR NO KEY UPDATE OF r
"""
REPAIR = """
WITH repaired AS (
  UPDATE providers_resource SET active = %(active)s, version = version + 1, last_modified = %(at)s,
    document = document || jsonb_build_object('active', %(active)s), folded = folded || jsonb_build_object('active', %(active)s)
  WHERE id = %(id)s RETURNING id, provider_id, resource_type, version)
INSERT INTO providers_changeevent (id, at, kind, provider_id, resource_id, resource_type, version, subject, changes)
SELECT %(event)s, %(at)s, %(kind)s, provider_id, id, resource_type, version, %(subject)s,
  jsonb_build_array(jsonb_build_object('path', 'active', 'after', %(active)s))
FROM repaired
"""
COUNT_FROM = """
UPDATE providers_provider SET removals_count_from = GREATEST(removals_count_from, %s)
WHERE id = ANY(%s) AND held_at IS NULL
"""


def repair(apps, schema_editor):
    at = timezone.now()
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)  # as `providers.resources.rows.now`
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(LOST)
        lost = cursor.fetchall()
        for resource_id, _, user_name, was_active in lost:
            kind = "resource.changed" if was_active else "resource.disabled"
            values = {"id": resource_id, "active": bool(was_active), "at": at, "event": uuid7(), "kind": kind}
            cursor.execute(REPAIR, values | {"subject": user_name})
        disabling = {provider_id for _, provider_id, _, was_active in lost if not was_active}
        if disabling:
            cursor.execute(COUNT_FROM, [at + timedelta(milliseconds=1), sorted(disabling)])


class Migration(migrations.Migration):
    dependencies = [("providers", "0019_asked")]
    operations = [
        migrations.RunPython(repair, migrations.RunPython.noop),
        # The check cannot be added while the events of triggers on the repaired rows are pending.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "resource",
            models.CheckConstraint(
                condition=~models.Q(resource_type="User") | models.Q(active__isnull=False),
                name="user_is_active_or_not",
            ),
        ),
    ]
