"""Django's settings, as they follow from the environment of the process."""

import json
import os
import subprocess
import sys

import pytest

from iprova_idm import settings
from iprova_idm.options import PROJECT_DIR
from tests.iprova_idm.conftest import PRODUCTION

SHOW = "import json, iprova_idm.settings as s; print(json.dumps({n: getattr(s, n, None) for n in %r}, default=str))"


def started(environment, names=()):
    """Run a process that reads the settings, with nothing in its environment but this."""
    command = [sys.executable, "-c", SHOW % list(names)]
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, env=known | environment, cwd=PROJECT_DIR, capture_output=True, text=True)


MAIL = ("BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL", "FILE_PATH")


def test_production_has_https_only():
    names = ["SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "DEBUG"]
    found = json.loads(started(PRODUCTION, [*names, "SECURE_HSTS_SECONDS", "ALLOWED_HOSTS"]).stdout)
    assert [found[name] for name in names] == [True, True, True, True, False]
    assert found["SECURE_HSTS_SECONDS"] >= 31_536_000 and "idm.example.com" in found["ALLOWED_HOSTS"]


@pytest.mark.parametrize(
    ("environment", "ending"),
    [
        ({"PORT": "9001"}, "_9001"),
        ({"PORT": "9001", "PUBLIC_URL": "http://localhost:9002"}, "_9002"),
        # Behind one address, each machine may listen on another port: they share the cookies.
        (PRODUCTION | {"PORT": "9001"}, ""),
    ],
)
def test_consoles_side_by_side_on_one_host_keep_their_own_cookies(environment, ending, tmp_path):
    names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "MESSAGES_COOKIE_NAME"]
    found = json.loads(started({"DATA_DIR": str(tmp_path)} | environment, names).stdout)
    assert [found[name] for name in names] == [f"iprova_{cookie}{ending}" for cookie in ("session", "csrf", "messages")]


def test_a_setting_that_cannot_be_used_ends_the_process_with_one_line():
    ended = started(PRODUCTION | {"PORT": "many"})
    assert ended.returncode == 1 and ended.stderr.startswith("configuration: PORT='many'")
    assert "Traceback" not in ended.stderr


FOLLOWS = {"prepare_threshold": 0, **settings._FOLLOW_THE_PRIMARY}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:p%40ss@db:6432/x", ("x", "me", "p@ss", "db", "6432", FOLLOWS)),
        ("postgresql:///x?host=/run/pg&port=5433", ("x", "", "", "/run/pg", "5433", FOLLOWS)),
        ("postgresql://me@db1:5433,[::1]:5432/x", ("x", "me", "", "db1,::1", "5433,5432", FOLLOWS)),
        ("postgresql://me@a,b/x?connect_timeout=2", ("x", "me", "", "a,b", "", FOLLOWS | {"connect_timeout": "2"})),
        ("postgresql://me@db/x?sslmode=require", ("x", "me", "", "db", "", FOLLOWS | {"sslmode": "require"})),
    ],
)
def test_the_database_follows_from_its_url(url, expected):
    found = settings._database(url)
    assert tuple(found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")) == expected


def test_statements_are_prepared_unless_a_pooler_loses_them():
    assert settings._database("postgresql://db/x", prepares=False)["OPTIONS"]["prepare_threshold"] is None
    found = json.loads(started(PRODUCTION | {"PREPARED_STATEMENTS": "no"}, ["DATABASES"]).stdout)
    assert found["DATABASES"]["default"]["OPTIONS"]["prepare_threshold"] is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp+tls://me:p%40ss@mail.example.com", ["smtp", "mail.example.com", 587, "me", "p@ss", True, False, ""]),
        ("smtps://mail.example.com:4650", ["smtp", "mail.example.com", 4650, "", "", False, True, ""]),
        ("smtp://127.0.0.1", ["smtp", "127.0.0.1", 25, "", "", False, False, ""]),
        ("file:///var/mail/idm", ["filebased", "", 25, "", "", False, False, "/var/mail/idm"]),
        ("console:", ["console", "", 25, "", "", False, False, ""]),
    ],
)
def test_the_mail_server_is_one_address(url, expected, tmp_path):
    code = f"import json, iprova_idm.settings as s;print(json.dumps([getattr(s, 'EMAIL_' + name) for name in {MAIL}]))"
    environment = {"EMAIL_URL": url, "DATA_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout)
    assert [found[0].split(".")[-2], *found[1:]] == expected
