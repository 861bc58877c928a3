# Changes nothing in the database, so the old version can run meanwhile. The housekeeping encrypts the keys that are
# there, with the second run of `seal_app_keys`, a day after the update.

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("otp_totp", "0003_add_timestamps"),
        ("providers", "0029_sought"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuthenticatorApp",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("otp_totp.totpdevice",),
        ),
    ]
