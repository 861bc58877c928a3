#!/usr/bin/env python
"""Django's command line; without DATABASE_URL it uses the embedded PostgreSQL while it runs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
    from iprova_idm.embedded import DatabaseError, database_url_in_environment
    from iprova_idm.management.utility import Utility
    from iprova_idm.options import ConfigurationError

    try:
        with database_url_in_environment():
            Utility(sys.argv).execute()
    except DatabaseError as error:
        sys.exit(f"database: {error}")
    except ConfigurationError as error:
        sys.exit(f"configuration: {error}")


if __name__ == "__main__":
    main()
