"""Loaded before Django's settings: tests run on DATABASE_URL, or on the embedded PostgreSQL without it."""

import atexit
import os
from contextlib import ExitStack

from iprova_idm.embedded import database_url_in_environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
_database = ExitStack()
_database.enter_context(database_url_in_environment())
atexit.register(_database.close)
