"""A local issuer that stands for Entra ID: a JWK Set behind HTTPS, and assertions shaped like Entra's.

`make demo ISSUER=1` lets the simulated Entra ID sign in with it, and tests use it. A new key is announced before it
signs, as Microsoft announces its own.
"""

import datetime
import ipaddress
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import RSAKey

TENANT = "6f1f2a5e-1b6b-4c43-9a44-0f9a2d1f7c11"
SUBJECT = "0b8d6a3a-7c62-4f62-8f53-52d1f4f0a001"  # the object id of a service principal
APPLICATION = "3c9e4a10-5b0e-4d7c-9e1e-8d2f6f6b2002"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE_S = 3_900


class Issuer:
    """The keys of an issuer at a URL, and the assertions that it signs."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Any] = {}
        self.key_id = self._announce()
        self.next_key_id = self._announce()

    def _announce(self) -> str:
        key_id = uuid.uuid4().hex[:27]
        self.keys[key_id] = RSAKey.generate_key(2_048)
        return key_id

    def rotate(self) -> str:
        """Sign with the key that was announced, withdraw the former one and announce another. Return the key's id."""
        del self.keys[self.key_id]
        self.key_id, self.next_key_id = self.next_key_id, self._announce()
        return self.key_id

    @property
    def issuer(self) -> str:
        return f"{self.url}/{TENANT}/v2.0"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/{TENANT}/discovery/v2.0/keys"

    @property
    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) | {"use": "sig", "kid": kid} for kid, key in self.keys.items()]}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of an assertion as Entra makes it, now; None leaves one out."""
        now = int(time.time())
        claims = {
            "aud": APPLICATION,
            "iss": self.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + LIFE_S,
            "azp": APPLICATION,
            "azpacr": "2",
            "oid": SUBJECT,
            "sub": SUBJECT,
            "tid": TENANT,
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
        return str(jws.serialize_compact(full, payload, signing, algorithms=["RS256", "PS256", "ES256"]))

    def respond(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a request to the issuer."""
        return 200, {"Content-Type": "application/json"}, json.dumps(self.key_set).encode()


def form_of(client_id: str, assertion: str) -> dict[str, str]:
    """The form that Entra posts to the token endpoint."""
    return {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        "scope": "scim",
    }


def make_certificate(folder: Path) -> Path:
    """Write a key and a self-signed certificate of `localhost` for a day into one file, and return it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "issuer.pem"
    file.touch(mode=0o600)
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


Kind = TypeVar("Kind", bound=Issuer)


@contextmanager
def issuing(certificate: Path, kind: type[Kind]) -> Iterator[Kind]:
    """Serve an issuer by HTTPS on a free port of this machine, with the certificate in this file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.respond(self.path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    issuer = kind(f"https://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
