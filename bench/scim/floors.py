"""The floors of the stack: DRF's empty view, and the least SQL.

*The least SQL* responds to the same requests as the product with one prepared statement each, in a plain Django view
through psycopg. It checks nothing, keeps no history and has no tokens: no product on this stack can cost less.
"""

import os
import uuid
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

TABLES = """
CREATE TABLE IF NOT EXISTS users (id uuid PRIMARY KEY, user_name text UNIQUE, external_id text, document jsonb);
CREATE INDEX IF NOT EXISTS external ON users (external_id);
CREATE TABLE IF NOT EXISTS groups (id uuid PRIMARY KEY, version int, display_name text);
CREATE TABLE IF NOT EXISTS members (group_id uuid, member_id uuid, PRIMARY KEY (group_id, member_id));
"""
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
READ = "SELECT document::text FROM users WHERE id = %s"
FILTERS = {
    "userName": "SELECT document::text FROM users WHERE user_name = lower(%s)",
    "externalId": "SELECT document::text FROM users WHERE external_id = %s",
}
INSERT = "INSERT INTO users VALUES (%s, lower(%s), %s, %s)"
REPLACE = "UPDATE users SET user_name = lower(%s), external_id = %s, document = %s WHERE id = %s"
CHANGE = f"""
UPDATE users SET document = jsonb_set(jsonb_set(document, '{{emails,0,value}}', %s), '{{{ENTERPRISE},department}}', %s)
WHERE id = %s RETURNING document::text
"""
ENABLE = "UPDATE users SET document = jsonb_set(document, '{active}', %s) WHERE id = %s RETURNING document::text"
DELETE = "DELETE FROM users WHERE id = %s"
LIST = (
    "SELECT string_agg(document::text, ','), (SELECT count(*) FROM users)"
    " FROM (SELECT document FROM users ORDER BY id LIMIT %s) page"
)
INSERT_GROUP = "INSERT INTO groups VALUES (%s, 1, %s)"
ADD = (
    "WITH raised AS (UPDATE groups SET version = version + 1 WHERE id = %s RETURNING id)"
    " INSERT INTO members SELECT id, member FROM raised, unnest(%s::uuid[]) member ON CONFLICT DO NOTHING"
)
REMOVE = (
    "WITH raised AS (UPDATE groups SET version = version + 1 WHERE id = %s RETURNING id)"
    " DELETE FROM members USING raised WHERE group_id = raised.id AND member_id = %s"
)
HEAD = "SELECT display_name, version FROM groups WHERE id = %s"
MEMBERS = """
SELECT display_name, version,
  (SELECT string_agg('{"value":"' || member_id || '"}', ',') FROM members WHERE group_id = %s)
FROM groups WHERE id = %s
"""

_connection: psycopg.Connection[Any] | None = None


def run(statement: str, *values: Any) -> Any:
    """Run one prepared statement on this process's connection. Return its first row."""
    global _connection
    if _connection is None:
        _connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
        _connection.execute(TABLES, prepare=False)
    cursor = _connection.execute(statement, values)
    return cursor.fetchone() if cursor.description else None


class Empty(APIView):
    """DRF's empty view: JSON only, without authentication."""

    def get(self, request: Request) -> Response:
        return Response({})


def _json(body: str | bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(body, content_type="application/scim+json", status=status)


def users(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        document = {"id": str(uuid.uuid4())} | orjson.loads(request.body)
        body = orjson.dumps(document).decode()
        run(INSERT, document["id"], document["userName"], document["externalId"], body)
        return _json(body, 201)
    query = parse_qs(request.META["QUERY_STRING"])
    if "filter" in query:
        attribute, _, value = query["filter"][0].split(" ", 2)
        row = run(FILTERS[attribute], value.strip('"'))
        return _json(f'{{"totalResults":{1 if row else 0},"Resources":[{row[0] if row else ""}]}}')
    page, total = run(LIST, int(query["count"][0]))
    return _json(f'{{"totalResults":{total},"Resources":[{page}]}}')


def user(request: HttpRequest, pk: str) -> HttpResponse:
    if request.method == "GET":
        return _json(run(READ, pk)[0])
    if request.method == "DELETE":
        run(DELETE, pk)
        return HttpResponse(status=204)
    sent = orjson.loads(request.body)
    if request.method == "PUT":
        body = orjson.dumps({"id": pk} | sent).decode()
        run(REPLACE, sent["userName"], sent["externalId"], body, pk)
        return _json(body)
    values = [orjson.dumps(operation["value"]).decode() for operation in sent["Operations"]]
    return _json(run(CHANGE if len(values) == 2 else ENABLE, *values, pk)[0])


def groups(request: HttpRequest) -> HttpResponse:
    sent, pk = orjson.loads(request.body), str(uuid.uuid4())
    run(INSERT_GROUP, pk, sent["displayName"])
    return _json(orjson.dumps({"id": pk}), 201)


def group(request: HttpRequest, pk: str) -> HttpResponse:
    if request.method == "GET":
        if "excludedAttributes" in request.META["QUERY_STRING"]:
            name, version = run(HEAD, pk)
            return _json(f'{{"id":"{pk}","displayName":"{name}","meta":{{"version":"{version}"}}}}')
        name, version, members = run(MEMBERS, pk, pk)
        return _json(f'{{"id":"{pk}","displayName":"{name}","meta":{{"version":"{version}"}},"members":[{members}]}}')
    [operation] = orjson.loads(request.body)["Operations"]
    if operation["op"] == "Add":
        run(ADD, pk, [member["value"] for member in operation["value"]])
    else:
        run(REMOVE, pk, operation["path"].split('"')[1])
    return HttpResponse(status=204)


urlpatterns = [
    path("empty", Empty.as_view()),
    path("Users", users),
    path("Users/<str:pk>", user),
    path("Groups", groups),
    path("Groups/<str:pk>", group),
]
