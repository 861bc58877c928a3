"""The audit walks along what people did, not along what directories sent."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("providers", "0008_saved_filters")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX providers_changeevent_acts ON providers_changeevent (id)"
            " WHERE resource_id IS NULL OR person_id IS NOT NULL",
            "DROP INDEX providers_changeevent_acts",
        )
    ]
