"""Every setting of the product, read once from the environment.

Each field of `Options` is a setting. Its type is the annotation; its default, unit and description
are in `option(...)`. `docs/settings.md` has the same table, and a test compares the two. No other
module reads `os.environ` for configuration.
"""

import ipaddress
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from providers.zones import zones

PROJECT_DIR = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """A setting that cannot be used, so the product does not start. The text shows name, value and what is allowed."""


def _text(value: str) -> str:
    return value


def _whole(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("must be a whole number") from None


def _count(value: str) -> int:
    number = _whole(value)
    if number < 0:
        raise ValueError("must be 0 or more")
    return number


def _positive(value: str) -> int:
    number = _whole(value)
    if number < 1:
        raise ValueError("must be 1 or more")
    return number


def _request_seconds(value: str) -> int:
    number = _whole(value)
    if not 1 <= number <= 40:  # gunicorn stops a worker after 60
        raise ValueError("must be 1 to 40 seconds")
    return number


def _access_token_seconds(value: str) -> int:
    number = _whole(value)
    if not 3_600 <= number <= 21_600:  # what Entra ID takes
        raise ValueError("must be 3600 to 21600 seconds")
    return number


LEAST_RATE = 25  # what Entra ID sends


def _provider_rate(value: str) -> int:
    number = _count(value)
    if 0 < number < LEAST_RATE:
        raise ValueError(f"must be 0 (no limit), or {LEAST_RATE} or more, because Entra ID sends {LEAST_RATE} a second")
    return number


def _port(value: str) -> int:
    number = _whole(value)
    if not 0 < number < 65536:
        raise ValueError("must be a port from 1 to 65535")
    return number


def _log_level(value: str) -> str:
    if value not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return value


def _language(value: str) -> str:
    if value not in ("en", "nl"):
        raise ValueError("must be en or nl")
    return value


def _time_zone(value: str) -> str:
    if value not in zones():
        raise ValueError("must be UTC or a name such as Europe/Amsterdam")
    return value


def _database_url(value: str) -> str:
    if value and urlsplit(value).scheme not in ("postgresql", "postgres"):
        raise ValueError("must start with postgresql://")
    return value


MAIL_SCHEMES = ("smtp", "smtp+tls", "smtps", "console", "file")


def _email_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_usable = parts.scheme in MAIL_SCHEMES and (parts.port is None or bool(parts.hostname))
    except ValueError:  # the port is not a number
        is_usable = False
    needed = {"console": True, "file": bool(is_usable and parts.path)}
    if value and not (is_usable and needed.get(parts.scheme, bool(parts.hostname))):
        raise ValueError("must be like smtp+tls://user:password@mail.example.com:587, console: or file:///folder")
    return value


def _flag(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return value == "yes"


def _path(value: str) -> Path:
    return (PROJECT_DIR / Path(value).expanduser()).absolute()


def _names(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(_network(name) for name in _names(value))


def _network(text: str) -> Network:
    """Read an address or range. IPv4 mapped into IPv6 becomes IPv4."""
    try:
        found = ipaddress.ip_network(text)
        if "%" in text:
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is not an address or a range such as 10.0.0.0/8") from None
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    if mapped is not None and found.prefixlen >= 96:
        return ipaddress.IPv4Network((mapped, found.prefixlen - 96))
    return found


def _proxies(value: str) -> int | tuple[Network, ...]:
    if value.lstrip("-").isdecimal():
        return _count(value)
    try:
        return _networks(value)
    except ValueError as error:
        raise ValueError(f"{error}, or the number of proxies on this machine") from None


def _mode(value: str) -> str:
    if value not in ("local", "production"):
        raise ValueError("must be local or production")
    return value


def _second_factor(value: str) -> str:
    if value not in ("optional", "required"):
        raise ValueError("must be optional or required")
    return value


def _public_url(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError("must be a URL such as https://idm.example.com")
    if parts.path.strip("/"):
        raise ValueError("must have no path: the console is at its root")
    return value.rstrip("/")


@dataclass(frozen=True)
class Option:
    """One setting, as `docs/settings.md` and the error messages describe it."""

    name: str
    read: Callable[[str], Any]
    default: str
    unit: str
    sentence: str


def option(name: str, read: Callable[[str], Any], default: str, sentence: str, *, unit: str = "") -> Any:
    """Return the dataclass field of a setting.

    `name` is the environment variable. `read` turns its text into the value, or raises `ValueError` with what is
    allowed. `sentence` is the description in `docs/settings.md`.
    """
    # The repr contains no values: some are secrets, and a repr can end up in a log.
    return field(repr=False, metadata={"option": Option(name, read, default, unit, sentence)})


@dataclass(frozen=True)
class Options:
    """The settings of one process. Made by `read_options`."""

    mode: str = option("MODE", _mode, "local", "local or production; production refuses insecure values.")
    host: str = option("HOST", _text, "127.0.0.1", "Address that gunicorn listens on.")
    port: int = option("PORT", _port, "8000", "Port that gunicorn listens on.")
    workers: int = option("WORKERS", _positive, "2", "Gunicorn worker processes.")
    public_url: str = option(
        "PUBLIC_URL",
        _public_url,
        "",
        "Public base URL; the Tenant URL and every meta.location start with it. Empty: http://HOST:PORT.",
    )
    allowed_hosts: tuple[str, ...] = option(
        "ALLOWED_HOSTS",
        _names,
        "",
        "Host names of the console besides those of PUBLIC_URL, HOST and loopback; comma-separated.",
    )
    open_to: tuple[Network, ...] = option(
        "OPEN_TO",
        _networks,
        "",
        "Addresses and ranges that may connect, comma-separated; this machine always may. "
        "Needed if HOST is open to the network.",
    )
    trusted_proxies: int | tuple[Network, ...] = option(
        "TRUSTED_PROXIES",
        _proxies,
        "0",
        "Addresses and ranges of the proxies whose X-Forwarded-For and X-Forwarded-Proto count, comma-separated. "
        "Or how many proxies there are, the last of them on this machine.",
    )
    data_dir: Path = option("DATA_DIR", _path, "data", "Folder of the embedded database and of the local secret key.")
    database_url: str = option(
        "DATABASE_URL",
        _database_url,
        "",
        "postgresql://user:password@host:port/name of a PostgreSQL 15 or later. Several host:port, separated by "
        "commas: the one that takes writes is used. Empty: the embedded one.",
    )
    prepared_statements: bool = option(
        "PREPARED_STATEMENTS",
        _flag,
        "yes",
        "no: for PgBouncer in transaction mode before its version 1.22.1, which loses prepared statements.",
    )
    secret_key: str = option(
        "SECRET_KEY",
        _text,
        "",
        "Signs sessions and encrypts the keys of two-step sign-in. Empty in local mode: generated once and kept in "
        "DATA_DIR.",
    )
    secret_key_fallbacks: tuple[str, ...] = option(
        "SECRET_KEY_FALLBACKS",
        _names,
        "",
        "Earlier values of SECRET_KEY that are still accepted, comma-separated. Needed only during a rotation.",
    )
    admin_password: str = option(
        "ADMIN_PASSWORD",
        _text,
        "",
        "Password of `admin`, set at the first start. Empty: a random one, printed once.",
    )
    default_language: str = option(
        "DEFAULT_LANGUAGE",
        _language,
        "en",
        "Language of mails, and of pages when neither account nor browser has one: en or nl.",
    )
    time_zone: str = option(
        "TIME_ZONE",
        _time_zone,
        "Europe/Amsterdam",
        "Time zone of mails, alerts and CSV files, and of pages when neither account nor browser has one.",
    )
    second_factor: str = option(
        "SECOND_FACTOR",
        _second_factor,
        "optional",
        "optional or required; required: every account must set up two-step sign-in first.",
    )
    email_url: str = option(
        "EMAIL_URL",
        _email_url,
        "",
        "Mail server: smtp+tls:// (STARTTLS, 587), smtps:// (TLS, 465) or smtp:// (open, 25) with "
        "user:password@host:port; console: prints mails, file:///folder saves them. Empty: no mail.",
    )
    default_from: str = option("DEFAULT_FROM", _text, "iprova-idm@localhost", "Sender of mails.")
    webhook_networks: tuple[Network, ...] = option(
        "WEBHOOK_NETWORKS",
        _networks,
        "",
        "Addresses and ranges that webhooks may call besides public ones, comma-separated.",
    )
    federation_hosts: tuple[str, ...] = option(
        "FEDERATION_HOSTS",
        _names,
        "login.microsoftonline.com,login.microsoftonline.us,login.partner.microsoftonline.cn",
        "Hosts from which keys of issuers may be fetched, for workload identity, comma-separated.",
    )
    access_token_seconds: int = option(
        "ACCESS_TOKEN_SECONDS",
        _access_token_seconds,
        "3600",
        "How long an access token of an OAuth client lives, 3600 to 21600.",
        unit="seconds",
    )
    alert_after_minutes: int = option(
        "ALERT_AFTER_MINUTES",
        _count,
        "10",
        "How long a state must last before alerts tell it.",
        unit="minutes",
    )
    metrics_token: str = option(
        "METRICS_TOKEN", _text, "", "Bearer token for /metrics. Empty: only this machine can read it."
    )
    keep_until_used: bool = option(
        "EUM_KEEP_UNTIL_USED",
        _flag,
        "no",
        "yes: after a rotation, the old token works past its expiry until the new one is used.",
    )
    backup_recipient: str = option(
        "BACKUP_RECIPIENT",
        _text,
        "",
        "Whose key encrypts backups: an age recipient (age1…), an SSH key or a GnuPG key. Empty: not encrypted.",
    )
    log_level: str = option("LOG_LEVEL", _log_level, "INFO", "Lowest level that is logged on standard error.")
    request_log_days: int = option(
        "REQUEST_LOG_DAYS", _positive, "90", "How long the provisioning log keeps requests.", unit="days"
    )
    request_body_days: int = option(
        "REQUEST_BODY_DAYS",
        _positive,
        "30",
        "How long the provisioning log keeps request and response bodies.",
        unit="days",
    )
    change_event_months: int = option(
        "CHANGE_EVENT_MONTHS", _positive, "24", "How long change events are kept.", unit="months"
    )
    max_body_mib: int = option(
        "MAX_BODY_MIB",
        _positive,
        "16",
        "Largest SCIM request body, of a group or a bulk request; a larger one gets 413. For all others 2.",
        unit="MiB",
    )
    request_seconds: int = option(
        "REQUEST_SECONDS",
        _request_seconds,
        "20",
        "How long a SCIM request may take, 1 to 40; a longer one is ended and gets 400.",
        unit="seconds",
    )
    provider_users: int = option(
        "PROVIDER_USERS",
        _count,
        "2000000",
        "How many users a provider may have, counted every five minutes with the recycle bin; 0: any number.",
        unit="users",
    )
    provider_groups: int = option(
        "PROVIDER_GROUPS", _count, "200000", "The same for groups; 0: any number.", unit="groups"
    )
    rejected_bodies_mib: int = option(
        "REJECTED_BODIES_MIB",
        _positive,
        "200",
        "How much of the bodies of rejected requests the provisioning log keeps of a provider on one day.",
        unit="MiB",
    )
    export_room_mib: int = option(
        "EXPORT_ROOM_MIB",
        _positive,
        "1024",
        "Room in the database for all exported files together, which are compressed and kept for a day.",
        unit="MiB",
    )
    provider_rate: int = option(
        "PROVIDER_RATE",
        _provider_rate,
        "50",
        "SCIM requests a second that each provider may send for long; more get 429. 0: no limit; 1 to 24: not allowed.",
        unit="requests/s",
    )
    provider_burst: int = option(
        "PROVIDER_BURST",
        _positive,
        "200",
        "SCIM requests that each provider may send at once after a rest.",
        unit="requests",
    )
    refused_rate: int = option(
        "REFUSED_RATE",
        _count,
        "5",
        "Refused SCIM requests (401, 403) a second from one address (IPv6: /64), ten times as many at once; "
        "more get 429. 0: no limit.",
        unit="requests/s",
    )

    @property
    def is_production(self) -> bool:
        """Whether MODE is production."""
        return self.mode == "production"

    @property
    def base_url(self) -> str:
        """The URL at which clients reach this server, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def scim_url(self) -> str:
        """The Tenant URL: the base of every `meta.location`."""
        return f"{self.base_url}/scim"


_SECRET = ("DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "ADMIN_PASSWORD", "EMAIL_URL", "METRICS_TOKEN")


def describe_options() -> tuple[Option, ...]:
    """Return all settings, in the order of the documentation."""
    return tuple(entry.metadata["option"] for entry in fields(Options))


def read_options(environ: Mapping[str, str]) -> Options:
    """Read every setting from `environ`.

    Raises `ConfigurationError` with each variable that cannot be read, or that is insecure in
    production, its value (except for secrets) and what is allowed.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for entry in fields(Options):
        known: Option = entry.metadata["option"]
        sent = environ.get(known.name) or known.default
        try:
            values[entry.name] = known.read(sent)
        except ValueError as error:
            shown = "" if known.name in _SECRET else f"={sent!r}"
            problems.append(f"{known.name}{shown} cannot be used: {error}")
    if not problems:
        options = Options(**values)
        problems = _open_to_anybody(options) + (_insecure(options) if options.is_production else [])
    if problems:
        raise ConfigurationError("\n".join(problems))
    return options


def _insecure(options: Options) -> list[str]:
    """Return a sentence for each variable whose value is insecure in production."""
    problems = []
    if not options.database_url:
        problems.append("DATABASE_URL is empty: MODE=production needs a PostgreSQL server.")
    if "CHANGE-ME" in options.database_url:
        problems.append("DATABASE_URL still has the example's password: set the real one.")
    if len(options.secret_key) < 50 or len(set(options.secret_key)) < 5:
        problems.append(
            "SECRET_KEY is shorter than 50 characters or not random: set a random one, for example the output of "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(50))'`."
        )
    if not options.public_url.startswith("https://"):
        problems.append(
            f"PUBLIC_URL={options.public_url!r} is not an https:// address: Entra ID sends its token only over TLS."
        )
    if "*" in options.allowed_hosts:
        problems.append("ALLOWED_HOSTS='*' accepts forged Host headers: list the hosts.")
    if not _is_loopback(options.host) and (not options.trusted_proxies or isinstance(options.trusted_proxies, int)):
        problems.append(
            f"HOST={options.host!r} is open to the network, and TRUSTED_PROXIES names no TLS proxy there: listen on "
            "127.0.0.1, or set TRUSTED_PROXIES to the addresses of the proxies, such as TRUSTED_PROXIES=10.0.0.5 "
            "(a number counts for a proxy on this machine only)."
        )
    return problems


def _open_to_anybody(options: Options) -> list[str]:
    """Return a sentence if HOST is open to the network and nothing says who may connect."""
    if _is_loopback(options.host) or options.open_to:
        return []
    return [
        f"HOST={options.host!r} is open to the network: set OPEN_TO to the addresses that may connect, such as "
        "OPEN_TO=10.0.0.5 for a proxy or OPEN_TO=10.0.0.0/8 for a network, or listen on HOST=127.0.0.1."
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def local_secret_key(data_dir: Path) -> str:
    """Return the secret key of a local installation. The first call generates it, in a file with mode 0600."""
    path = data_dir / "secret_key"
    try:
        return path.read_text()
    except FileNotFoundError:
        data_dir.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(50)
    with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix="secret_key.") as file:  # mode 0600
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)  # atomic, so no other process can read half a key
        except FileExistsError:  # another process has written one in the meantime
            return path.read_text()
    return key
