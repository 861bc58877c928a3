"""The roles Administrator, Support and Operator as groups of console accounts (docs/console.md)."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEW = (
    "provider", "token", "iprule", "resource", "synceduser", "syncedgroup",
    "membership", "changeevent", "requestlog", "refusedcalls",
)
RIGHTS = {
    "Administrator": ["view_payload", "view_personal", "view_audit", "export_data"]
    + [f"{verb}_{model}" for verb in ("add", "change", "delete") for model in ("provider", "token", "iprule")],
    "Support": ["view_payload", "view_personal"],
    "Operator": ["view_audit"],
}


def make_roles(apps, schema_editor):
    app = apps.get_app_config("providers")
    app.models_module = True  # permissions are otherwise made only after the last migration
    create_permissions(app, apps=apps, verbosity=0)
    app.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="providers")
    for name, rights in RIGHTS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(
            *permissions.filter(codename__in=rights),
            *permissions.filter(codename__in=[f"view_{model}" for model in VIEW]),
        )


class Migration(migrations.Migration):
    dependencies = [("providers", "0002_records"), ("auth", "0012_alter_user_first_name_max_length"),
                    ("contenttypes", "0002_remove_content_type_name")]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
