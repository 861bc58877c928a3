"""Users and groups that a directory could not provision: one row for each of them and each reason.

The rows are the failed writes of the provisioning log, grouped. A row is resolved by what came after its last attempt:

* A creation: the user or group exists, created later under that name, or changed later with that externalId.
* A change: a later write of the same resource succeeded and asked for the same attributes. For members, which every
  request names differently, the same request must have succeeded, or one that replaced the whole group.
* A deletion, or any write of a resource that the directory has deleted since: the deletion succeeded.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from providers.models import ASKED_NAMES, RequestLog, like_all, sought_id
from providers.outcomes import CHANGES, WRITES

# At most this many failed writes are read, the newest ones.
MOST_ATTEMPTS = 20_000


@dataclass(frozen=True)
class Problem:
    """A user or group, the reason why it was not provisioned, and the attempts.

    `subject`, `display_name` and `external_id` are the last that were asked for; `resource_id` is None for a creation.
    `rejected` are the attributes that the requests were rejected for, [] if for all. `last_id` is the last request.
    """

    provider_id: int
    resource_type: str
    resource_id: UUID | None
    reason: str
    status: int
    subject: str
    display_name: str
    external_id: str
    actions: Sequence[str]
    rejected: Sequence[str]
    attempts: int
    first_at: datetime
    last_at: datetime
    last_id: UUID
    resolved_at: datetime | None

    @property
    def is_resolved(self) -> bool:
        return self.resolved_at is not None


@dataclass(frozen=True)
class Found:
    """One page of problems, and the numbers of all that were found and of those that are open."""

    problems: Sequence[Problem]
    count: int
    open_count: int


# What a later write must get through with: `needed` are the attributes, and `sent` is a request about members.
_NEEDED = """
  coalesce(l.resource_id::text, nullif(l.subject_key, ''), l.external_id) AS identity,
  CASE l.rejected WHEN '[]' THEN l.asked ELSE l.rejected END AS needed, l.method = 'DELETE' AS is_deletion,
  CASE WHEN l.asked ? 'members' THEN md5(l.request_body) ELSE '' END AS sent
"""
# When the last attempt of `a` was resolved, or NULL. Each part of the union has an index of its own, because there can
# be thousands of attempts and a million users.
_RESOLVED_AT = """
CASE WHEN a.identity = '' THEN NULL WHEN a.resource_id IS NULL THEN (
  SELECT min(CASE WHEN r.created >= date_trunc('milliseconds', a.last_at) THEN r.created ELSE r.last_modified END)
  FROM (
    SELECT created, NULL::timestamptz AS last_modified FROM providers_resource
    WHERE a.resource_type = 'User' AND resource_type = 'User' AND deleted_at IS NULL
      AND provider_id = a.provider_id AND user_name_key = a.subject_key
    UNION ALL SELECT created, NULL FROM providers_resource
    WHERE a.resource_type = 'User' AND resource_type = 'User' AND deleted_at IS NOT NULL
      AND provider_id = a.provider_id AND user_name_key = a.subject_key
    UNION ALL SELECT created, NULL FROM providers_resource
    WHERE a.resource_type = 'Group' AND resource_type = 'Group' AND deleted_at IS NULL
      AND provider_id = a.provider_id AND display_name_key = a.subject_key
    UNION ALL SELECT created, last_modified FROM providers_resource
    WHERE resource_type = a.resource_type AND deleted_at IS NULL
      AND provider_id = a.provider_id AND external_id = nullif(a.external_id, '')
  ) r WHERE greatest(r.created, r.last_modified) >= date_trunc('milliseconds', a.last_at))
ELSE (
  SELECT min(s.at) FROM providers_requestlog s
  WHERE s.resource_id = a.resource_id AND s.id >= a.last_id AND s.at > a.last_at
  AND s.outcome = 'success' AND s.method = ANY(%(changes)s)
  AND (s.method = 'DELETE' OR NOT a.is_deletion AND s.asked @> a.needed
    AND (a.sent = '' OR s.method = 'PUT' OR s.request_body <> '' AND md5(s.request_body) = a.sent)))
