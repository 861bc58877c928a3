"""The removal limit under its own name: columns, constraint and table were called after a brake before."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("providers", "0016_request_reason")]
    operations = [
        migrations.RemoveConstraint("provider", "known_brake"),
        migrations.RenameField("provider", "brake", "removal_limit"),
        migrations.RenameField("provider", "brake_people", "removal_limit_users"),
        migrations.RenameField("provider", "brake_percent", "removal_limit_percent"),
        migrations.RenameField("provider", "brake_from", "removals_count_from"),
        migrations.AddConstraint(
            "provider",
            models.CheckConstraint(
                condition=models.Q(removal_limit__in=["off", "warn", "hold"]), name="known_removal_limit"
            ),
        ),
        migrations.RenameModel("HeldLeaver", "HeldRemoval"),
        migrations.AlterField(
            "heldremoval",
            "provider",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="held_removals",
                to="providers.provider",
            ),
        ),
    ]
