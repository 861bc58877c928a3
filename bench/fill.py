"""Fills a database with a company after three months: many users, one large group, many requests.

The product itself creates one user. The others are copies of that row, made by SQL with names and ids of their own.
So a million rows take a minute, and each row is one that the product could have written.
"""

from argparse import Namespace
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from providers.models import Provider
from providers.request_log import writer
from providers.resources import copying
from tests.factories import issue, make_group, make_provider, make_user

# uuid7: a UUIDv7 of the moment `at`, unique for `n` and `kind`. named: `part` with the names and number of user `n`.
_FUNCTIONS = """
CREATE FUNCTION pg_temp.uuid7(at timestamptz, n bigint, kind int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(kind), 3, '0')
    || '8' || lpad(to_hex(n), 15, '0'))::uuid $$;
CREATE FUNCTION pg_temp.named(part text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT replace(replace(replace(part, 'given0',
      (ARRAY['anna','bram','daan','emma','fleur','hugo','jane','lotte','milan','noor','sanne','thijs'])[n % 12 + 1]),
    'family0', (ARRAY['bakker','jansen','meijer','mulder','smit','visser','willems'])[n / 12 % 7 + 1]),
    'number0', lpad(n::text, 6, '0')) $$;
"""

# The placeholders are in lower case, so that `named` also finds them in the columns of comparison keys.
_TEMPLATE: dict[str, Any] = {
    "user_name": "given0.family0.number0@contoso.example",
    "externalId": "external-number0",
    "displayName": "given0 family0 number0",
    "name": {"givenName": "given0", "familyName": "family0"},
    "emails": [{"type": "work", "primary": True, "value": "given0.family0.number0@contoso.example"}],
    "title": "Nurse",
    "active": True,
}

# One in twenty is disabled, one in a hundred in the recycle bin.
_USERS = """
INSERT INTO providers_resource (id, provider_id, resource_type, user_name, user_name_key, display_name,
  display_name_key, external_id, active, version, created, last_modified, deleted_at, document, folded, search_text)
SELECT pg_temp.uuid7(at, n, 1), r.provider_id, r.resource_type, pg_temp.named(r.user_name, n),
  pg_temp.named(r.user_name_key, n), pg_temp.named(r.display_name, n), pg_temp.named(r.display_name_key, n),
  pg_temp.named(r.external_id, n), mod(n, 20) <> 0, 1, at, at,
  CASE WHEN mod(n, 100) = 1 THEN now() - interval '1 day' END,
  jsonb_set(pg_temp.named(r.document::text, n)::jsonb, '{active}', to_jsonb(mod(n, 20) <> 0)),
  jsonb_set(pg_temp.named(r.folded::text, n)::jsonb, '{active}', to_jsonb(mod(n, 20) <> 0)),
  pg_temp.named(r.search_text, n)
FROM providers_resource r, generate_series(1::bigint, %(users)s) n,
  LATERAL (SELECT now() - interval '90 days' + n * interval '1 second' AS at) t
WHERE r.id = %(template)s
"""
_WHO = "CREATE TEMP TABLE who AS SELECT row_number() OVER () - 1 AS place, id, display_name FROM providers_resource"
_MEMBERS = """
INSERT INTO providers_membership (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)
SELECT r.provider_id, %(group)s, r.id, 'User', r.created, '', pg_temp.uuid7(r.created, 0, 2)
FROM providers_resource r WHERE r.resource_type = 'User' AND r.deleted_at IS NULL ORDER BY r.id LIMIT %(members)s
"""
# Seven of ten requests look up a user. Of the changes, two in a hundred are rejected. The large provider makes four of
# five requests.
_LOG = """
INSERT INTO providers_requestlog (id, at, provider_id, token_id, token_prefix, method, path, query, status, scim_type,
  detail, duration_ms, source_ip, resource_type, resource_id, request_body)
SELECT pg_temp.uuid7(at, n, 3), at,
  CASE WHEN mod(n, 5) = 0 THEN %(first)s + mod(n / 5, %(providers)s) ELSE %(first)s END,
  %(token)s, %(prefix)s, CASE WHEN change THEN 'PATCH' ELSE 'GET' END,
  CASE WHEN change THEN '/scim/Users/' || who.id ELSE '/scim/Users' END,
  CASE WHEN change THEN '' ELSE 'filter=externalId%%20eq%%20%%22' || n || '%%22' END,
  CASE WHEN bad THEN 400 WHEN change THEN 204 ELSE 200 END, CASE WHEN bad THEN 'invalidValue' ELSE '' END,
  CASE WHEN bad THEN 'title must be a string.' ELSE '' END, 2 + mod(n, 7), '20.190.137.45', 'User', who.id,
  CASE WHEN change THEN '{"Operations":[{"op":"Replace","path":"title","value":"Manager"}]}' ELSE '' END
FROM generate_series(1::bigint, %(rows)s) n
  CROSS JOIN LATERAL (SELECT now() - (%(rows)s - n) * interval '89 days' / %(rows)s AS at, mod(n, 10) > 6 AS change,
    mod(n, 10) > 6 AND mod(n, 500) < 10 AS bad) t
  JOIN who ON who.place = mod(n * 7919, %(users)s)
"""
_EVENTS = """
INSERT INTO providers_changeevent (id, at, kind, provider_id, resource_id, resource_type, version, subject,
  token_prefix, address, request_id, changes)
SELECT overlay(l.id::text PLACING '004' FROM 16)::uuid, l.at, 'resource.changed', l.provider_id, l.resource_id, 'User',
  2, who.display_name, l.token_prefix, l.source_ip, l.id, '[{"path": "title", "before": "Nurse", "after": "Manager"}]'
FROM providers_requestlog l JOIN who ON who.id = l.resource_id WHERE l.method = 'PATCH' AND l.status < 300
"""
_COUNTS = """
INSERT INTO providers_requestcount (provider_id, slot, outcome, is_change, count)
SELECT provider_id, date_bin('20 minutes', at, '2000-01-01Z'), outcome, method = 'PATCH', count(*)
FROM providers_requestlog GROUP BY 1, 2, 3, 4
"""
_SOURCES = """
INSERT INTO providers_sourceseen (provider_id, address, day, first_at, last_at, calls)
SELECT provider_id, source_ip, (at AT TIME ZONE 'UTC')::date, min(at), max(at), count(*)
FROM providers_requestlog GROUP BY 1, 2, 3
"""
_CONTACTS = """
INSERT INTO providers_provideractivity (provider_id, first_at, accepted_at, refused_count, mass_change_count)
SELECT provider_id, min(at), max(at), 0, 0 FROM providers_requestlog GROUP BY 1
"""


