"""What tests of several packages share: the cast, a SCIM client in process, a real gunicorn."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.signals import post_migrate
from django.template import Context, Template
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import override_settings, setup_databases, teardown_databases
from django.utils.translation import activate, get_language

from providers import exports, rate_limits, request_log
from providers.buckets import Buckets
from providers.console.export import write_file
from providers.console.site import site
from providers.models import Provider
from tests.database import end_other_sessions, migrated, rewriting_events
from tests.factories import browser_of, issue, make_account, make_provider

PROJECT = Path(__file__).resolve().parent.parent
SERVER_KEY = "test " * 12
COMMITTED = "committed"  # the suffix of the second database
QUICK_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"
# What starts programs of its own, besides each test that calls `subprocess` itself. All else is marked `core`.
PROGRAM_FIXTURES = {"server", "live_server", "certificate"}
PROGRAM_FILES = {"test_serve.py", "test_embedded.py"}
# Half a minute or more for one test: they start first, so that no process waits for the end of another's.
LONG_FILES = {"test_accessibility.py", "test___main__.py", "test_odd_data.py", "test_export.py"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than cores: now and then each waits for a program to start or to end."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and not _starts_programs(item):
            item.add_marker(pytest.mark.core)
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


def _starts_programs(item: pytest.Function) -> bool:
    by_fixture = PROGRAM_FIXTURES & set(item.fixturenames)
    return bool(by_fixture or item.path.name in PROGRAM_FILES or "subprocess" in item.function.__code__.co_names)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt modules and tests from garbage collection, as gunicorn.conf.py does: all of them stay until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # a page makes thousands of objects


@pytest.fixture(scope="session", autouse=True)
def _pages_without_their_parts(django_test_environment: None) -> None:
    """A response keeps the template and the context of its page, not those of each icon and badge that it includes.

    Django's test client copies the context for each template, and a list of fifty rows includes hundreds.
    """

    def render(template: Template, context: Context) -> str:
        if context.template is template:
            template_rendered.send(sender=template, template=template, context=context)
        return template.nodelist.render(context)

    Template._render = render  # Django puts it back at the end of the test environment


@pytest.fixture(scope="session", autouse=True)
def _quick_settings() -> Iterator[None]:
    """Spare what the product does slowly on purpose, or once for each process.

    Passwords are digested slowly, and each test makes an account. WhiteNoise reads all static files when the middleware
    is loaded, and each test client loads it again; with `WHITENOISE_AUTOREFRESH` it reads a file when it is asked for.
    """
    hashers = [QUICK_HASHER, *settings.PASSWORD_HASHERS]  # digests of the product can be read too
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(autouse=True)
def _request_log_in_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In process, the log waits until a test flushes it: a thread would write past the test's transaction."""
    monkeypatch.setattr(request_log.writer, "start", lambda: None)
    request_log.writer._reset()
    yield
    request_log.writer._reset()


@pytest.fixture(autouse=True)
def _exports_in_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """In process, what the process of a large export does is done at once: it would not see the test's transaction."""
    monkeypatch.setattr(exports, "start", lambda export_id: write_file(export_id, site.lists))


