"""Many rows made by SQL, and how PostgreSQL would run what the store sends."""

from collections.abc import Callable
from typing import Any

from django.db import connection

from scim.protocol.projection import Projection

IDS_ONLY = Projection(only=frozenset())

_FILL_USERS = """
INSERT INTO providers_resource (id, provider_id, resource_type, user_name, user_name_key, external_id, active, version,
  created, last_modified, document, folded, search_text)
SELECT (lpad(to_hex(g), 12, '0') || '7abc8000' || lpad(to_hex(%s), 12, '0'))::uuid, %s,
  'User', 'u' || g, 'u' || g, 'e' || g, true, 1,
  now(), now(),
  jsonb_build_object('schemas', '["urn:ietf:params:scim:schemas:core:2.0:User"]'::jsonb, 'userName', 'u' || g),
  jsonb_build_object('emails', jsonb_build_array(jsonb_build_object('type', 'work', 'value', 'u' || g)),
    'phoneNumbers', jsonb_build_array(jsonb_build_object('value', 'p' || g)),
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    jsonb_build_object('employeeNumber', 'n' || g, 'manager', jsonb_build_object('value', 'm' || g))),
  ''
FROM generate_series(1, %s) g
RETURNING id::text
"""


def fill_users(provider_id: int, count: int) -> list[str]:
    """Users u1, u2 … of a provider; their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_FILL_USERS, [provider_id, provider_id, count])
        return [found for (found,) in cursor.fetchall()]


def statements(act: Callable[[], object]) -> list[str]:
    """The SQL that `act` sends, values in place. Django's own log leaves out those of prepared statements."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        sent.append(connection.ops.compose_sql(sql, params) if params else sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    return sent


def plan(sql: str) -> list[str]:
    """The steps by which a statement would be run, without figures and without values."""
    if not sql.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "WITH")):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}")
        return [line for (line,) in cursor.fetchall() if "Cond" not in line and "Filter" not in line]
