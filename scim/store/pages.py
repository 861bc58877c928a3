"""A page of a list (RFC 7644 §3.4.2): mostly one statement for its resources, and at most one for the total.

The total of a list without a filter is kept, and comes with the resources. That of a filter is counted.

A page ends before its resources have more than `max_bytes`, so it may have fewer than `count` (§3.4.2.4). Only a single
resource is ever larger. No statement makes much more than fits:

    `_plain`    The documents of the window's rows, up to a sum of their sizes; of each row at most an equal share of
                what all members (or groups) may have. It costs nothing more than a statement without limits, and is
                enough unless a row has more than its share.
    `_exact`    Then this one follows. It reads the members of one row after the other, adds up their sizes, and stops
                at a number that cannot fit. The first row comes without JSON if it does not fit alone, and is read by
                itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from django.conf import settings
from django.db import connection

from providers.totals import LIVE_TOTAL
from scim.protocol.attributes import ResourceType
from scim.protocol.listing import ListQuery, Sort
from scim.protocol.projection import Projection
from scim.store.answers import BODY, DIGEST, JOINED, NO_RELATION, elements_of, projected, read_large
from scim.store.cursors import seal, unseal
from scim.store.filters import TRUE, Sql
from scim.store.sorting import beyond, order_by, sort_key
from scim.store.spool import Spool
from scim.store.windows import Row, Window

# An element of `groups` or `members` counts as at least so many bytes, so that a number of them has a limit too.
_SHORTEST = 100


@dataclass(frozen=True)
class Page:
    """A page of a list: resources as JSON, the total, and the cursors of the pages around it ("": there is none).

    A `Spool` is the only resource of its page.
    """

    resources: Sequence[tuple[ResourceType, bytes | Spool]]
    total: int
    next_cursor: str = ""
    previous_cursor: str = ""


@dataclass(frozen=True)
class Part:
    """A resource type in a list: which resources, and which attributes of each."""

    resource_type: ResourceType
    where: Sql
    projection: Projection


def read_page(provider_id: int, parts: Sequence[Part], query: ListQuery, cursor_timeout_s: int, max_bytes: int) -> Page:
    """Read live resources of `parts`, in the order and the window that the query asks for.

    Raises `ScimError` invalidCursor, expiredCursor.
    """
    by_name = {part.resource_type.name: part for part in parts}
    scope = (provider_id, *by_name, str(query.filter or ""), query.sort and str(query.sort))
    position = unseal(query.cursor, cursor_timeout_s, *scope) if query.cursor else None
    window = Window(query.count, query.start_index, query.cursor is not None, position)
    found = _found(provider_id, parts)
    kept = _kept_total(provider_id, parts)
    fetched = _read_rows(parts, found, kept, query.sort, window, max_bytes) if window.limit else Fetched()
    shown = window.show(fetched.rows, fetched.number)
    total = fetched.total if shown.total is None else shown.total
    if total is None:
        total = _read_total(kept or _count(found))
    resources = []
    for row_id, _, name, body in shown.rows:
        part = by_name[name]
        if body is None:
            large = read_large(provider_id, part.resource_type, UUID(row_id), part.projection)
            if large is None:  # deleted since
                return read_page(provider_id, parts, query, cursor_timeout_s, max_bytes)
            body = large.body
        resources.append((part.resource_type, body))
    following, previous = shown.next(total), shown.previous(total)
    return Page(
        resources,
        total,
        next_cursor=seal(following, *scope) if following else "",
        previous_cursor=seal(previous, *scope) if previous else "",
    )


def _found(provider_id: int, parts: Sequence[Part]) -> Sql:
    """The condition that a live resource `r` of this provider belongs to one of the parts."""
    chosen = " OR ".join(f"(r.resource_type = %s AND ({part.where.text}))" for part in parts)
    params = (param for part in parts for param in (part.resource_type.name, *part.where.params))
    return Sql(f"r.provider_id = %s AND r.deleted_at IS NULL AND ({chosen})", (provider_id, *params))


def _kept_total(provider_id: int, parts: Sequence[Part]) -> Sql | None:
    """SQL for the number of all live resources of the parts; None if a filter chooses among them."""
    if any(part.where != TRUE for part in parts):
        return None
    return Sql(LIVE_TOTAL, (provider_id, [part.resource_type.name for part in parts]))


def _count(found: Sql) -> Sql:
    return Sql(f"(SELECT count(*) FROM providers_resource r WHERE {found.text})", found.params)


def _read_total(total: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {total.text}", total.params)
        (number,) = cursor.fetchone()
    return int(number)


# The size of a document in memory, about that of its text. Only a compressed one has to be read for it.
_SIZE = """
CASE WHEN pg_column_compression(r.document) IS NULL THEN pg_column_size(r.document)
  ELSE pg_column_size(r.document || '{}') END
