"""The connection test: this server sends requests to its own public address, as a directory would.

The address is the configured one, and the request contains nothing that a user typed (AC-GUI-4).
The test checks our side: name, certificate, proxy, endpoint and database. It changes no users.
"""

import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext as _

from providers import rate_limits
from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import Provider
from providers.tokens import issue_test_token

TOTAL_S = 10.0


@dataclass(frozen=True)
class Check:
    """The result of one step. `has_passed` is None if the step was not reached; `cause` has what to do if it failed."""

    name: str
    has_passed: bool | None
    ms: int = 0
    cause: str = ""


class AlreadyTestingError(Exception):
    """Another test is running. Several at once would hold all workers, and none would be left to answer them."""


class _FailedError(Exception):
    """A step failed. The text has the finding and what to do, in words for an administrator."""


class _Tester:
    """One run against `url`. Each step uses the results of the previous ones."""

    def __init__(self, url: str, token: str) -> None:
        self.parts = urlsplit(url)
        self.token = token
        self.end = time.monotonic() + TOTAL_S
        self.port = self.parts.port or (443 if self.parts.scheme == "https" else 80)
        self.host = self.parts.hostname or ""
        self.connection: http.client.HTTPConnection | None = None

    @property
    def has_name(self) -> bool:
        """Whether the host is a name that is looked up, not an address."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return True
        return False

    @property
    def has_tls(self) -> bool:
        return self.parts.scheme == "https"

    @property
    def left(self) -> float:
        """The seconds that are left. Raises `_FailedError` if there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise _FailedError(_("It took longer than 10 seconds in all."))
        return left

    def resolve(self) -> None:
        """Look up the host name, in a thread of its own because the operating system's resolver has no time limit."""
        found: list[object] = []

        def ask() -> None:
            try:
                found.append(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM))
            except OSError as error:
                found.append(error)

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self.left / 2)
        if not found or isinstance(found[0], OSError):
            said = _("%(host)s has no address here: correct PUBLIC_URL, or the name in the DNS that this server asks.")
            raise _FailedError(said % {"host": self.host})

    def connect(self) -> None:
        """Connect by TCP, and by TLS if the address is https."""
        try:
            if self.has_tls:
                context = ssl.create_default_context()
                self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=self.left, context=context)
            else:
                self.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.left)
            self.connection.connect()
        except ssl.SSLCertVerificationError as error:
            said = _("The certificate is not trusted (%(reason)s): renew it, or serve the whole chain.")
            raise _FailedError(said % {"reason": error.verify_message}) from error
        except ssl.SSLError as error:
            said = _("TLS failed (%(reason)s): look at the proxy in front of iProva.")
            raise _FailedError(said % {"reason": error.reason or "TLS"}) from error
        except OSError as error:
            said = _("Nothing answers at %(host)s, port %(port)s: look at the proxy and at firewalls between.")
            raise _FailedError(said % {"host": self.host, "port": self.port}) from error

    def read_config(self) -> None:
        """Read /ServiceProviderConfig and check that it is one."""
        config = self._ask("/ServiceProviderConfig")
        if "patch" not in config:
            raise _FailedError(
                _("The response is not a ServiceProviderConfig: another program answers at this address.")
            )

    def find_unknown_user(self) -> None:
        """Search for a user who does not exist, as Entra's own *Test Connection* does."""
        query = quote(f'userName eq "{uuid.uuid4()}"')
        answer = self._ask(f"/Users?filter={query}")
        if answer.get("totalResults") != 0:
            raise _FailedError(_("A search for a user who does not exist found one."))

    def find_unknown_group(self) -> None:
        """Search for a group that does not exist."""
        query = quote(f'displayName eq "{uuid.uuid4()}"')
        answer = self._ask(f"/Groups?filter={query}")
        if answer.get("totalResults") != 0:
            raise _FailedError(_("A search for a group that does not exist found one."))

    def _ask(self, path: str) -> dict[str, object]:
        """Send a GET and return the JSON object of the response. Raises `_FailedError`."""
        assert self.connection
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/scim+json"}
        try:
            if self.connection.sock:
                self.connection.sock.settimeout(self.left)
            self.connection.request("GET", f"{self.parts.path}{path}", headers=headers)
            response = self.connection.getresponse()
            body = response.read(1_000_000)
        except TimeoutError as error:
            said = _("No response in time. A server with one worker (WORKERS=1) cannot answer itself.")
            raise _FailedError(said) from error
        except (OSError, http.client.HTTPException) as error:
            raise _FailedError(_("The connection broke off: look at the proxy in front of iProva.")) from error
        if response.status == 503:
            raise _FailedError(_("The provider is paused: requests get 503 until you resume it."))
        if response.status == 429:
            raise _FailedError(_("The provider sends too many requests now (PROVIDER_RATE): try again later."))
        if response.status != 200:
            said = _("The response was %(status)s instead of 200: something in front of iProva may keep requests away.")
            raise _FailedError(said % {"status": response.status})
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _FailedError(_("The response is not JSON: another program answers at this address.")) from error
        if not isinstance(found, dict):
            raise _FailedError(_("The response is not JSON: another program answers at this address."))
        return found


def run_connection_test(provider: Provider, actor: Actor, url: str) -> list[Check]:
    """Run the five checks, in at most ten seconds in all. The first failure ends the run.

    The test uses a token of its own, which is deleted afterwards. Raises `AlreadyTestingError`.
    """
    if rate_limits.connection_tests.take(""):
        raise AlreadyTestingError
    try:
        token, value = issue_test_token(provider)
        try:
            checks = _run(_Tester(url, value))
        finally:
            token.delete()
    finally:
        rate_limits.connection_tests.give_back("")
    passed = all(check.has_passed for check in checks)
    record_act(EventKind.PROVIDER_TESTED, actor, provider=provider, after={"passed": passed})
    return checks


def _run(tester: _Tester) -> list[Check]:
    steps: list[tuple[str, Callable[[], None]]] = [
        (_("Name (DNS)") if tester.has_name else _("Address (no name to look up)"), tester.resolve),
        (_("Connection (TLS)") if tester.has_tls else _("Connection (no TLS)"), tester.connect),
        (_("ServiceProviderConfig"), tester.read_config),
        (_("Look up a user"), tester.find_unknown_user),
        (_("Look up a group"), tester.find_unknown_group),
    ]
    checks: list[Check] = []
    for name, step in steps:
        if checks and not checks[-1].has_passed:
            checks.append(Check(name, None))
            continue
        started, cause = time.monotonic(), ""
        try:
            step()
        except _FailedError as failed:
            cause = str(failed)
        checks.append(Check(name, not cause, round((time.monotonic() - started) * 1000), cause))
    if tester.connection:
        tester.connection.close()
    return checks
