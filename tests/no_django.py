"""A pytest plugin that makes Django, DRF, django-scim2 and psycopg unimportable: the protocol core does no I/O.

Every test runs. Those with generated examples have many in the ordinary run, and a fiftieth of them here.
"""

import sys

from hypothesis import settings

_FORBIDDEN = {"django", "rest_framework", "django_scim", "psycopg"}


class _Refuse:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in _FORBIDDEN:
            raise ImportError(f"{name} is not for the protocol core")


sys.meta_path.insert(0, _Refuse())  # type: ignore[arg-type]
settings.register_profile("few", max_examples=2)
settings.load_profile("few")
