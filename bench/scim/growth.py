"""Growth: the same requests with more and more users, and with larger and larger groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import orjson
import psycopg

from bench.scim.counters import Database
from bench.scim.measure import FAULTS, Batch, batch, reason_of, try_once
from bench.scim.servers import Server, manage
from bench.scim.wire import Request
from bench.scim.workloads import (
    EMPTY,
    Known,
    Steps,
    User,
    Workload,
    WrongError,
    add_member,
    create,
    cursor_pages,
    find_by_external_id,
    find_by_name,
    get,
    group_head,
    group_with_members,
    list_page,
    patch_as_entra,
    require,
)

SAMPLE = 400
ROUNDS = 3

_USERS = """
SELECT id::text, document::text FROM providers_resource
WHERE resource_type = 'User' AND deleted_at IS NULL AND id >= (SELECT id FROM providers_resource
  WHERE resource_type = 'User' AND deleted_at IS NULL ORDER BY id OFFSET %s LIMIT 1)
ORDER BY id LIMIT %s
"""
_NEWEST_GROUP = "SELECT id::text FROM providers_resource WHERE resource_type = 'Group' ORDER BY id DESC LIMIT 1"
_MEMBERS = "SELECT member_id::text FROM providers_membership WHERE group_id = %s AND left_at IS NULL"


@dataclass
class Curve:
    """One workload, with its figures for each size."""

    name: str
    cpu: dict[int, float] = field(default_factory=dict)  # server and database, in times the empty view
    cpu_ms: dict[int, float] = field(default_factory=dict)
    p50_ms: dict[int, float] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)


def _deep(total: int) -> Callable[[Known], Steps]:
    def page(known: Known) -> Steps:
        answer = yield Request("GET", f"/Users?startIndex={max(total * 9 // 10, 1)}&count=100")
        require(answer, 200)
        if len(answer.json["Resources"]) != 100:
            raise WrongError("not a page")

    return page


def _number_only(known: Known) -> Steps:
    answer = yield Request("GET", "/Users?count=0")
    require(answer, 200)
    if answer.json["totalResults"] < len(known.users):
        raise WrongError("not a total")


def of_users(total: int) -> tuple[Workload, ...]:
    """Return the workloads that are measured with more and more users, now `total`."""
    return (
        Workload("get", get),
        Workload("filter userName", find_by_name),
        Workload("filter externalId", find_by_external_id),
        Workload("create", create),
        Workload("PATCH as Entra ID sends it", patch_as_entra),
        Workload("first page of 100, with its total", list_page, 10),
        Workload("count=0", _number_only, 10),
        Workload("page at nine tenths", _deep(total), 5),
        Workload("cursor page of 100", cursor_pages, 2),
    )


def of_groups(size: int) -> tuple[Workload, ...]:
    return (
        Workload("add and remove a member", add_member(size), 20, size=size),
        Workload("group without members", group_head(size), size=size),
        Workload("group with members", group_with_members(size), 10, size=size),
    )


def grow_users(
    server: Server, floor: Server, url: str, provider: str, database: Database, sizes: Sequence[int], say: Any
) -> list[Curve]:
    """Fill the server's provider step by step, and measure at each size."""
    curves = {row.name: Curve(row.name) for row in of_users(0)}
    have = 0
    for size in sizes:
        say(f"  {size:,} users")
        manage(url, "fill", provider, "--users", str(size - have))
        have = size
        server.known = Known(users=_sample(url, size), number=10_000_000 + size)
        for row in of_users(size):
            _measure(curves[row.name], size, server, floor, row, database)
    return list(curves.values())


def grow_groups(
    server: Server, floor: Server, url: str, provider: str, database: Database, sizes: Sequence[int], say: Any
) -> list[Curve]:
    """Make a group of each size, and measure each. The users of the server are outside of them."""
    curves = {row.name: Curve(row.name) for row in of_groups(0)}
    known = server.known
    for size in sizes:
        say(f"  a group of {size:,}")
        manage(url, "fill", provider, "--groups", "1", "--members", str(size))
        with psycopg.connect(url) as connection:
            [[known.groups[size]]] = connection.execute(_NEWEST_GROUP).fetchall()
            known.members[size] = [one for (one,) in connection.execute(_MEMBERS, [known.groups[size]])]
        for row in of_groups(size):
            _measure(curves[row.name], size, server, floor, row, database)
    return list(curves.values())


def _sample(url: str, total: int) -> list[User]:
    """Users from the middle, as the server has them."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_USERS, [max(total // 2 - SAMPLE // 2, 0), SAMPLE]).fetchall()
    return [User(pk, orjson.loads(document)) for pk, document in rows]


def _measure(curve: Curve, size: int, server: Server, floor: Server, row: Workload, database: Database) -> None:
    if wrong := try_once(server, row):
        curve.wrong[size] = wrong
        return
    made: list[tuple[Batch, float]] = []
    try:
        for _ in range(ROUNDS):
            unit = batch(floor, EMPTY, None).server_ms
            made.append((batch(server, row, database), unit))
    except FAULTS as error:
        curve.wrong[size] = reason_of(error)
        return
    curve.cpu[size] = median((one.server_ms + one.database_ms) / unit for one, unit in made)
    curve.cpu_ms[size] = median(one.server_ms + one.database_ms for one, _unit in made)
    curve.p50_ms[size] = median([time for one, _unit in made for time in one.times_ms])
