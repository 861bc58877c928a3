"""Administrators manage console accounts."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

PERMISSIONS = [
    ("view_payload", "Can see request and response bodies"),
    ("view_personal", "Can see full personal attributes"),
    ("view_audit", "Can see the audit of admin actions"),
    ("export_data", "Can export CSV"),
    ("manage_accounts", "Can manage console accounts"),
]


def grant(apps, schema_editor):
    app = apps.get_app_config("providers")
    app.models_module = True  # permissions are otherwise made only after the last migration
    create_permissions(app, apps=apps, verbosity=0)
    app.models_module = None
    right = apps.get_model("auth", "Permission").objects.get(codename="manage_accounts")
    apps.get_model("auth", "Group").objects.get(name="Administrator").permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [("providers", "0009_audit_index")]
    operations = [
        migrations.AlterModelOptions("provider", {"permissions": PERMISSIONS}),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
