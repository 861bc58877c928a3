"""The limits of one request, over HTTP: parts, bytes, values and time, and what is left of a bulk request."""

import dataclasses
import json
import time
import uuid
from types import SimpleNamespace

import orjson
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from providers import request_log
from providers.models import RequestLog, SyncedGroup, SyncedUser
from providers.outcomes import Outcome
from scim.api import base, parsers
from scim.protocol import budget, errors
from scim.store import verbs
from tests.factories import make_user

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MIB = 1_048_576
SOME_ID = "01890000-0000-7000-8000-000000000001"


def bulk(client, operations):
    answer = client.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    assert answer.status_code == 200, answer.content
    return answer, answer.json()["Operations"]


def patch_of(user, *operations):
    data = {"schemas": [PATCH], "Operations": list(operations)}
    return {"method": "PATCH", "path": f"/Users/{user.pk}", "data": data}


def set_title(value):
    return {"op": "replace", "path": "title", "value": value}


def seconds(number):
    return override_settings(OPTIONS=dataclasses.replace(settings.OPTIONS, request_seconds=number))


def refused(answer, status):
    assert answer.status_code == status, answer.content
    body = answer.json()
    return body.get("scimType"), body["detail"]


def test_h1_v65_a_patch_of_many_operations_on_unknown_paths_is_refused(client, provider):
    user = make_user(provider)
    operations = [{"op": "replace", "path": f"x{number}", "value": 1} for number in range(20_000)]
    assert refused(client.patch(f"/Users/{user.pk}", *operations), 400) == (
        "tooMany",
        "More than 1,000 operations in one request: send fewer at a time.",
    )


@pytest.mark.parametrize("count", [1_001, 60_000])
@pytest.mark.parametrize("place", ["post", "put", "patch", "inner", "bulk", "search", "extension"])
def test_h1_v65_an_object_of_many_names_is_refused_everywhere(client, provider, place, count):
    user, names = make_user(provider), {f"usrnam{number}": 1 for number in range(count)}
    answer = {
        "post": lambda: client.post("/Users", {"userName": "x", **names}),
        "put": lambda: client.put(f"/Users/{user.pk}", {"userName": "x", **names}),
        "patch": lambda: client.patch(f"/Users/{user.pk}", {"op": "replace", "value": names}),
        "inner": lambda: client.patch(f"/Users/{user.pk}", {"op": "replace", "path": "name", "value": names}),
        "bulk": lambda: client.post("/Bulk", {"Operations": [patch_of(user, {"op": "add", "value": names})]}),
        "search": lambda: client.post("/Users/.search", names),
        "extension": lambda: client.post("/Users", {"userName": "x", "urn:x:y": names}),
    }[place]()
    assert refused(answer, 400) == (
        "tooMany",
        "More than 1,000 attributes in one object in one request: send fewer at a time.",
    )


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "/Users", 2 * MIB, 413),
        ("PUT", f"/Users/{SOME_ID}", 2 * MIB, 413),
        ("PATCH", f"/Users/{SOME_ID}", 2 * MIB, 413),
        ("POST", "/Users/.search", 2 * MIB, 413),
        ("POST", "/Groups/.search", 2 * MIB, 413),
        ("POST", "/.search", 2 * MIB, 413),
        ("POST", "/Groups", 2 * MIB, 400),
        ("PATCH", f"/Groups/{SOME_ID}", 2 * MIB, 400),
        ("POST", "/Bulk", 2 * MIB, 400),
        ("POST", "/Groups", 16 * MIB, 413),
        ("POST", "/Bulk", 16 * MIB, 413),
    ],
)
def test_m8_only_groups_and_bulk_take_large_bodies(client, method, path, size, status):
    body = b'{"title":"' + b"x" * size + b'"}'
    answer = client.request(method, path, body)
    assert answer.status_code == status, answer.content[:300]
    if status == 413:
        assert refused(answer, 413)[1].startswith(f"The request body has more than {size // MIB} MiB.")


@pytest.mark.parametrize("element", [b"{}", b"[]", b"1", b'"a":1', b'{"a":1}', b'""'])
@pytest.mark.parametrize(("path", "mib"), [("/Users", 2), ("/Groups", 16), ("/Bulk", 16)])
def test_m8_a_body_of_very_many_values_is_refused_before_it_is_parsed(client, monkeypatch, element, path, mib):
    is_object = element[:1] == b"{"
    limit = mib * (25_600 if is_object else 65_536)
    unread = SimpleNamespace(loads=lambda body: pytest.fail("it was parsed"), JSONDecodeError=orjson.JSONDecodeError)
    monkeypatch.setattr(parsers, "orjson", unread)
    ends = (b"{", b"}") if b":" in element and element[:1] == b'"' else (b"[", b"]")
    body = ends[0] + b",".join([element] * (limit + 1)) + ends[1]
    assert refused(client.post(path, body), 413) == (
        None,
        f"The request body has more than {limit:,} {'objects' if is_object else 'values in lists and objects'}. "
        "Send less at a time, members above all.",
    )


def test_m8_a_group_as_large_as_a_body_may_be_has_not_too_many_values():
    """16 MiB of members as Entra writes them, `value` alone, are read."""
    one = len(json.dumps({"value": str(uuid.uuid4())}, separators=(",", ":"))) + 1
    members = 16 * MIB // one
    assert members < 16 * parsers._OBJECTS_PER_MIB
    assert 2 * members < 16 * parsers._VALUES_PER_MIB


