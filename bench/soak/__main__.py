"""`make soak`: ten directories send 25 requests a second each for half an hour, and one of them misbehaves.

It starts the product as `make run` does, on a database of its own, with its rate limit. The nine send what Entra ID
sends; the tenth sends bursts, very large bodies, and requests that never end. Then everything that was acknowledged is
read again. The exit status is 0 if every target is met.
"""

import contextlib
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import psycopg

from bench.scim.servers import Server, manage, postgresql, product
from bench.soak import report
from bench.soak.load import Client, Directory, Pace
from bench.soak.trouble import Trouble
from bench.soak.watch import Housekeeping, Span, Watch

NINE = 9
RATE = 25.0  # of each directory: what Entra ID sends at most
SETTLE_S = 2.0


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def read_arguments() -> Namespace:
    parser = ArgumentParser(prog="make soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=RATE * (NINE + 1), help="requests a second of all ten together")
    parser.add_argument("--workers", type=int, default=2, help="of gunicorn")
    parser.add_argument("--calm", action="store_true", help="the tenth directory does not misbehave")
    return parser.parse_args()


@contextlib.contextmanager
def directories(server: Server) -> Iterator[list[Directory]]:
    """Make a provider for each of the ten, and fill the first nine."""
    found = []
    for number in range(NINE + 1):
        title = f"Soak {number}"
        manage(server.url, "add_provider", title)
        token = manage(server.url, "issue_token", title)["token"]
        own = Server(title, server.port, server.base, token, server.pid, server.database, url=server.url)
        found.append(Directory(title, own))
    say("Making users and groups")
    preparing = [threading.Thread(target=one.prepare) for one in found[:NINE]]
    for thread in preparing:
        thread.start()
    for thread in preparing:
        thread.join()
    time.sleep(SETTLE_S)
    yield found


def run(server: Server, sent: Namespace) -> bool:
    """Send the load, and print what was measured. Return whether every target is met."""
    with directories(server) as ten:
        nine, trouble = ten[:NINE], Trouble(ten[NINE].server)
        watch = Watch(server.pid, server.url, _ids(server.url, nine), lambda: sum(one.answered for one in nine))
        jobs = Housekeeping(server.url, min(300.0, sent.minutes * 60 / 6))
        began = time.monotonic() + SETTLE_S
        ended = began + sent.minutes * 60
        clients = [client for one in nine for client in one.clients]
        say(f"{sent.minutes:g} minutes, {sent.rate:g} requests a second")
        watch.begin()
        if not sent.calm:
            trouble.begin()
        jobs.start()
        begin(nine, sent.rate / (NINE + 1), began, ended)
        for client in clients:
            client.join()
        trouble.end()
        jobs.end()
        is_complete = watch.is_log_complete(10)
        watch.end()
        say("Reading everything again")
        missing = [line for one in nine for line in one.missing()]
    seen = [one for directory in nine for one in directory.seen]
    wrong = [line for one in nine for line in one.wrong]
    rate = sent.rate * NINE / (NINE + 1)
    targets = [
        report.count("errors of the nine", wrong),
        report.count("not as acknowledged", missing),
        report.carried(seen, rate, began, ended),
        report.latency(seen, began, ended),
        report.memory(watch.memory_mb, began, ended),
        report.log(watch.behind, rate, is_complete=is_complete),
        report.housekeeping(jobs.spans, jobs.wrong),
    ]
    spans: list[Span] = [*watch.spans, *trouble.spans, *jobs.spans]
    print(f"{len(seen):,} requests of nine directories in {sent.minutes:g} minutes, {sent.workers} workers.")
    print(report.table(targets))
    print()
    print(report.causes(seen, spans, began, ended))
    print()
    print(report.processors(watch.cpu_ms, len(seen), ended - began))
    if trouble.statuses:
        answers = ", ".join(f"{count:,} times {status}" for status, count in sorted(trouble.statuses.items()))
        print(f"\nThe tenth directory got {answers}.")
    for line in (*wrong[:10], *missing[:10], *jobs.wrong[:10]):
        print(f"  {line}")
    return all(target.is_met for target in targets)


def begin(nine: list[Directory], rate: float, began: float, ended: float) -> list[Client]:
    """Start all clients. Those of a directory share its pace."""
    for directory in nine:
        pace = Pace(rate, began, ended, directory.name)
        for client in directory.clients:
            client.pace = pace
            client.start()
    return [client for directory in nine for client in directory.clients]


def _ids(url: str, nine: list[Directory]) -> list[int]:
    with psycopg.connect(url) as connection:
        titles = [one.name for one in nine]
        rows = connection.execute("SELECT id FROM providers_provider WHERE title = ANY(%s)", [titles]).fetchall()
    return [int(number) for (number,) in rows]


def main() -> int:
    sent = read_arguments()
    sys.setswitchinterval(0.001)  # a client must not wait for another one's turn
    with postgresql() as url, product(url, workers=sent.workers, rate="50") as server:
        return 0 if run(server, sent) else 1


if __name__ == "__main__":
    sys.exit(main())