END
"""
_FOUND = """
WITH attempts AS (
  SELECT l.*, {needed} FROM providers_requestlog l
  WHERE l.is_problem AND l.action = ANY(%(writes)s) AND l.id >= providers_uuid7_floor(%(since)s) {narrowed}
  ORDER BY l.id DESC LIMIT %(most)s
), alike AS (
  SELECT provider_id, resource_type, resource_id, identity, reason, needed, is_deletion, sent, rejected,
    (array_agg(status ORDER BY id DESC))[1] AS status, to_jsonb(array_agg(DISTINCT action)) AS actions,
    (array_agg(subject ORDER BY id DESC) FILTER (WHERE subject <> ''))[1] AS subject,
    (array_agg(display_name ORDER BY id DESC) FILTER (WHERE display_name <> ''))[1] AS display_name,
    (array_agg(external_id ORDER BY id DESC) FILTER (WHERE external_id <> ''))[1] AS external_id,
    (array_agg(subject_key ORDER BY id DESC))[1] AS subject_key, (array_agg(id ORDER BY id DESC))[1] AS last_id,
    count(*) AS attempts, min(at) AS first_at, max(at) AS last_at
  FROM attempts
  -- A caller without a usable token or address, for an unknown user: the page of refused requests has it.
  WHERE (identity <> '' OR status NOT IN (401, 403))
  AND provider_id IN (SELECT id FROM providers_provider WHERE deleted_at IS NULL)
  GROUP BY provider_id, resource_type, resource_id, identity, reason, needed, is_deletion, sent, rejected
), judged AS MATERIALIZED (
  SELECT a.*, {resolved_at} AS resolved_at FROM alike a
), found AS (
  SELECT provider_id, resource_type, identity, reason,
    CASE WHEN bool_and(resolved_at IS NOT NULL) THEN max(resolved_at) END AS resolved_at,
    (array_agg(resource_id))[1] AS resource_id, (array_agg(status ORDER BY last_id DESC))[1] AS status,
    coalesce((array_agg(subject ORDER BY last_id DESC) FILTER (WHERE subject <> ''))[1], '') AS subject,
    coalesce((array_agg(display_name ORDER BY last_id DESC) FILTER (WHERE display_name <> ''))[1], '') AS display_name,
    coalesce((array_agg(external_id ORDER BY last_id DESC) FILTER (WHERE external_id <> ''))[1], '') AS external_id,
    (array_agg(actions ORDER BY last_id DESC))[1] AS actions,
    (array_agg(rejected ORDER BY last_id DESC))[1] AS rejected,
    sum(attempts)::bigint AS attempts, min(first_at) AS first_at, max(last_at) AS last_at,
    (array_agg(last_id ORDER BY last_id DESC))[1] AS last_id
  FROM judged GROUP BY provider_id, resource_type, identity, reason
)
SELECT provider_id, resource_type, resource_id, reason, status, subject, display_name, external_id, actions, rejected,
  attempts, first_at, last_at, last_id, resolved_at,
  count(*) OVER (), count(*) FILTER (WHERE resolved_at IS NULL) OVER ()
FROM found WHERE %(resolved)s::boolean IS NULL OR (resolved_at IS NOT NULL) = %(resolved)s
ORDER BY resolved_at IS NOT NULL, last_id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_EACH = """
SELECT a.id, {resolved_at} FROM (
  SELECT l.*, {needed}, l.id AS last_id, l.at AS last_at FROM providers_requestlog l WHERE l.id = ANY(%(ids)s)
) a
"""
_OF_PROVIDER = "AND l.provider_id = %(provider)s"
# An index has exactly this expression and this condition (migration 0019).
_NAMED = """AND l.id IN (
  SELECT id FROM providers_requestlog WHERE is_problem AND subject || external_id <> ''
    AND {named}
  UNION ALL SELECT id FROM providers_requestlog WHERE resource_id = ANY(%(resources)s) AND is_problem)"""
_CREATIONS = "AND l.resource_id IS NULL"


def find_problems(
    since: datetime,
    *,
    limit: int,
    offset: int = 0,
    provider_id: int | None = None,
    is_resolved: bool | None = None,
    text: str = "",
    resources: Collection[UUID] = (),
    only_creations: bool = False,
    can_see_names: bool = True,
) -> Found:
    """Return the problems since a moment, the open ones first and then the newest. One statement.

    `text`: only those with every word of it in the names or the externalId that were asked for, and those of
    `resources`; without `can_see_names`, those about users only if it is their complete object id. The counts are 0 for
    a page that has no rows.
    """
    narrowed = [_OF_PROVIDER] if provider_id is not None else []
    named, patterns = like_all(ASKED_NAMES, text)
    words = {f"word{number}": pattern for number, pattern in enumerate(patterns)}
    named = named % tuple(f"%({name})s" for name in words)
    named += "" if can_see_names else " AND (resource_type = 'Group' OR external_id = %(sought)s)"
    narrowed += [_NAMED.replace("{named}", named)] if text else []
    narrowed += [_CREATIONS] if only_creations else []
    values: dict[str, Any] = {
        "writes": [action.value for action in WRITES],
        "changes": list(CHANGES),
        "since": since,
        "most": MOST_ATTEMPTS,
        "provider": provider_id,
        **words,
        "sought": sought_id(text),
        "resources": list(resources),
        "resolved": is_resolved,
        "limit": limit,
        "offset": offset,
    }
    statement = _with_parts(_FOUND).replace("{narrowed}", " ".join(narrowed))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    count, open_count = rows[0][-2:] if rows else (0, 0)
    return Found([_problem(row[:-2]) for row in rows], count, open_count)


def _problem(row: Sequence[Any]) -> Problem:
    columns = list(Problem.__dataclass_fields__)
    lists = {name: json.loads(row[columns.index(name)]) for name in ("actions", "rejected")}
    return Problem(**{**dict(zip(columns, row, strict=True)), **lists})


def resolutions(failed: Iterable[RequestLog]) -> dict[UUID, datetime]:
    """Return when each failed write was resolved, by the id of its request; without those that are open. One query."""
    ids = [row.id for row in failed if row.action in WRITES]
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_with_parts(_EACH), {"ids": ids, "changes": list(CHANGES)})
        return {request_id: at for request_id, at in cursor.fetchall() if at}


def _with_parts(statement: str) -> str:
    return statement.replace("{needed}", _NEEDED).replace("{resolved_at}", _RESOLVED_AT)