def add_users(provider_id: int, count: int) -> list[str]:
    """Make this number of users of a provider. Return the ids of those who are not in the recycle bin."""
    template = make_user(Provider.objects.get(pk=provider_id), **_TEMPLATE)
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS)
        cursor.execute(_USERS, {"users": count, "template": template.pk})
        cursor.execute("SELECT id::text FROM providers_resource WHERE deleted_at IS NULL AND id <> %s", [template.pk])
        return [found for (found,) in cursor.fetchall()]


def company(sizes: Namespace) -> tuple[Provider, UUID, UUID]:
    """Fill an empty database. Return the provider with many users, its large group, and a user with a history."""
    contoso = make_provider("Contoso Entra ID")
    for number in range(1, sizes.providers):
        make_provider(f"Hospital {number:03} Entra ID")
    token, _value = issue(contoso)
    group = make_group(contoso, "Everybody")
    template = make_user(contoso, **_TEMPLATE)
    values = {
        "users": sizes.users,
        "template": template.pk,
        "group": group.pk,
        "members": sizes.members,
        "rows": sizes.log_rows,
        "first": contoso.pk,
        "providers": sizes.providers,
        "token": token.pk,
        "prefix": token.prefix,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS)
        for table in ("providers_requestlog", "providers_changeevent"):
            cursor.execute("SELECT providers_make_months(%s, now() - interval '90 days', 4)", [table])
        with copying.without_slow_indexes(sizes.users):
            cursor.execute(_USERS, values)
        cursor.execute(_WHO + " WHERE resource_type = 'User' AND id <> %(template)s", values)
        for statement in (_MEMBERS, _LOG, _EVENTS, _COUNTS, _SOURCES, _CONTACTS):
            cursor.execute(statement, values)
        cursor.execute("SELECT id FROM who WHERE place = 6")
        (user,) = cursor.fetchone()
    for _ in range(10_000):
        writer.count_refusal("198.51.100.7", timezone.now(), "unknown-token")
    writer.flush()
    return contoso, group.pk, user