"""
# `size` is that of the documents up to this row, `found` the number of rows in the window.
_WINDOW = f"""
SELECT r.id, r.sort_key, r.resource_type, r.version, r.created, r.last_modified, r.document,
  row_number() OVER () AS place, count(*) OVER () AS found, sum({_SIZE}) OVER (ROWS UNBOUNDED PRECEDING) AS size
"""
# From this offset on, and in any order but that of the ids, ids and keys are chosen first, and then the page's rows are
# read. Otherwise whole rows would be skipped or sorted.
FAR = 1_000
_COLUMNS = "r.id::text, r.sort_key::text, r.resource_type, r.found, r.total"


@dataclass(frozen=True)
class Fetched:
    """The rows that a page shows: id, sort key, type and JSON; how many its window has, and the total if it is kept.

    The JSON is None for a first row that is too large alone.
    """

    rows: Sequence[Row] = ()
    number: int = 0
    total: int | None = None


def _read_rows(
    parts: Sequence[Part], found: Sql, kept: Sql | None, sort: Sort | None, window: Window, max_bytes: int
) -> Fetched:
    key = sort_key(sort, [part.resource_type for part in parts])
    start = beyond(window.position, sort, key) if window.position else TRUE
    order = order_by(sort, is_backward=window.is_backward)
    total = kept if kept and not window.position else Sql("NULL::bigint")
    is_late = sort is not None or window.offset >= FAR
    columns = "r.id, r.sort_key" if is_late else "r.*"
    rows = Sql(
        f"SELECT {columns} FROM (SELECT r.*, {key.sql.text} AS sort_key FROM providers_resource r"
        f" WHERE {found.text}) r WHERE {start.text} ORDER BY {order} LIMIT %s OFFSET %s",
        (*key.sql.params, *found.params, *start.params, window.limit, window.offset),
    )
    if is_late:
        text = f"SELECT r.*, k.sort_key FROM ({rows.text}) k JOIN providers_resource r ON r.id = k.id"
        rows = Sql(f"SELECT * FROM ({text}) r ORDER BY {order}", rows.params)
    rows = Sql(f"{_WINDOW}, {total.text} AS total FROM ({rows.text}) r", (*total.params, *rows.params))
    elements = _elements_of_parts(parts)
    has_users = any(part.resource_type.name == "User" for part in parts)
    digest = DIGEST if has_users else "NULL"
    fetched = _fetch(_plain(rows, elements, digest, window.limit, max_bytes), parts, max_bytes)
    if fetched is None:
        assert elements is not None, "a row has no more than its share of nothing"
        fetched = _fetch(_exact(rows, elements, digest, max_bytes), parts, max_bytes)
        assert fetched is not None, "that statement leaves out what does not fit"
    return fetched


def _fetch(statement: Sql, parts: Sequence[Part], max_bytes: int) -> Fetched | None:
    """The rows up to `max_bytes`; None if a row among them has more than its share."""
    by_name = {part.resource_type.name: part for part in parts}
    rows: list[Row] = []
    number = size = 0
    total = None
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        while fetched := cursor.fetchmany(20):  # text takes up to four times the memory of bytes, so not all at once
            for row_id, key, name, number, total, has_all, text in fetched:
                if not has_all:
                    return None
                part = by_name[name]
                body = None if text is None else projected(text, part.projection, part.resource_type)
                size += len(body or b"")
                if rows and size > max_bytes:  # the sizes in the statement are not exact
                    return Fetched(rows, number, total)
                rows.append((row_id, key, name, body))
    return Fetched(rows, number, total)


def _plain(rows: Sql, elements: Sql | None, digest: str, limit: int, max_bytes: int) -> Sql:
    """The rows whose documents fit, each with its share of elements; and whether these are all."""
    relation = Sql(f"(SELECT *, TRUE AS has_all FROM {NO_RELATION} q)")
    if elements is not None:
        share = min(2 * max_bytes // limit, max_bytes)
        most = share // _SHORTEST + 1
        relation = Sql(
            f"(SELECT {JOINED}, {digest} AS digest, count(*) < %s AS has_all FROM ({elements.text} LIMIT %s) m)",
            (most, *elements.params, most),
        )
        if "JOIN" in elements.text:  # with names, elements are of any length
            relation = Sql(
                f"(SELECT min(m.name) AS name, string_agg(m.json, ',') FILTER (WHERE m.size <= %s) AS list,"
                f" {digest} AS digest, count(*) < %s AND COALESCE(max(m.size), 0) <= %s AS has_all"
                " FROM (SELECT m.*, sum(octet_length(m.json)) OVER (ROWS UNBOUNDED PRECEDING) AS size"
                f" FROM ({elements.text} LIMIT %s) m) m)",
                (share, most, share, *elements.params, most),
            )
    text = (
        f"SELECT {_COLUMNS}, n.has_all, {BODY} FROM ({rows.text}) r LEFT JOIN LATERAL {relation.text} n ON TRUE"
        " WHERE r.place = 1 OR r.size <= %s ORDER BY r.place"
    )
    return Sql(text, (settings.OPTIONS.scim_url, *rows.params, *relation.params, max_bytes))


# The elements of the rows, one row after the other. `fits`: documents and elements up to here are not too large.
_RELATED = f"""
SELECT m.place, {JOINED}, {{digest}} AS digest, bool_and(m.fits) AS fits
FROM (SELECT m.*,
    m.size + sum(GREATEST(octet_length(m.json), {_SHORTEST}))
      OVER (ORDER BY m.place ROWS UNBOUNDED PRECEDING) <= %s AS fits
  FROM (SELECT r.place, r.size, m.name, m.id, m.json
    FROM (SELECT place, id, resource_type, size FROM page ORDER BY place) r LEFT JOIN LATERAL ({{elements}}) m ON TRUE
    ORDER BY r.place LIMIT %s) m) m
