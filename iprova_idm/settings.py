"""Django's settings, derived from `iprova_idm.options`. This module reads no environment variables itself."""

import os
import sys
from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from iprova_idm.options import PROJECT_DIR, ConfigurationError, local_secret_key, read_options

try:
    OPTIONS = read_options(os.environ)
except ConfigurationError as error:
    sys.exit(f"configuration: {error}")

BASE_DIR = PROJECT_DIR
SECRET_KEY = OPTIONS.secret_key or local_secret_key(OPTIONS.data_dir)
SECRET_KEY_FALLBACKS = list(OPTIONS.secret_key_fallbacks)
DEBUG = False
_hosts = {urlsplit(OPTIONS.base_url).hostname or "", OPTIONS.host, "127.0.0.1", "localhost", "[::1]"}
ALLOWED_HOSTS = sorted(_hosts | set(OPTIONS.allowed_hosts))

INSTALLED_APPS = [
    "iprova_idm",
    "providers",
    "scim",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
]

MIDDLEWARE = [
    "iprova_idm.middleware.ForwardedMiddleware",
    "iprova_idm.middleware.HeadMiddleware",
    "iprova_idm.middleware.RequestIdMiddleware",
    "iprova_idm.middleware.ScimMiddleware",
    # The console's. No request for /scim gets here.
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "iprova_idm.middleware.LocaleMiddleware",
    "iprova_idm.middleware.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "iprova_idm.middleware.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "iprova_idm.middleware.MethodMiddleware",
    "iprova_idm.middleware.VisibleMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "iprova_idm.middleware.PasswordCheckMiddleware",
]

ROOT_URLCONF = "iprova_idm.urls"
WSGI_APPLICATION = "iprova_idm.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "providers.console.frame.page.foot",
            ]
        },
    }
]


