"""The local issuer of the demo, with faults that a test can set."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joserfc.jwk import ECKey

from iprova_idm.demo import issuer
from iprova_idm.demo.issuer import APPLICATION, SUBJECT, TENANT, form_of

__all__ = ["APPLICATION", "SUBJECT", "TENANT", "Issuer", "form_of", "issuing", "make_ec_key"]


class Issuer(issuer.Issuer):
    """`fetches` are the paths that were requested; `status`, `location` and `delay_s` are for the next responses."""

    def __init__(self, url: str = "https://localhost") -> None:
        super().__init__(url)
        self.fetches: list[str] = []
        self.status, self.delay_s, self.location = 200, 0.0, ""

    def rotate(self) -> str:
        """Rotate without an announcement: nobody can know the new key."""
        super().rotate()
        return super().rotate()

    def respond(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.fetches.append(path)
        time.sleep(self.delay_s)
        _status, headers, body = super().respond(path)
        return self.status, headers | ({"Location": self.location} if self.location else {}), body


@contextmanager
def issuing(certificate: Path) -> Iterator[Issuer]:
    with issuer.issuing(certificate, Issuer) as found:
        yield found


def make_ec_key() -> ECKey:
    return ECKey.generate_key("P-256")
