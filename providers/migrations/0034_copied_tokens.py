from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0033_kinds_of_directories'),
    ]

    operations = [
        migrations.AddField(
            model_name='token',
            name='is_copied',
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
