"""`make demo`: a server on an empty database, and a simulated Entra ID that provisions users into it.

Runs an initial and two incremental cycles over HTTP, prints a table of the requests, and compares
the database with the source. With `--issuer` or ISSUER=1 the simulated Entra ID has no permanent token: it signs in by
workload identity, with a local issuer in the place of Microsoft's.

The console then stays available until Ctrl-C or SIGTERM; with `--exit` or DEMO_EXIT=1 the demo ends. The exit status is
0 if every response was the expected one and the database equals the source.
"""

import argparse
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from iprova_idm.demo.changes import a_month_later, a_week_later
from iprova_idm.demo.directory import Directory, make_directory
from iprova_idm.demo.entra import EntraId
from iprova_idm.demo.ground import empty_ground
from iprova_idm.demo.issuer import (
    APPLICATION,
    SUBJECT,
    TENANT,
    Issuer,
    form_of,
    issuing,
    make_certificate,
)
from iprova_idm.demo.report import Progress, summary
from iprova_idm.demo.wire import NoResponseError, Wire
from iprova_idm.embedded import DatabaseError
from iprova_idm.options import ConfigurationError, Options
from iprova_idm.serve import Server, StartError, say, serving

if TYPE_CHECKING:
    from providers.models import Provider

TITLE = "Zonnehoek (demo)"
_SHOWN = 20  # differences and failures printed; the others are only counted
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (addresses to call, not to listen on)


def main() -> int:
    """Run the demo and return the exit status."""
    arguments = _read_arguments()
    os.environ.setdefault("PROVIDER_RATE", "0")  # this Entra ID sends as fast as it can, the real one 25 a second
    has_passed = False
    try:
        with empty_ground(), _issuer(arguments.issuer) as issuer, serving() as server:
            has_passed = _play(server, issuer)
            if not arguments.exit:
                say(_invitation(server.options))
                return server.wait() or int(not has_passed)
            return int(not has_passed)
    except KeyboardInterrupt:
        say("Stopped.")
        return int(not has_passed)
    except ConfigurationError as error:
        say(f"configuration: {error}", error=True)
    except DatabaseError as error:
        say(f"database: {error}", error=True)
    except (StartError, NoResponseError) as error:
        say(str(error), error=True)
    return 1


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m iprova_idm.demo", description="See `make demo`.")
    ends = os.environ.get("DEMO_EXIT", "") not in ("", "0")
    signs = os.environ.get("ISSUER", "") not in ("", "0")
    parser.add_argument("--issuer", action="store_true", default=signs, help="sign in by workload identity (ISSUER=1)")
    parser.add_argument("--exit", action="store_true", default=ends, help="end after the comparison (or DEMO_EXIT=1)")
    return parser.parse_args()


@contextmanager
def _issuer(is_wanted: bool) -> Iterator[Issuer | None]:
    """Run the local issuer, and let the server of this demo fetch its keys; None if it is not wanted."""
    if not is_wanted:
        yield None
        return
    with TemporaryDirectory() as folder:
        certificate = make_certificate(Path(folder))
        os.environ |= {
            "SSL_CERT_FILE": str(certificate),
            "FEDERATION_HOSTS": "localhost",
            "WEBHOOK_NETWORKS": "127.0.0.0/8,::1",
        }
        with issuing(certificate, Issuer) as issuer:
            yield issuer


def _play(server: Server, issuer: Issuer | None) -> bool:
    """Run all cycles and print the table and the comparison. Return whether everything was as expected."""
    options = server.options
    address = _EVERYWHERE.get(options.host, options.host), options.port
    provider, token = _make_provider(issuer, address)
    wire = Wire(*address, base="/scim", token=token)
    say(f"Entra ID provisions into {options.scim_url}/ as provider {TITLE!r}.\n")
    started = time.monotonic()
    source = _run_cycles(EntraId(wire, Progress(sys.stdout, is_terminal=sys.stdout.isatty())))
    duration_s = time.monotonic() - started
    say(f"\n{summary(wire.exchanges)}\n")
    rate = len(wire.exchanges) / duration_s
    say(f"{len(wire.exchanges)} requests in {duration_s:.1f} s, {rate:.0f} a second, one after the other.")
    found = _compare(source, provider)
    _print_list("Unexpected responses", wire.failures)
    _print_list("Differences between the database and the source", found)
    if not wire.failures and not found:
        persons = sum(person.is_expected for person in source.persons.values())
        say(f"The database equals the source: {persons} users, {len(source.groups)} groups.")
    return not wire.failures and not found


def _run_cycles(entra_id: EntraId) -> Directory:
    """Run the three cycles and return the source after the last one."""
    source = make_directory()
    entra_id.run_cycle("Initial cycle", source)
    source = a_week_later(source)
    entra_id.run_cycle("A week later", source)
    source = a_month_later(source)
    entra_id.run_cycle("A month later", source)
    return source


# Django's settings read DATABASE_URL, which is set only when the embedded database runs. So the
# three functions below import the modules that need Django.


def _make_provider(issuer: Issuer | None, address: tuple[str, int]) -> "tuple[Provider, str]":
    """Add the demo's provider. Return it with the value of a permanent token, or of an access token of the issuer's."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
    django.setup()
    from django.db import connection

    from providers.administration import add_provider
    from providers.events import SYSTEM
    from providers.oauth import Trust, add_federated_client
    from providers.tokens import issue_token

    provider = add_provider(TITLE, SYSTEM)
    if issuer is None:
        _, token = issue_token(provider, SYSTEM)
    else:
        trust = Trust(issuer.issuer, issuer.jwks_url, None, SUBJECT, [APPLICATION], TENANT, APPLICATION)
        client = add_federated_client(provider, SYSTEM, trust, label="Entra ID (demo)")
        token = _sign_in(issuer, client.client_id, address)
    connection.close()
    return provider, token


def _sign_in(issuer: Issuer, client_id: str, address: tuple[str, int]) -> str:
    """Return an access token, after the issuer has changed its key once, as Microsoft does."""
    host, port = address
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/oauth/token"
    for turn in ("first key", "second key"):
        form = urlencode(form_of(client_id, issuer.assertion())).encode()
        with urllib.request.urlopen(url, form, timeout=30) as response:
            token = json.load(response)["access_token"]
        say(f"Entra ID signed in by workload identity ({turn}): {token[:8]}…, issuer {issuer.issuer}")
        issuer.rotate()
    return str(token)


def _compare(source: Directory, provider: "Provider") -> list[str]:
    from django.db import connection

    from iprova_idm.demo.compare import differences

    try:
        return differences(source, provider)
    finally:
        connection.close()


def _is_password_of_admin(password: str) -> bool:
    """Return whether `admin` can sign in with it. The database of DATABASE_URL may have administrators of its own."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    account = get_user_model()._default_manager.filter(username="admin", is_active=True).first()
    connection.close()
    return account is not None and account.check_password(password)


def _invitation(options: Options) -> str:
    password = os.environ["ADMIN_PASSWORD"]
    if _is_password_of_admin(password):
        account = f"admin, password {password}"
    else:
        account = "an administrator that this database had before"
    return f"""
You can look around in the console now.
  Console   {options.base_url}/
  Sign in   {account}
Ctrl-C stops it.
"""


def _print_list(what: str, sentences: list[str]) -> None:
    if not sentences:
        return
    say(f"{what}: {len(sentences)}")
    for sentence in sentences[:_SHOWN]:
        say(f"  {sentence}")
    if len(sentences) > _SHOWN:
        say(f"  and {len(sentences) - _SHOWN} more.")


if __name__ == "__main__":
    sys.exit(main())