GROUP BY m.place
"""


def _exact(rows: Sql, elements: Sql, digest: str, max_bytes: int) -> Sql:
    """The rows that fit with all their elements, and the first one anyway."""
    related = _RELATED.format(digest=digest, elements=elements.text)
    text = (
        f"WITH page AS MATERIALIZED ({rows.text}), related AS ({related})"
        f" SELECT {_COLUMNS}, TRUE, CASE WHEN n.fits THEN {BODY} END FROM page r JOIN related n ON n.place = r.place"
        " WHERE n.fits OR n.place = 1 ORDER BY r.place"
    )
    most = max_bytes // _SHORTEST + 1  # the last of so many does not fit
    return Sql(text, (*rows.params, max_bytes, *elements.params, most, settings.OPTIONS.scim_url))


def _elements_of_parts(parts: Sequence[Part]) -> Sql | None:
    """The same for a list: the type of each resource `r` decides which of the queries runs."""
    asked = [(part, elements_of(part.resource_type, part.projection, Sql("r.id"))) for part in parts]
    found = [(part.resource_type.name, elements) for part, elements in asked if elements]
    if len(parts) == 1 or not found:
        return found[0][1] if found else None
    text = " UNION ALL ".join(f"SELECT * FROM ({one.text}) q WHERE r.resource_type = %s" for _, one in found)
    return Sql(text, tuple(chain.from_iterable((*one.params, name) for name, one in found)))
