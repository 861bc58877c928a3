"""`make bench-indexes` shows what each index costs a change: the bytes of WAL by table and index, and CPU.

It fills a database of its own with users, then sends real SCIM requests through the product, in this process. WAL is
read by pg_walinspect, so the command needs the embedded PostgreSQL, or a superuser's DATABASE_URL. Images of whole
pages, which PostgreSQL writes once after each checkpoint, are counted apart: their number depends on how many changes
share a page between two checkpoints. What the index of search texts collects is written before and after the
measurement, so the requests bear all of its costs, as they do in the long run.

CPU is that of the backend, by its scheduler's counters (Linux only). A request is measured with each index dropped, in
a transaction that is rolled back.
"""

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable
from io import BytesIO
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import django

import tests.database  # sets the database before Django reads its settings

os.environ["PROVIDER_RATE"] = "0"  # no limit
django.setup()  # models cannot be imported before this

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from bench.fill import add_users  # noqa: E402
from providers import request_log  # noqa: E402
from scim.protocol.attributes import ENTERPRISE_USER, USER  # noqa: E402
from tests.factories import issue, make_provider  # noqa: E402

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# A record may touch several pages; it counts for the table or index of the first.
_WAL = """
WITH record AS (SELECT start_lsn, record_length - fpi_length AS bytes FROM pg_get_wal_records_info(%s, %s)),
block AS (SELECT start_lsn, relfilenode FROM pg_get_wal_block_info(%s, %s, false) WHERE block_id = 0)
SELECT coalesce(regexp_replace(c.relname, '_(rest|\\d{6})', ''), 'commit and other'), sum(bytes)::float8
FROM record LEFT JOIN block USING (start_lsn) LEFT JOIN pg_class c USING (relfilenode) GROUP BY 1
"""
_IMAGES = "SELECT sum(fpi_length)::float8 FROM pg_get_wal_records_info(%s, %s)"
_DROPPED = """
SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_index
WHERE indrelid IN ('providers_resource'::regclass, 'providers_sought'::regclass) AND NOT indisprimary ORDER BY 2
"""


class Directory:
    """A provider's client, which sends each kind of change. Each request is for another user, chosen by chance."""

    def __init__(self, token: str, users: list[str]) -> None:
        self.token, self.users, self.numbers = token, users, count(1)
        self.members: list[str] = []
        self.application: Any = WSGIHandler()
        self.group = self.send("POST", "/Groups", {"displayName": f"Ward {uuid4()}"})["id"]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request. Return the response; raises AssertionError for an error."""
        sent, statuses = json.dumps(body).encode() if body else b"", []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": f"/scim{path}",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {self.token}",
            "CONTENT_TYPE": "application/scim+json",
            "CONTENT_LENGTH": str(len(sent)),
            "wsgi.input": BytesIO(sent),
            "wsgi.url_scheme": "http",
        }
        response = self.application(environ, lambda status, headers: statuses.append(status))
        text = b"".join(response)
        response.close()
        assert statuses[0].startswith("2"), (method, path, statuses, text)
        return json.loads(text) if text else None

    def user(self) -> dict[str, Any]:
        """A user as Entra ID sends one, about 900 bytes."""
        number = next(self.numbers)
        name = f"anna.jansen.{number}.{uuid4().hex[:6]}@contoso.example"
        return {
            "schemas": [USER.schema.id, ENTERPRISE_USER],
            "userName": name,
            "externalId": str(uuid4()),
            "active": True,
            "displayName": f"Anna Jansen {number}",
            "name": {"givenName": "Anna", "familyName": "Jansen", "formatted": "Anna Jansen"},
            "title": "Nurse",
            "preferredLanguage": "nl-NL",
            "emails": [{"value": name, "type": "work", "primary": True}],
            "phoneNumbers": [{"type": "work", "value": f"+31 20 55{number:06}"}],
            "addresses": [{"type": "work", "streetAddress": "Kade 12", "locality": "Amsterdam", "country": "NL"}],
            ENTERPRISE_USER: {"employeeNumber": f"{number:06}", "department": "Care", "manager": {"value": "0190a1b2"}},
        }

    def create(self) -> None:
        self.send("POST", "/Users", self.user())

    def patch_mail(self) -> None:
        """Entra's incremental cycle: title and e-mail."""
        number = next(self.numbers)
        self._patch({"title": f"Nurse {number}", 'emails[type eq "work"].value': f"anna.{number}@mail.example"})

    def patch_title(self) -> None:
        self._patch({"title": f"Nurse {next(self.numbers)}"})

    def patch_active(self) -> None:
        self._patch({"active": False})

    def put(self) -> None:
        self.send("PUT", f"/Users/{self.users.pop()}", self.user())

    def add_member(self) -> None:
        user = self.users.pop()
        self._patch_group({"op": "Add", "path": "members", "value": [{"value": user}]})
        self.members.append(user)

    def remove_member(self) -> None:
        self._patch_group({"op": "Remove", "path": f'members[value eq "{self.members.pop()}"]'})

    def delete(self) -> None:
        self.send("DELETE", f"/Users/{self.users.pop()}")

    def _patch(self, values: dict[str, Any]) -> None:
        operations = [{"op": "Replace", "path": path, "value": value} for path, value in values.items()]
        self.send("PATCH", f"/Users/{self.users.pop()}", {"schemas": [_PATCH], "Operations": operations})

    def _patch_group(self, operation: dict[str, Any]) -> None:
        self.send("PATCH", f"/Groups/{self.group}", {"schemas": [_PATCH], "Operations": [operation]})


