"""The least project in which django-scim2 runs, on the PostgreSQL of the bench."""

import os
from urllib.parse import parse_qs, urlsplit

_url = urlsplit(os.environ["DATABASE_URL"])
_query = parse_qs(_url.query)

SECRET_KEY = "the bench signs nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "people.urls"
AUTH_USER_MODEL = "people.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "people"]
MIDDLEWARE = ["people.token.middleware", "django_scim.middleware.SCIMAuthCheckMiddleware"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path[1:],
        "USER": _url.username or "",
        "PASSWORD": _url.password or "",
        "HOST": _query.get("host", [_url.hostname or ""])[0],
        "PORT": _query.get("port", [str(_url.port or 5432)])[0],
        "CONN_MAX_AGE": None,  # a connection for each request would cost more than the request
    }
}
SCIM_SERVICE_PROVIDER = {
    "NETLOC": "127.0.0.1",
    "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "token", "description": "a token"}],
    "USER_ADAPTER": "django_scim.adapters.SCIMUser",
    "GROUP_MODEL": "people.models.Group",
    "GROUP_ADAPTER": "django_scim.adapters.SCIMGroup",
}
