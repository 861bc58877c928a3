"""How many users and groups each provider has, for the limits; a job counts them every five minutes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("providers", "0022_append_only")]
    operations = [
        migrations.AddField("provider", name, models.BigIntegerField(default=0))
        for name in ("user_count", "group_count")
    ]