# What libpq does about a server that is no longer the primary, or that has disappeared silently. DATABASE_URL can
# have other values (`?connect_timeout=2`).
_FOLLOW_THE_PRIMARY = {
    "target_session_attrs": "read-write",  # no standby is ever read: it may lag behind
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,  # milliseconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def _database(url: str, *, prepares: bool = True) -> dict[str, object]:
    """Return Django's DATABASES entry for a `postgresql://` URL. `?host=/folder` is the folder of a unix socket.

    Several hosts, separated by commas, are tried in turn until one is the primary.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    places = [urlsplit(f"//{place}") for place in parts.netloc.rpartition("@")[2].split(",")]
    hosts, ports = [place.hostname or "" for place in places], [place.port or "" for place in places]
    return {
        "ENGINE": "iprova_idm.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", ",".join(hosts)),
        "PORT": ",".join(map(str, ports)).strip(",") or query.pop("port", ""),
        "CONN_MAX_AGE": None,
        # Only the statements of `providers.prepared` are prepared, and those at their first use. None: none of them.
        "OPTIONS": {"prepare_threshold": 0 if prepares else None, **_FOLLOW_THE_PRIMARY, **query},
        # PgBouncer in transaction mode gives each transaction another connection.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


DATABASES = {"default": _database(OPTIONS.database_url or "postgresql:///iprova", prepares=OPTIONS.prepared_statements)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
_mail = urlsplit(OPTIONS.email_url)
_backend = {"console": "console", "file": "filebased"}.get(_mail.scheme, "smtp")
EMAIL_BACKEND = f"django.core.mail.backends.{_backend}.EmailBackend"
EMAIL_FILE_PATH = _mail.path
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or {"smtp+tls": 587, "smtps": 465}.get(_mail.scheme, 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = OPTIONS.default_from

# Five wrong passwords for one name from one address, or thirty for any names, each within 15 minutes of the previous
# one, cause a lock-out. An IPv6 /64 is one address.
AUTHENTICATION_BACKENDS = [
    "providers.console.accounts.lock_out.LockOutBackend",
    "providers.accounts.RightsBackend",
]
AXES_HANDLER = "providers.console.accounts.lock_out.LockOutHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], ["ip_address"]]  # LockOutHandler relies on this order
AXES_CLIENT_IP_CALLABLE = "providers.client_address.client_source"
AXES_USERNAME_CALLABLE = "providers.console.accounts.lock_out.counted_name"
AXES_LOCKOUT_CALLABLE = "providers.console.accounts.lock_out.locked_out"
# The audit has the sign-ins. The process log must contain nothing that somebody typed into the form.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# The name that authenticator apps show for these accounts.
OTP_TOTP_ISSUER = "iProva"

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = OPTIONS.default_language
LANGUAGES = [("en", "English"), ("nl", "Nederlands")]
# The session's key for the language of the account. The console writes it, the middleware reads it.
LANGUAGE_SESSION_KEY = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = OPTIONS.time_zone
# The session's key for the time zone of the account, and the cookie with the browser's (static/console/time.js).
TIME_ZONE_SESSION_KEY = TIME_ZONE_COOKIE_NAME = "time_zone"
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# The files are served directly from the packages, so `collectstatic` is not needed.
WHITENOISE_USE_FINDERS = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
# Browsers keep cookies for a host, whatever the port: consoles side by side on one host would sign each other's people
# out. The port is that of the public URL, as all machines behind it share the cookies.
_port = urlsplit(OPTIONS.base_url).port
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, MESSAGES_COOKIE_NAME = (
    f"iprova_{name}_{_port}" if _port else f"iprova_{name}" for name in ("session", "csrf", "messages")
)
# Django has no setting for the name of that cookie.
MESSAGE_STORAGE = "providers.console.frame.message_storage.MessageStorage"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 60 * 60
CSRF_TRUSTED_ORIGINS = [OPTIONS.base_url]
_is_https = OPTIONS.base_url.startswith("https://")
SESSION_COOKIE_SECURE = _is_https
LANGUAGE_COOKIE_SECURE = _is_https
CSRF_COOKIE_SECURE = _is_https
if OPTIONS.is_production:
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
if OPTIONS.trusted_proxies:
    # ForwardedMiddleware drops the header where the peer is not one of them.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# This limit is for the console's forms. scim.api.parsers reads SCIM bodies and has a limit of its own.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["scim.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["scim.api.permissions.ProviderPermission"],
    "DEFAULT_RENDERER_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": [],
    "EXCEPTION_HANDLER": "scim.api.exceptions.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

_public = urlsplit(OPTIONS.scim_url)
SCIM_SERVICE_PROVIDER = {
    "USER_MODEL_GETTER": "providers.models.synced_user_model",
    "USER_ADAPTER": "scim.adapters.UserAdapter",
    "GROUP_MODEL": "providers.models.SyncedGroup",
    "GROUP_ADAPTER": "scim.adapters.GroupAdapter",
    "SERVICE_PROVIDER_CONFIG_MODEL": "scim.adapters.ServiceProviderConfig",
    "BASE_LOCATION_GETTER": "scim.adapters.base_location",
    "SCHEME": _public.scheme,
    "NETLOC": _public.netloc,
    "AUTHENTICATION_SCHEMES": [
        {
            "type": "oauthbearertoken",
            "name": "Permanent token",
            "description": "The bearer token that an administrator makes in the console of iProva.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": True,
        },
        {
            "type": "oauth2",
            "name": "OAuth 2.0 client credentials",
            "description": "A client secret or an assertion gets an access token from /oauth/token.",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
        },
    ],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "iprova_idm.process_log.Formatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"suspicious": {"()": "iprova_idm.process_log.Suspicious"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["suspicious"]}},
    "root": {"handlers": ["stderr"], "level": OPTIONS.log_level},
    # Django would log each 4xx with its full path, but the provisioning log has it. Failed sign-ins are in the audit.
    "loggers": {"django.request": {"level": "ERROR"}, "axes": {"level": "ERROR"}},
}
