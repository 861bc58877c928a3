"""What the database has afterwards: change events and tables, in the terms of the history checker."""

from collections.abc import Sequence
from typing import Any

import psycopg

from failover.history import Change, State
from failover.load import History

_EVENTS = """
SELECT r.id, coalesce(r.user_name, r.display_name), e.version, e.kind, e.request_id::text, e.changes,
       (SELECT array_agg(m.member_id) FROM providers_membership m WHERE m.joined_event = e.id),
       (SELECT array_agg(m.member_id) FROM providers_membership m WHERE m.left_event = e.id)
FROM providers_changeevent e JOIN providers_resource r ON r.id = e.resource_id
WHERE e.provider_id = ANY(%s) ORDER BY e.resource_id, e.version
"""
_LIVE = """
SELECT coalesce(user_name, display_name), coalesce(document ->> 'title', external_id, ''),
       (SELECT array_agg(m.member_id) FROM providers_membership m WHERE m.group_id = r.id AND m.left_at IS NULL)
FROM providers_resource r WHERE provider_id = ANY(%s) AND deleted_at IS NULL
"""
_NAMES = "SELECT id, coalesce(user_name, display_name) FROM providers_resource WHERE provider_id = ANY(%s)"


def read_records(url: str, providers: Sequence[int], history: History) -> tuple[list[Change], dict[str, State]]:
    """Return the changes and the live resources of these providers."""
    asked: dict[tuple[str, tuple[str, str]], str] = {}
    for call in history.calls:
        if call.changes:
            asked.setdefault((call.resource, call.changes), call.id)
    known = {call.id: call for call in history.calls}
    with psycopg.connect(url) as connection:
        names: dict[Any, str] = dict(connection.execute(_NAMES, [list(providers)]).fetchall())
        events = connection.execute(_EVENTS, [list(providers)]).fetchall()
        live = connection.execute(_LIVE, [list(providers)]).fetchall()
    changes = []
    for _, name, version, kind, request, values, joined, left in events:
        made = _changes_of(kind, values, [names[one] for one in joined or ()], [names[one] for one in left or ()])
        answered = known.get(history.by_request.get(request, ""))
        is_known = answered is not None and answered.changes is not None and answered.resource == name
        changes.append(Change(name, version, made, answered.id if answered and is_known else asked.get((name, made))))
    tables = {name: State(value, frozenset(names[one] for one in members or ())) for name, value, members in live}
    return changes, tables


def _changes_of(kind: str, values: list[dict[str, Any]], joined: list[str], left: list[str]) -> tuple[str, str]:
    after = {change["path"]: change.get("after") for change in values}
    value = str(after.get("title") or after.get("externalId") or "")
    if joined or left:
        return ("add", ",".join(joined)) if joined else ("remove", ",".join(left))
    if kind == "resource.deleted":
        return ("delete", "")
    return ("create", value) if kind == "resource.created" else ("set", value)
