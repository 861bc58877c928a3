"""What must hold in the database whatever was sent. Each invariant is a row of `INVARIANTS` or a function here.

The statements find what violates an invariant. They read whole tables, so they are for the end of a run.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection

from fuzz.tally import Checked
from providers.models import TEST_PREFIX, Provider, Resource
from providers.resources.rows import Row, differences
from providers.schemas import resource_types_of
from scim.store.columns import row_of


@dataclass(frozen=True)
class Invariant:
    """`rows` counts what is checked; `violations` finds what violates it, as text."""

    name: str
    rows: str
    violations: str


_RESOURCES = "SELECT count(*) FROM providers_resource"
_MEMBERSHIPS = "SELECT count(*) FROM providers_membership"
_EVENTS = "SELECT count(*) FROM providers_changeevent WHERE resource_id IS NOT NULL"
_REQUESTS = "SELECT count(*) FROM providers_requestlog"
# Purging removes a resource and its memberships and keeps its events, so those without a resource prove nothing.
_OF_PURGED = "NOT EXISTS (SELECT 1 FROM providers_resource r WHERE r.id = e.resource_id)"

INVARIANTS = (
    Invariant(
        "names are unique among live resources of a provider",
        f"{_RESOURCES} WHERE deleted_at IS NULL",
        """SELECT provider_id || ' ' || resource_type || ' ' || key FROM (
             SELECT provider_id, resource_type,
               CASE WHEN resource_type = 'User' THEN user_name_key ELSE display_name_key END AS key
             FROM providers_resource WHERE deleted_at IS NULL) named
           WHERE key IS NOT NULL GROUP BY provider_id, resource_type, key HAVING count(*) > 1""",
    ),
    Invariant(
        "the kept numbers of users and groups are those that are there",
        _RESOURCES,
        """SELECT provider_id || ' ' || resource_type FROM (
             SELECT provider_id, resource_type, (deleted_at IS NULL)::int AS live,
               (deleted_at IS NULL AND active IS FALSE)::int AS disabled, (deleted_at IS NOT NULL)::int AS deleted
             FROM providers_resource
             UNION ALL SELECT provider_id, resource_type, -live, -disabled, -deleted FROM providers_resourcecount) n
           GROUP BY provider_id, resource_type HAVING sum(live) <> 0 OR sum(disabled) <> 0 OR sum(deleted) <> 0""",
    ),
    Invariant(
        "what a resource is found by is what its row has",
        _RESOURCES,
        """SELECT coalesce(r.id, s.resource_id)::text FROM providers_resource r
           FULL JOIN providers_sought s ON s.resource_id = r.id
           WHERE s.text IS DISTINCT FROM r.search_text OR s.indexed IS DISTINCT FROM providers_indexed(r.folded)""",
    ),
    Invariant(
        "a membership has the provider of both its ends, a group and the type of its member",
        _MEMBERSHIPS,
        """SELECT m.id::text FROM providers_membership m
           LEFT JOIN providers_resource g ON g.id = m.group_id LEFT JOIN providers_resource x ON x.id = m.member_id
           WHERE g.id IS NULL OR x.id IS NULL OR g.provider_id <> m.provider_id OR x.provider_id <> m.provider_id
             OR g.resource_type <> 'Group' OR x.resource_type <> m.member_type OR m.group_id = m.member_id""",
    ),
    Invariant(
        "a current membership has two live ends and no ending",
        _MEMBERSHIPS,
        """SELECT m.id::text FROM providers_membership m
           JOIN providers_resource g ON g.id = m.group_id JOIN providers_resource x ON x.id = m.member_id
           WHERE CASE WHEN m.left_at IS NULL
             THEN g.deleted_at IS NOT NULL OR x.deleted_at IS NOT NULL OR m.ending <> '' OR m.left_event IS NOT NULL
             ELSE m.ending = '' OR m.left_event IS NULL OR m.left_at < m.joined_at END""",
    ),
    Invariant(
        "a member is in a group once",
        f"{_MEMBERSHIPS} WHERE left_at IS NULL",
        """SELECT group_id || ' ' || member_id FROM providers_membership WHERE left_at IS NULL
           GROUP BY group_id, member_id HAVING count(*) > 1""",
    ),
    Invariant(
        "memberships begin and end with an event, which counts them",
        f"{_EVENTS} AND resource_type = 'Group' AND kind IN ('resource.changed', 'group.members')",
        f"""SELECT e.id::text FROM providers_changeevent e
           LEFT JOIN (SELECT joined_event AS id, count(*) AS n FROM providers_membership GROUP BY 1) j ON j.id = e.id
           LEFT JOIN (SELECT left_event AS id, count(*) AS n FROM providers_membership
                      WHERE ending = 'removed' GROUP BY 1) l ON l.id = e.id
           CROSS JOIN LATERAL (
             SELECT coalesce(sum((c ->> 'added')::int), 0) AS added, coalesce(sum((c ->> 'removed')::int), 0) AS removed
             FROM jsonb_array_elements(e.changes) c WHERE c ->> 'path' = 'members' AND c ? 'added') said
           WHERE e.resource_type = 'Group' AND e.kind IN ('resource.changed', 'group.members') AND NOT {_OF_PURGED}
             AND NOT EXISTS (SELECT 1 FROM providers_changeevent p WHERE p.kind = 'resource.purged'
                             AND p.provider_id = e.provider_id)
             AND (coalesce(j.n, 0) <> said.added OR coalesce(l.n, 0) <> said.removed)""",
    ),
    Invariant(
        "each event that a membership names exists",
        _MEMBERSHIPS,
        """SELECT m.id::text FROM providers_membership m
           WHERE NOT EXISTS (SELECT 1 FROM providers_changeevent e WHERE e.id = m.joined_event)
             OR (m.left_event IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM providers_changeevent e WHERE e.id = m.left_event))""",
    ),
    Invariant(
        "each event of a resource has a version of its own, in the order of the events",
        _EVENTS,
        """SELECT id::text FROM (
             SELECT id, version, lag(version) OVER (PARTITION BY resource_id ORDER BY id) AS earlier
             FROM providers_changeevent WHERE resource_id IS NOT NULL AND version IS NOT NULL) e
           WHERE version <= earlier""",
    ),
    Invariant(
        "a user's version is the number of its events",
        f"{_RESOURCES} WHERE resource_type = 'User'",
        """SELECT r.id::text FROM providers_resource r LEFT JOIN (
             SELECT resource_id, count(*) AS n, min(version) AS lowest, max(version) AS highest
             FROM providers_changeevent WHERE resource_id IS NOT NULL GROUP BY 1) e ON e.resource_id = r.id
           WHERE r.resource_type = 'User'
             AND (e.n IS DISTINCT FROM r.version OR e.lowest <> 1 OR e.highest <> r.version)""",
    ),
    Invariant(
        "a group's version is the number of its events and of the deletions and restores of its members",
        f"{_RESOURCES} WHERE resource_type = 'Group'",
        """SELECT r.id::text FROM providers_resource r
           LEFT JOIN (SELECT resource_id, count(*) AS n, max(version) AS highest FROM providers_changeevent
                      WHERE resource_id IS NOT NULL GROUP BY 1) e ON e.resource_id = r.id
           LEFT JOIN (SELECT group_id, count(DISTINCT left_event) AS n FROM providers_membership
                      WHERE ending = 'member-deleted' GROUP BY 1) d ON d.group_id = r.id
           CROSS JOIN LATERAL (SELECT exists(SELECT 1 FROM providers_changeevent a WHERE a.provider_id = r.provider_id
             AND a.kind IN ('resource.restored', 'resource.purged')) AS are) restored
           WHERE r.resource_type = 'Group' AND (e.highest > r.version OR e.n IS NULL OR CASE WHEN restored.are
             THEN r.version < e.n ELSE r.version <> e.n + coalesce(d.n, 0) END)""",
    ),
    Invariant(
        "a refused request has no event",
        _EVENTS,
        """SELECT e.id::text FROM providers_changeevent e JOIN providers_requestlog l ON l.id = e.request_id
           WHERE l.status >= 400 AND l.path NOT ILIKE '%/bulk%'""",
    ),
    Invariant(
        "each event of a directory's request has the request's row in the log",
        f"{_EVENTS} AND token_prefix <> ''",
        """SELECT e.id::text FROM providers_changeevent e
           WHERE e.token_prefix <> '' AND e.resource_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM providers_requestlog l WHERE l.id = e.request_id)""",
    ),
    Invariant(
        "the counts of requests are those of the log",
        _REQUESTS,
        f"""SELECT coalesce(c.provider_id, l.provider_id) || ' ' || coalesce(c.slot, l.slot) || ' '
             || coalesce(c.outcome, l.outcome) FROM providers_requestcount c
           FULL JOIN (SELECT provider_id, date_bin('20 minutes', at, '2000-01-01Z') AS slot, outcome,
               method IN ('POST', 'PUT', 'PATCH', 'DELETE') AS is_change, count(*) AS n
             FROM providers_requestlog WHERE token_prefix <> '{TEST_PREFIX}' GROUP BY 1, 2, 3, 4) l
           USING (provider_id, slot, outcome, is_change) WHERE c.count IS DISTINCT FROM l.n""",
    ),
    Invariant(
        "the addresses seen have the calls of the log",
        _REQUESTS,
        f"""SELECT coalesce(s.provider_id, l.provider_id)::text FROM
             (SELECT provider_id, sum(calls) AS n FROM providers_sourceseen GROUP BY 1) s
           FULL JOIN (SELECT provider_id, count(*) AS n FROM providers_requestlog
             WHERE status <> 401 AND part_of IS NULL AND source_ip IS NOT NULL
               AND token_prefix <> '{TEST_PREFIX}' GROUP BY 1) l
           USING (provider_id) WHERE s.n IS DISTINCT FROM l.n""",
    ),
)


def check_all() -> list[Checked]:
    """Check every invariant that needs nothing but the database."""
    return [*map(_check, INVARIANTS), *(check() for check in (columns_equal_the_document, events_give_the_state))]


def _check(invariant: Invariant) -> Checked:
    with connection.cursor() as cursor:
        cursor.execute(invariant.rows)
        checked = Checked(invariant.name, cursor.fetchone()[0])
        cursor.execute(invariant.violations)
        for (sentence,) in cursor.fetchall():
            checked.add(str(sentence))
    return checked


def columns_equal_the_document() -> Checked:
    """Keys, folded document and search text are those that the document gives."""
    checked = Checked("the columns of a resource are those that its document gives", 0)
    known = {one.pk: resource_types_of(one.pk, one.schemas_version) for one in Provider.objects.all()}
    for resource in Resource.objects.iterator(chunk_size=500):
        resource_type = next(one for one in known[resource.provider_id] if one.name == resource.resource_type)
        urns = {name.lower() for name in resource.document if name.lower().startswith("urn:")}
        if urns - resource_type.extensions_by_urn.keys():
            continue  # its schema was removed since
        checked.rows += 1
        row = row_of(resource.document, resource_type)
        wrong = [one.name for one in fields(Row) if getattr(row, one.name) != getattr(resource, one.name)]
        if wrong:
            checked.add(f"{resource.pk}: {', '.join(wrong)}")
    return checked


def events_give_the_state() -> Checked:
    """The changes of a resource's events, one after the other, give its document, and each begins where it says."""
    checked = Checked("replaying the events of a resource gives its document", 0)
    states: dict[Any, dict[str, Any]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT resource_id, kind, changes FROM providers_changeevent WHERE resource_id IS NOT NULL ORDER BY id"
        )
        while rows := cursor.fetchmany(1_000):
            for resource_id, kind, changes in rows:
                checked.rows += 1
                problem = _apply(states.setdefault(resource_id, {}), json.loads(changes))
                if problem:
                    checked.add(f"{resource_id}, {kind}: {problem}")
    for resource in Resource.objects.iterator(chunk_size=500):
        document = {} if resource.deleted_at else resource.document
        held = {one["path"]: one["after"] for one in differences({}, document)}
        if states.get(resource.pk, {}) != held:
            checked.add(f"{resource.pk}: the events give something else than the document")
    return checked


