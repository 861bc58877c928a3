"""`make sign-in-flood` measures how long a sign-in from a new address takes while others flood the sign-in page.

The real server runs on a database of its own. For each row of the table, clients send wrong passwords for half a
minute, with the addresses that a proxy would report, and every four seconds somebody signs in from an address that
nobody used before. The table has the seconds until they were answered, and how many of them were signed in at once; the
others were asked to send the form again. A sign-in without a flood is measured just before, because a check of a
password is slow on purpose and takes as long as the machine lets it.
"""

import contextlib
import http.client
import itertools
import os
import re
import statistics
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import django

import tests.database  # sets the database before Django reads its settings

django.setup()  # models cannot be imported before this

from django.db import connection  # noqa: E402

from bench.slow_clients import gunicorn  # noqa: E402
from tests.factories import make_account  # noqa: E402

PASSWORD = "correct horse battery"
EVERY_S = 4.0
ALLOWED_S = 2.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True)
class Flood:
    """A flood of `clients` that send at the same time, from `addresses`; each waits `pause_s` between two attempts."""

    clients: int
    addresses: int
    pause_s: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.clients}" + (f" each {self.pause_s:g} s" if self.pause_s else "")


FLOODS = [Flood(6, 1), Flood(24, 1), Flood(6, 200), Flood(24, 200), Flood(200, 200, 5.0)]


class Form:
    """The sign-in form of a server, sent again and again with one CSRF token, as an attacker would."""

    def __init__(self, port: int) -> None:
        self.port = port
        status, page, cookie = self._ask("GET", "192.0.2.1", {})
        found = _TOKEN.search(page)
        assert status == 200 and found, status
        self._cookie, self._csrf = cookie, found[1]

    def send(self, name: str, password: str, address: str) -> tuple[int, float]:
        """Return the status of an attempt, and the seconds that it took."""
        sent = {"username": name, "password": password, "csrfmiddlewaretoken": self._csrf}
        started = time.monotonic()
        status, _page, _cookie = self._ask("POST", address, sent)
        return status, time.monotonic() - started

    def _ask(self, method: str, address: str, sent: dict[str, str]) -> tuple[int, str, str]:
        headers = {"X-Forwarded-For": address, "Host": f"127.0.0.1:{self.port}"}
        if sent:
            headers |= {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(client):
            client.request(method, "/login/", urlencode(sent) or None, headers)
            response = client.getresponse()
            cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
            return response.status, response.read().decode(), cookie


@contextlib.contextmanager
def flooded(form: Form, flood: Flood, network: str) -> Iterator[Counter[int]]:
    """Flood the form during the block. Yield the statuses so far."""
    statuses: Counter[int] = Counter()
    numbers, ended = itertools.count(), threading.Event()

    def attack(client: int) -> None:
        ended.wait(flood.pause_s * client / flood.clients)
        while not ended.is_set():
            number = next(numbers)
            statuses[form.send(f"n{number}", "wrong", f"{network}.{number % flood.addresses}")[0]] += 1
            ended.wait(flood.pause_s)

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(flood.clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def sign_in_often(form: Form, name: str, network: str, seconds: float) -> list[tuple[int, float]]:
    """Sign in every four seconds, each time from another address. Return the statuses and the seconds."""
    found: list[tuple[int, float]] = []

    def sign_in(address: str) -> None:
        found.append(form.send(name, PASSWORD, address))

    threads = []
    for number in range(int(seconds / EVERY_S)):
        threads.append(threading.Thread(target=sign_in, args=(f"{network}.{number}",)))
        threads[-1].start()
        time.sleep(EVERY_S)
    for thread in threads:
        thread.join()
    return found


HEAD = (
    "                               attempts  of these           seconds until a new address is answered\n"
    "workers checks      clients addresses a second wrong   429   503   alone   p50   p95 worst signed in   load"
)


def measure(workers: int, seconds: float) -> bool:
    """Print the rows for a number of workers, and return whether each new address was answered in time."""
    name, in_time = f"b.janssen{workers}", True
    make_account("Administrator", username=name)
    os.environ |= {"WORKERS": str(workers), "TRUSTED_PROXIES": "1"}
    for number, flood in enumerate(FLOODS):
        with gunicorn(("-w", str(workers))) as (base, _process):  # each row begins with full buckets
            form = Form(int(base.rpartition(":")[2]))
            alone = statistics.median(form.send(name, PASSWORD, f"192.0.2.{10 + one}")[1] for one in range(3))
            with flooded(form, flood, f"10.{workers}.{number}") as statuses:
                time.sleep(1)
                found = sign_in_often(form, name, f"203.0.{number + 10 * workers}", seconds)
                sent = statuses.copy()
        took = sorted(each for _status, each in found)
        total = sum(sent.values()) or 1
        shares = "".join(f"{sent[status] / total:6.0%}" for status in (200, 429, 503))
        slowest = (statistics.median(took), took[int(0.95 * (len(took) - 1))], took[-1])
        print(
            f"{workers:>7}{2 if workers > 2 else 1:>7}{flood.name:>13}{flood.addresses:>10}"
            f"{total / (seconds + 1):>9.1f}{shares}{alone:>8.2f}{''.join(f'{each:>6.2f}' for each in slowest)}"
            f"{f'{sum(status == 302 for status, _took in found)} of {len(found)}':>10}{os.getloadavg()[0]:>7.1f}",
            flush=True,
        )
        in_time = in_time and took[-1] <= ALLOWED_S
    return in_time


def main() -> None:
    parser = ArgumentParser(prog="python -m bench.sign_in_flood", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--seconds", type=float, default=32, help="the time of each flood")
    options = parser.parse_args()
    with tests.database.new_database():
        print(HEAD)
        in_time = [measure(workers, options.seconds) for workers in options.workers]
        connection.close()
    sys.exit(not all(in_time))


if __name__ == "__main__":
    main()