@pytest.fixture(autouse=True)
def _full_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts with the rate limits of the settings, and nothing used up."""
    for name, buckets in list(vars(rate_limits).items()):
        if isinstance(buckets, Buckets):
            zeros: Any = defaultdict(float)  # a table of 65,536 places takes longer to make than many tests
            fresh = Buckets(zeros, rate=buckets.rate, burst=buckets.burst)
            monkeypatch.setattr(rate_limits, name, fresh)


@pytest.fixture(autouse=True)
def _language_as_before() -> Iterator[None]:
    """The language of the last page stays active in its thread, so each test puts back what it found."""
    before = get_language()
    yield
    activate(before)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """The databases of one worker, made in every run: pytest-django's own come only with its own fixtures.

    A copy is for the tests that commit, so that what they leave behind meets nobody.
    """
    with django_db_blocker.unblock():
        with migrated() as template:
            connection.settings_dict["TEST"]["TEMPLATE"] = template
            made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
        connection.creation.clone_test_db(COMMITTED, verbosity=0, autoclobber=True)
        with connection.cursor() as cursor:  # nothing here has to survive a power cut
            for name in (connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_{COMMITTED}"):
                cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
            cursor.execute("SET synchronous_commit = off")
    post_migrate.connect(_as_migrated, sender=apps.get_app_config("auth"))
    yield
    with django_db_blocker.unblock():
        connection.creation.destroy_test_db(suffix=COMMITTED, verbosity=0)
        end_other_sessions()
        teardown_databases(made, verbosity=0)


def _as_migrated(**_: Any) -> None:
    """Does what Django leaves out when it empties the tables after a test with a live server.

    It skips the tables that it does not manage, and deletes the rows that migrations made.
    """
    with connection.cursor() as cursor, rewriting_events():
        cursor.execute("TRUNCATE providers_requestlog")
        cursor.execute("DELETE FROM providers_changeevent")
    providers = apps.get_app_config("providers")
    models = providers.models_module
    for migration, function in (("0003_roles", "make_roles"), ("0010_accounts", "grant")):
        getattr(import_module(f"providers.migrations.{migration}"), function)(apps, None)
    providers.models_module = models  # the migrations leave it empty, as it is while they run


@pytest.fixture
def provider(db: None) -> Provider:
    return make_provider("Contoso Entra ID")


@pytest.fixture
def stranger(db: None) -> Provider:
    """Another provider, whose data nobody else may see."""
    return make_provider("Fabrikam")


@pytest.fixture
def anna(db: None) -> User:
    return make_account("Administrator", username="anna")


@pytest.fixture
def signed_in(db: None) -> Callable[[str | None], Client]:
    """`signed_in("Support")` is a browser in which somebody with that role is signed in."""

    return lambda role: browser_of(make_account(role))


@pytest.fixture
def administrator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Administrator")


@pytest.fixture
def support(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Support")


@pytest.fixture
def operator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Operator")


class ScimClient:
    """Django's test client speaking SCIM with one provider's token; paths are below /scim."""

    def __init__(self, token: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

    def request(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: str):  # type: ignore[no-untyped-def]
        import orjson

        address = f"/scim{path}" + (f"?{urlencode(query)}" if query else "")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = self.headers | (headers or {})
        content_type = sent.pop("Content-Type", "application/scim+json; charset=utf-8")
        return self.client.generic(method, address, data, content_type=content_type, headers=sent)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str):  # type: ignore[no-untyped-def]
        return self.request("GET", path, None, headers, **query)

    def post(self, path: str, body: object, **options: object):  # type: ignore[no-untyped-def]
        return self.request("POST", path, body, **options)  # type: ignore[arg-type]

    def put(self, path: str, body: object, **options: object):  # type: ignore[no-untyped-def]
        return self.request("PUT", path, body, **options)  # type: ignore[arg-type]

    def patch(self, path: str, *operations: dict[str, object], **options: object):  # type: ignore[no-untyped-def]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
        return self.request("PATCH", path, body, **options)  # type: ignore[arg-type]

    def delete(self, path: str, **options: object):  # type: ignore[no-untyped-def]
        return self.request("DELETE", path, **options)  # type: ignore[arg-type]


@pytest.fixture
def scim() -> Callable[[Provider], ScimClient]:
    """`scim(provider)` is a client with a fresh token of that provider."""

    def client(of: Provider) -> ScimClient:
        return ScimClient(issue(of)[1])

    return client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url(known: dict[str, Any] | None = None) -> str:
    """The database of the running test, or the one with these settings, as DATABASE_URL names it."""
    known = known or connection.settings_dict
    address = f"{quote(known['USER'])}:{quote(known['PASSWORD'])}@" if known["USER"] else ""
    port = f"&port={known['PORT']}" if known["PORT"] else ""
    return f"postgresql://{address}/{known['NAME']}?host={quote(known['HOST'])}{port}"


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """Base URL of a real gunicorn on the database of the tests that commit."""
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url(connection.creation.get_test_db_clone_settings(COMMITTED)),
        "PORT": str(port),
        "SECRET_KEY": SERVER_KEY,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PROVIDER_RATE": "0",  # the tests send as fast as they can
        "REFUSED_RATE": "0",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "iprova_idm.wsgi:application"]
    process = subprocess.Popen([*command, "-b", f"127.0.0.1:{port}", "-w", "2"], env=environment, cwd=PROJECT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert process.poll() is None, "gunicorn ended at its start"
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer in 60 s")


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database where everything is committed, for tests with other processes or connections.

    It is the one that `server` uses. Nothing is cleaned up, so a test counts what is its own provider's.
    """
    known = connection.settings_dict  # every thread's
    name = known["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        known["NAME"] = connection.creation.get_test_db_clone_settings(COMMITTED)["NAME"]
        try:
            yield
        finally:
            connection.close()
            known["NAME"] = name