def _apply(state: dict[str, Any], changes: list[dict[str, Any]]) -> str:
    """Make the changes of one event to the values by path. Return what is wrong with them."""
    problem = ""
    for change in changes:
        if "added" in change:  # members, which are rows of their own
            continue
        path = change["path"]
        if state.get(path) != change.get("before"):
            problem = f"{path} was not what the event holds as before"
        if "after" in change:
            state[path] = change["after"]
        else:
            state.pop(path, None)
    return problem


def log_has_each_request(sent: Mapping[int, Counter[int]]) -> Checked:
    """The provisioning log has one row for each request, with its status. `sent`: the statuses of each provider."""
    checked = Checked("the log has one row for each request, with its status", 0)
    found: dict[int, Counter[int]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT provider_id, status, count(*) FROM providers_requestlog WHERE part_of IS NULL GROUP BY 1, 2"
        )
        for provider_id, status, count in cursor.fetchall():
            found[provider_id][status] = count
    for provider_id, statuses in sent.items():
        checked.rows += statuses.total()
        for status in statuses | found[provider_id]:
            if statuses[status] != found[provider_id][status]:
                checked.add(
                    f"provider {provider_id}, status {status}: {statuses[status]} sent,"
                    f" {found[provider_id][status]} rows"
                )
    return checked


def digest_of(provider_id: int) -> str:
    """A digest of everything that a provider has, to see that nothing of it was changed."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in ("providers_resource", "providers_membership", "providers_changeevent"):
            cursor.execute(f"SELECT t::text FROM {table} t WHERE provider_id = %s ORDER BY t.id", [provider_id])
            for (row,) in cursor.fetchall():
                digest.update(row.encode())
    return digest.hexdigest()


def bystander_is_as_before(provider_id: int, before: str) -> Checked:
    """A provider whose ids others have used has nothing changed."""
    checked = Checked("a provider whose ids others have used is as before", 1)
    if digest_of(provider_id) != before:
        checked.add("its resources, memberships or events were changed")
    return checked
