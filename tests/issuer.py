"""A local issuer that stands for Entra ID: an HTTPS server with a JWK Set, and assertions shaped like Entra's.

`python -m tests.issuer` runs one for `make demo ISSUER=1`.
"""

import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

TENANT = "6f1f2a5e-1b6b-4c43-9a44-0f9a2d1f7c11"
SUBJECT = "0b8d6a3a-7c62-4f62-8f53-52d1f4f0a001"  # the object id of a service principal
APPLICATION = "3c9e4a10-5b0e-4d7c-9e1e-8d2f6f6b2002"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Issuer:
    """Its keys and its URL. `fetches` are the paths that were requested; `status` and `delay_s` are for responses."""

    def __init__(self, url: str = "https://localhost") -> None:
        self.url = url
        self.tenant = TENANT
        self.fetches: list[str] = []
        self.status, self.delay_s, self.location = 200, 0.0, ""
        self.keys: dict[str, Any] = {}
        self.rotate()

    @property
    def issuer(self) -> str:
        return f"{self.url}/{self.tenant}/v2.0"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/{self.tenant}/discovery/v2.0/keys"

    @property
    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) | {"use": "sig", "kid": kid} for kid, key in self.keys.items()]}

    def rotate(self) -> str:
        """Sign with a new key from now on; the earlier ones are no longer in the set. Return the new key's id."""
        self.key_id = uuid.uuid4().hex[:27]
        self.keys = {self.key_id: RSAKey.generate_key(2_048)}
        return self.key_id

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of an assertion as Entra makes it, now; None leaves one out."""
        now = int(time.time())
        claims = {
            "aud": APPLICATION,
            "iss": self.issuer,
            "iat": now - 300,
            "nbf": now - 300,
            "exp": now + 3_600,
            "azp": APPLICATION,
            "azpacr": "2",
            "oid": SUBJECT,
            "sub": SUBJECT,
            "tid": self.tenant,
            "uti": "k9Jv2XbQ6k2wXy7mV0kAAA",
            "ver": "2.0",
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, *, header: Mapping[str, Any] | None = None, key: Any = None, **changed: Any) -> str:
        """A signed assertion; `header` and `changed` replace what Entra would have there, None leaves it out."""
        full = {"typ": "JWT", "alg": "RS256", "kid": self.key_id} | dict(header or {})
        full = {name: value for name, value in full.items() if value is not None}
        payload = json.dumps(self.claims(**changed)).encode()
        signing = key or self.keys[self.key_id]
        return str(jws.serialize_compact(full, payload, signing, algorithms=["RS256", "PS256", "ES256", "HS256"]))


def form_of(client_id: str, assertion: str, **more: str) -> dict[str, str]:
    """The form that Entra posts to the token endpoint."""
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "scope": "scim",
    } | more


def make_ec_key() -> ECKey:
    return ECKey.generate_key("P-256")


@contextmanager
def issuing(certificate: Path) -> Iterator[Issuer]:
    """Serve an issuer's keys by HTTPS on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches.append(self.path)
            time.sleep(issuer.delay_s)
            body = json.dumps(issuer.key_set).encode()
            self.send_response(issuer.status)
            if issuer.location:
                self.send_header("Location", issuer.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    issuer = Issuer(f"https://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
