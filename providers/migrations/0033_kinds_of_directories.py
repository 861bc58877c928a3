"""What directory each provider is. A provider that is known as Okta becomes one; all others were used as Entra ID."""

from django.db import migrations, models

# Somebody ticked a step of Okta's guide, or named the provider so. Okta calls only when something has changed.
OKTA = """
UPDATE providers_provider SET kind = 'okta',
  silent_after_hours = CASE silent_after_hours WHEN 26 THEN 168 ELSE silent_after_hours END
WHERE guide_steps::text LIKE '%"okta-%' OR title ILIKE '%okta%'
"""


class Migration(migrations.Migration):
    dependencies = [("providers", "0032_time_zones")]
    operations = [
        migrations.AddField(
            "provider",
            "kind",
            models.CharField(
                choices=[
                    ("entra", "Microsoft Entra ID"),
                    ("okta", "Okta"),
                    ("other", "Another directory"),
                ],
                db_default="entra",
                default="entra",
                max_length=10,
            ),
        ),
        migrations.RunSQL(OKTA, migrations.RunSQL.noop),
    ]
