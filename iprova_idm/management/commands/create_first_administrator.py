"""`manage.py create_first_administrator` creates the first console account, or prints who can sign in.

`make run` calls it at each start.
"""

import os
from typing import Any

from django.contrib.auth import get_user_model, password_validation
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from iprova_idm.options import Options, read_options
from providers.accounts import make_password

USERNAME = "admin"
_LOCK = 7_205_759_403  # an advisory lock: any number that no other code of this project uses


class Command(BaseCommand):
    help = "Create the administrator `admin` if there is no active superuser, with ADMIN_PASSWORD or a random password."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create at most one account, even when several processes run at once. Print the password after the commit."""
        settings = read_options(os.environ)
        password = settings.admin_password or make_password()
        if not self._create(password, settings):
            self._say_who_signs_in()
            return
        if settings.admin_password:
            self.stdout.write(f"Sign in as {USERNAME} with the password of ADMIN_PASSWORD.")
        else:
            self.stdout.write(f"Sign in as {USERNAME} with password {password}, shown only now.")

    def _say_who_signs_in(self) -> None:
        """Print the name of the oldest administrator, and what to do about a lost password."""
        accounts = get_user_model()._default_manager.filter(is_superuser=True, is_active=True).order_by("pk")
        if account := accounts.first():
            name = account.get_username()
            self.stdout.write(f"Sign in as {name}. If the password is lost: manage.py changepassword {name}.")

    @transaction.atomic
    def _create(self, password: str, settings: Options) -> bool:
        users = get_user_model()._default_manager
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if users.filter(is_superuser=True, is_active=True).exists():
            return False
        if users.filter(**{get_user_model().USERNAME_FIELD: USERNAME}).exists():
            # Somebody disabled or demoted the account on purpose. A restart must not undo that.
            self.stderr.write(
                f"No active superuser exists, and {USERNAME} is disabled or demoted. "
                "Make one with `manage.py createsuperuser`."
            )
            return False
        if settings.is_production:
            _refuse_weak(password)
        users.create_superuser(USERNAME, password=password)
        return True


def _refuse_weak(password: str) -> None:
    try:
        password_validation.validate_password(password)
    except ValidationError as error:
        raise CommandError(f"ADMIN_PASSWORD cannot be used: {' '.join(error.messages)}") from error