def one(sql: str, *values: Any) -> Any:
    """The only value of a query's only row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()[0]


def wal_of(act: Callable[[], None], times: int) -> tuple[dict[str, float], float]:
    """Return the bytes of WAL of one request, by table and index, and those of images of pages after a checkpoint."""
    for _ in range(20):
        act()
    with connection.cursor() as cursor:
        one("SELECT gin_clean_pending_list('sought_text')")
        cursor.execute("CHECKPOINT")
        start = one("SELECT pg_current_wal_insert_lsn()")
        for _ in range(times):
            act()
        one("SELECT gin_clean_pending_list('sought_text')")
        end = one("SELECT pg_current_wal_insert_lsn()")
        cursor.execute("SELECT pg_switch_wal()")  # so that all of it can be read
        cursor.execute(_WAL, [start, end, start, end])
        return {name: total / times for name, total in cursor.fetchall()}, one(_IMAGES, start, end) / times


def cpu_of(act: Callable[[], None], times: int) -> float:
    """Return the CPU time that one request takes in the database, in ms: the median."""
    counter = Path(f"/proc/{one('SELECT pg_backend_pid()')}/schedstat")
    taken = []
    for _ in range(times + 20):
        before = int(counter.read_text().split()[0])
        act()
        taken.append((int(counter.read_text().split()[0]) - before) / 1e6)
    request_log.writer._reset()
    return median(taken[20:])


def show_wal(acts: dict[str, Callable[[], None]], times: int) -> None:
    figures: dict[str, dict[str, float]] = {}
    for name, act in acts.items():
        parts, images = wal_of(act, times)
        figures[name] = {"all, without images": sum(parts.values()), "images after a checkpoint": images, **parts}
    rows = {part: None for parts in figures.values() for part in parts}
    print(f"\n| WAL, bytes of one change | {' | '.join(figures)} |\n|---|{'---|' * len(figures)}")
    for part in sorted(rows, key=lambda part: -sum(parts.get(part, 0) for parts in figures.values())):
        print(f"| {part} | {' | '.join(f'{parts.get(part, 0):,.0f}' for parts in figures.values())} |")


def show_cpu(acts: dict[str, Callable[[], None]], times: int) -> None:
    """Print what a request takes less without each index. Differences below 0.03 ms are noise."""
    with connection.cursor() as cursor:
        cursor.execute(_DROPPED)
        indexes = cursor.fetchall()
    print(f"\n| database CPU, ms of one change | {' | '.join(acts)} |\n|---|{'---|' * len(acts)}")
    whole = {name: cpu_of(act, times) for name, act in acts.items()}
    print(f"| all | {' | '.join(f'{value:.2f}' for value in whole.values())} |")
    for table, index in indexes:
        saved = []
        for act in acts.values():
            with transaction.atomic(), connection.cursor() as cursor:
                with_index = cpu_of(act, times)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {index}")
                cursor.execute(f"DROP INDEX IF EXISTS {index}")
                saved.append(with_index - cpu_of(act, times))
                transaction.set_rollback(True)
        print(f"| {index} | {' | '.join(f'{value:+.2f}' for value in saved)} |", flush=True)


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=800)
    parser.add_argument("--cpu", action="store_true", help="also what a change takes without each index")
    options = parser.parse_args()
    with tests.database.new_database():
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION pg_walinspect")
            cursor.execute("ALTER SYSTEM SET full_page_writes = on")
            cursor.execute("SELECT pg_reload_conf()")
        request_log.writer.start = lambda: None  # type: ignore[method-assign]
        provider = make_provider("Contoso Entra ID")
        users = add_users(provider.pk, options.users)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("SELECT setseed(0.5)")
            cursor.execute(
                "SELECT id::text FROM providers_resource WHERE id = ANY(%s::uuid[]) AND active ORDER BY random()",
                [users],
            )
            directory = Directory(issue(provider)[1], [found for (found,) in cursor.fetchall()])
        for _ in range(options.requests + 20):
            directory.add_member()  # to be removed
        acts = {
            "create": directory.create,
            "PATCH title and e-mail": directory.patch_mail,
            "PATCH title": directory.patch_title,
            "PATCH active": directory.patch_active,
            "PUT": directory.put,
            "add a member": directory.add_member,
            "remove a member": directory.remove_member,
            "delete": directory.delete,
        }
        show_wal(acts, options.requests)
        request_log.writer._reset()  # its rows would be written when this process ends, without their database
        if options.cpu:
            show_cpu({name: act for name, act in acts.items() if name != "remove a member"}, options.requests // 4)
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET full_page_writes = off")
            cursor.execute("SELECT pg_reload_conf()")


if __name__ == "__main__":
    main()