def test_v40_h1_a_bulk_request_keeps_what_it_did_and_says_what_it_left(client, provider, monkeypatch):
    monkeypatch.setattr(base, "LIBERAL", dataclasses.replace(base.LIBERAL, max_bulk_parts=5))
    user = make_user(provider)
    answer, results = bulk(client, [patch_of(user, set_title("x"), set_title(str(number))) for number in range(4)])
    assert [one["status"] for one in results] == ["200", "200", "503", "503"]
    assert answer["Retry-After"] == "1"
    assert "send it again" in results[3]["response"]["detail"].lower()
    assert results[3]["response"]["status"] == "503"
    assert results[3]["location"].endswith(str(user.pk))
    user.refresh_from_db()
    assert user.version == 3, "the first two were done"
    request_log.writer.flush()
    rows = RequestLog.objects.exclude(part_of=None).order_by("id")
    assert [row.outcome for row in rows] == [*[Outcome.SUCCESS] * 2, *[Outcome.THROTTLED] * 2]


def test_h1_a_bulk_request_writes_a_limited_number_of_bytes(client, provider):
    """13 kB of operations on one user of nearly 1 MiB; before, each wrote a version of it."""
    user = make_user(provider, emails=[{"value": "x" * 1_900 + str(number)} for number in range(500)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT length(document::text) FROM providers_resource WHERE id = %s", [user.pk])
        (size,) = cursor.fetchone()
    answer, results = bulk(client, [patch_of(user, set_title(str(number))) for number in range(60)])
    done = [one for one in results if one["status"] == "200"]
    assert len(done) == 16 * MIB // size
    assert {one["status"] for one in results[len(done) :]} == {"503"}
    assert answer["Retry-After"] == "1"


def test_v40_h1_time_ends_a_bulk_request_between_two_operations(client, monkeypatch):
    real = verbs.create

    def slow(*arguments):
        time.sleep(0.4)
        return real(*arguments)

    monkeypatch.setattr(verbs, "create", slow)
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(number), "data": {"userName": str(number)}}
        for number in range(8)
    ]
    with seconds(1):
        answer, results = bulk(client, operations)
    statuses = [one["status"] for one in results]
    done = statuses.count("201")
    assert 1 <= done <= 3
    assert statuses == ["201"] * done + ["503"] * (8 - done)
    assert SyncedUser.objects.count() == done
    assert answer["Retry-After"] == "1"


def test_v40_an_operation_that_is_too_much_by_itself_is_not_asked_for_again(client, monkeypatch):
    monkeypatch.setattr(verbs, "create", lambda call, body: call.budget.spend_bytes(17 * MIB))
    one = {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "a"}}
    _, results = bulk(client, [one, one | {"bulkId": "b"}])
    assert [result["status"] for result in results] == ["400", "503"]


def test_h1_m2_a_request_that_takes_too_long_changes_nothing_and_says_so(client, provider, monkeypatch):
    jane, real = make_user(provider), verbs.change_members

    def slow(*arguments):
        time.sleep(1.1)
        return real(*arguments)

    monkeypatch.setattr(verbs, "change_members", slow)  # the group is written then
    with seconds(1):
        answer = client.post("/Groups", {"displayName": "Care", "members": [{"value": str(jane.pk)}]})
    scim_type, detail = refused(answer, 400)
    assert scim_type == "tooMany"
    assert detail.startswith("The request takes longer than 1 seconds")
    assert not SyncedGroup.objects.exists()


def test_h1_a_request_that_runs_long_is_in_the_log_while_it_runs(client, monkeypatch):
    monkeypatch.setattr(request_log, "LONG_S", 0.0)
    seen, real = [], verbs.create

    def create(*arguments):
        time.sleep(0.01)
        request_log.writer.flush()
        seen.extend(RequestLog.objects.values_list("reason", "status", "path", "subject", "outcome"))
        request_log.writer.flush()
        return real(*arguments)

    monkeypatch.setattr(verbs, "create", create)
    answer = client.post("/Users", {"userName": "long@x"})
    assert seen == [("not-finished", 500, "/scim/Users", "long@x", Outcome.ERROR)]
    request_log.writer.flush()
    row = RequestLog.objects.get()
    assert (str(row.pk), row.status, row.subject) == (answer["X-Request-Id"], 201, "long@x")


def test_h1_a_killed_request_keeps_its_row_and_a_short_one_has_none(client, monkeypatch):
    monkeypatch.setattr(request_log, "LONG_S", 0.0)

    def stopped(*_):
        time.sleep(0.01)
        request_log.writer.flush()
        raise SystemExit  # as gunicorn ends a worker

    monkeypatch.setattr(verbs, "create", stopped)
    with pytest.raises(SystemExit):
        client.post("/Users", {"userName": "gone@x"})
    monkeypatch.setattr(request_log, "LONG_S", 5.0)
    client.get("/Users")
    request_log.writer.flush()
    assert sorted(RequestLog.objects.values_list("method", "reason")) == [("GET", ""), ("POST", "not-finished")]


def test_each_limit_is_named_in_the_refusal():
    for refusal in (errors.too_costly(20), errors.too_many(16, "MiB"), budget.Budget(seconds=20).out_of_time()):
        assert any(sign.isdigit() for sign in refusal.detail)
