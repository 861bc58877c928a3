"""A directory that misbehaves: bursts above its rate, very large bodies, and connections that are slow."""

import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.scim.servers import Server
from bench.scim.wire import Request
from bench.soak.watch import Span
from tests.iprova_idm.slow import SLOW_REQUESTS, clients

BURST, BURST_CLIENTS, BURST_EVERY_S = 400, 8, 10.0
LARGE_EVERY_S = 6.0
SLOW_CLIENTS, SLOW_S = 20, 8.0
_MIB = 1_048_576


def _large_bodies() -> dict[str, object]:
    """What is too large in some way: a resource, the number of its values, the body itself."""
    return {
        "a user of 15 MiB": {"userName": "large@trouble.example", "title": "x" * (15 * _MIB)},
        "100,000 e-mail addresses": {
            "userName": "many@trouble.example",
            "emails": [{"value": "a@b.example"}] * 100_000,
        },
        "a body of 17 MiB": {"userName": "larger@trouble.example", "title": "x" * (17 * _MIB)},
    }


@dataclass
class Trouble:
    """The directory. `statuses` counts what it was answered, `spans` has when it did what."""

    server: Server
    stop: threading.Event = field(default_factory=threading.Event)
    statuses: Counter[int] = field(default_factory=Counter)
    spans: list[Span] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Start all three kinds of trouble."""
        self._threads = [
            threading.Thread(target=one, daemon=True) for one in (self._burst, self._send_large, self._drip)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop them, and wait until they have."""
        self.stop.set()
        for thread in self._threads:
            thread.join(60)

    def _burst(self) -> None:
        while not self.stop.wait(BURST_EVERY_S):
            began = time.monotonic()
            senders = [threading.Thread(target=self._send_many) for _ in range(BURST_CLIENTS)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            self.spans.append(Span("a burst", began, time.monotonic()))

    def _send_many(self) -> None:
        with self.server.connect() as connection, contextlib.suppress(OSError):
            for _ in range(BURST // BURST_CLIENTS):
                self.statuses[connection.send(Request("GET", "/Users?filter=userName+eq+%22nobody%22")).status] += 1

    def _send_large(self) -> None:
        bodies = list(_large_bodies().values())
        number = 0
        while not self.stop.wait(LARGE_EVERY_S):
            began = time.monotonic()
            # One that the server has read no further than its limit may be answered by the end of the connection.
            with self.server.connect() as connection, contextlib.suppress(OSError):
                self.statuses[connection.send(Request("POST", "/Users", bodies[number % len(bodies)])).status] += 1
            self.spans.append(Span("a very large body", began, time.monotonic()))
            number += 1

    def _drip(self) -> None:
        kinds = list(SLOW_REQUESTS.values())
        number = 0
        while not self.stop.is_set():
            first, drip = kinds[number % len(kinds)]
            number += 1
            with (
                contextlib.suppress(OSError),
                clients(f"http://127.0.0.1:{self.server.port}", first, drip, count=SLOW_CLIENTS),
            ):
                self.stop.wait(SLOW_S)
