"""HTTP requests in the form of Entra ID: no User-Agent, no Accept, and its Content-Type and query encoding."""

import http.client
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

_TIMEOUT_S = 60


class NoResponseError(Exception):
    """The server sent no response to a request. The text has the request and the reason."""


@dataclass(frozen=True)
class Exchange:
    """One request and its response, for the table."""

    kind: str
    status: int
    duration_ms: float


class Wire:
    """Sends requests to `{host}:{port}{base}` and keeps the result of each.

    `exchanges` has all of them in order, `failures` a sentence for each unexpected response. Each
    request has a connection of its own, because the server closes it.
    """

    def __init__(self, host: str, port: int, *, base: str, token: str) -> None:
        self.host, self.port, self.base = host, port, base
        self.exchanges: list[Exchange] = []
        self.failures: list[str] = []
        self._token = token

    def send(
        self, kind: str, method: str, path: str, body: object = None, *, expects: int = 200
    ) -> dict[str, Any] | None:
        """Send a request and return the JSON of the response, or `{}` if it is empty.

        Returns None if the status is not `expects` or if the body is not JSON. Raises `NoResponseError`.
        """
        started = time.perf_counter()
        status, content = self._exchange(method, path, body)
        self.exchanges.append(Exchange(kind, status, (time.perf_counter() - started) * 1_000))
        if status != expects:
            self.failures.append(f"{kind}: {method} {path} returned {status}, not {expects}: {content[:300]!r}")
            return None
        try:
            response: dict[str, Any] = json.loads(content) if content else {}
        except ValueError:
            self.failures.append(f"{kind}: {method} {path} returned a body that is not JSON: {content[:300]!r}")
            return None
        return response

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.putrequest(method, self.base + path, skip_accept_encoding=True)
            connection.putheader("Authorization", f"Bearer {self._token}")
            sent = b""
            if body is not None:
                sent = json.dumps(body, ensure_ascii=False).encode()
                connection.putheader("Content-Type", "application/scim+json; charset=utf-8")
                connection.putheader("Content-Length", str(len(sent)))
            connection.endheaders(sent)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoResponseError(f"{method} {path} got no response: {error!r}") from error
        finally:
            connection.close()


def equals(attribute: str, value: str) -> str:
    """Return the query `filter=attribute eq "value"` in Entra ID's encoding: `+` for a space, lower-case hex."""
    literal = json.dumps(value, ensure_ascii=False)
    encoded = quote_plus(f"{attribute} eq {literal}", safe="()!*")
    return "filter=" + re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
