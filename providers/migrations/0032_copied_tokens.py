from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0031_alerts'),
    ]

    operations = [
        migrations.AddField(
            model_name='token',
            name='is_copied',
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
