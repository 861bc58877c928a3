#!/usr/bin/env python
"""Django's command line; without DATABASE_URL it uses the embedded PostgreSQL while it runs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
    from django.core.management import execute_from_command_line

    from iprova_idm.embedded import DatabaseError, database_url_in_environment
    from iprova_idm.options import ConfigurationError

    try:
        with database_url_in_environment():
            execute_from_command_line(sys.argv)
    except DatabaseError as error:
        sys.exit(f"database: {error}")
    except ConfigurationError as error:
        sys.exit(f"configuration: {error}")


if __name__ == "__main__":
    main()
