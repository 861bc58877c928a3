"""`make bench-console` measures the console's pages with many users and a long log, on a database of its own.

The times are the server's, from the request to the last byte of the page. They are only shown: the command fails
only if a page needs more queries than its limit. The limits are those of docs/quality.md.
"""

import os
import resource
import sys
import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from statistics import median
from typing import Any

import django

import tests.database  # sets the database before Django reads its settings

django.setup()  # models cannot be imported before this

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from bench.fill import company  # noqa: E402
from providers.models import Export, ExportState  # noqa: E402
from tests.conftest import database_url  # noqa: E402
from tests.factories import make_account  # noqa: E402


@dataclass(frozen=True)
class Page:
    """A page to measure, with its limits."""

    name: str
    path: str
    limit_ms: int
    max_queries: int


def pages(provider: int, group: Any, user: Any) -> list[Page]:
    """Return the pages to measure, for the ids of the large provider, its large group and one of its users.

    The limit of time of a search or filter takes three of its queries.
    """
    log = "/eum/log/"
    return [
        Page("Dashboard", "/eum/", 1_000, 22),
        Page("Provider list", "/eum/providers/", 700, 12),
        Page("Provider", f"/eum/providers/{provider}/", 700, 17),
        Page("Users", "/eum/users/", 700, 15),
        Page("Users: search for jane visser", "/eum/users/?q=jane+visser", 700, 18),
        Page("Users: search for nobody", "/eum/users/?q=nobody+of+this+name", 700, 18),
        Page("Users: disabled, of a group", f"/eum/users/?status=disabled&group={group}", 700, 18),
        Page("User", f"/eum/users/{user}/", 700, 16),
        Page("Group", f"/eum/groups/{group}/", 700, 11),
        Page("Group: search of members", f"/eum/groups/{group}/?q=jane+visser", 700, 14),
        Page("Log", log, 500, 14),
        Page("Log: look-ups too", f"{log}?lookups=1", 500, 17),
        Page("Log: rejected data", f"{log}?outcome=rejected", 500, 17),
        Page("Log: of a user", f"{log}?subject={user}", 500, 17),
        Page("Refused requests", "/eum/refused/", 500, 9),
        Page("Audit", "/eum/audit/", 700, 10),
    ]


def measure(client: Client, page: Page, times: int) -> tuple[int, list[float]]:
    """Return the number of queries of one request, and the milliseconds of each of `times` later requests."""
    with CaptureQueriesContext(connection) as asked:
        response = client.get(page.path)
    queries = len(asked)
    if response.status_code != 200:
        sys.exit(f"{page.path} returned {response.status_code}.")
    took = []
    for _ in range(times):
        start = time.perf_counter()
        client.get(page.path)
        took.append((time.perf_counter() - start) * 1_000)
    return queries, took


def measure_export(client: Client, path: str) -> str:
    """Export a whole list and download the file. Return the rows, the times, and the memory of the process."""
    start = time.perf_counter()
    client.post(path)
    answered = time.perf_counter() - start
    export = Export.objects.latest("pk")
    while export.state == ExportState.RUNNING:
        time.sleep(0.05)
        export.refresh_from_db()
    written = time.perf_counter() - start
    if export.state != ExportState.DONE:
        sys.exit(f"{path} failed: {export.failure}")
    start = time.perf_counter()
    response: Any = client.get(f"/eum/exports/{export.pk}/file/")
    size = sum(len(part) for part in response.streaming_content)
    fetched = time.perf_counter() - start
    time.sleep(0.5)  # the process ends, and its memory can be asked for
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    return (
        f"{path:30}{export.row_count:11,}{answered * 1_000:9.0f}{written:9.1f}{export.row_count / written:9,.0f}"
        f"{size / 1e6:8.1f}{export.stored / 1e6:8.1f}{memory:10.0f}{fetched:10.1f}"
    )


def read_sizes() -> Namespace:
    """Return the sizes on the command line."""
    parser = ArgumentParser(prog="make bench-console", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--members", type=int, default=20_000, help="of the large group")
    parser.add_argument("--log-rows", type=int, default=1_000_000)
    parser.add_argument("--providers", type=int, default=200)
    parser.add_argument("--times", type=int, default=20, help="number of requests for each page")
    return parser.parse_args()


def main() -> None:
    """Fill a database, measure and print. Exit with 1 if a page needs more queries than its limit."""
    sizes = read_sizes()
    with tests.database.new_database():
        start = time.perf_counter()
        provider, group, user = company(sizes)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        print(
            f"{sizes.users:,} users, a group of {sizes.members:,}, {sizes.log_rows:,} log rows, {sizes.providers}"
            f" providers: filled in {time.perf_counter() - start:.0f} s\n"
        )
        client = Client()
        client.force_login(make_account("Administrator"))
        os.environ["DATABASE_URL"] = database_url()  # for the processes of the exports
        exports = [measure_export(client, f"/eum/{name}/export/") for name in ("users", "log", "groups")]
        too_many = False
        print(f"{'page':32}{'queries':>8}{'limit':>7}{'median ms':>11}{'worst':>7}{'limit':>7}")
        for page in pages(provider.pk, group, user):
            queries, took = measure(client, page, sizes.times)
            too_many |= queries > page.max_queries
            print(
                f"{page.name:32}{queries:8}{page.max_queries:7}{median(took):11.0f}{max(took):7.0f}{page.limit_ms:7}"
                + (" too many queries" if queries > page.max_queries else "")
            )
        print(
            f"\n{'export':30}{'rows':>11}{'click ms':>9}{'file s':>9}{'rows/s':>9}{'MB':>8}{'in db':>8}"
            f"{'memory MB':>10}{'fetch s':>10}"
        )
        print(*exports, sep="\n")
    sys.exit(1 if too_many else 0)


if __name__ == "__main__":
    main()
