"""The provisioning log: complete, redacted, and never in the way of a request."""

import dataclasses
import json

import pytest

from providers import request_log
from providers.models import ChangeEvent, RequestLog
from tests.conftest import ScimClient
from tests.factories import issue, make_group, make_provider, make_user


def logged():
    request_log.writer.flush()
    return RequestLog.objects.order_by("id")


def test_ac_log_1_a_request_is_logged_with_every_column(client, provider):
    answer = client.post("/Users", {"userName": "x", "shoe": 1}, headers={"client-request-id": "abc"})
    row = logged().get()
    assert str(row.id) == answer["X-Request-Id"]
    assert (row.provider_id, row.method, row.path, row.status) == (provider.pk, "POST", "/scim/Users", 201)
    assert (row.resource_type, str(row.resource_id)) == ("User", answer.json()["id"])
    assert (row.client_request_id, row.source_ip, row.ignored) == ("abc", "127.0.0.1", ["shoe"])
    assert json.loads(row.request_body)["userName"] == "x"
    assert json.loads(row.response_body) == answer.json()
    assert row.token_prefix.startswith("ipr_")
    event = ChangeEvent.objects.get(resource_id=row.resource_id)
    assert (str(event.request_id), event.token_prefix, event.address) == (
        answer["X-Request-Id"],
        row.token_prefix,
        "127.0.0.1",
    )


def test_refusals_are_logged_with_their_reason_and_reads_without_bodies(client, provider):
    person = make_user(provider)
    client.get(f"/Users/{person.pk}")
    client.get("/Users", filter="userNam pr")
    read, refused = logged()
    assert (read.request_body, read.response_body) == ("", "")
    assert (read.reason, refused.reason) == ("", "invalid-filter")
    assert (refused.status, refused.scim_type) == (400, "invalidFilter")
    assert "userNam" in refused.detail
    assert refused.query == "filter=userNam+pr"


def test_v49_ac_log_5_passwords_and_tokens_are_nowhere(provider, capfd):
    _, value = issue(provider)
    client = ScimClient(value)
    made = client.post("/Users", {"userName": "x", "password": "x9Secret", "nickName": value})
    client.patch(f"/Users/{made.json()['id']}", {"op": "replace", "path": "password", "value": "x9Secret"})
    client.patch(f"/Users/{made.json()['id']}", {"op": "replace", "value": {"password": "x9Secret"}})
    client.post("/Users", b'{"password":"x9Secret"')
    client.get("/Users", filter='password eq "x9Secret"')
    kept = repr(list(logged().values("path", "request_body", "response_body", "detail")))
    kept += repr(list(ChangeEvent.objects.exclude(kind="resource.created").values()))
    captured = capfd.readouterr()
    assert "x9Secret" not in kept + captured.out + captured.err
    assert value[10:30] not in repr(list(logged().values())) + captured.out + captured.err


def percent(text):
    return "".join(f"%{ord(char):02x}" for char in text)


def hostile_requests(client, person, value):
    """Requests that carry a token or a password where neither belongs."""
    utf_16 = '{"userName":"u","password":"S3cret"}'.encode("utf-16-le")
    late_path = b'"value":"S3cret",%b"path":"password"}]}' % (b" " * 70_000)
    patch = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace",' + late_path
    in_escapes = "".join(f"\\u{ord(char):04x}" for char in value)
    yield client.post("/Users", utf_16)
    yield client.request("PATCH", f"/Users/{person.pk}", patch)
    for form in (value, value.lower(), percent(value), percent(percent(value))):
        yield client.get(f"/{form}/Users")
        yield client.get(f"/Users?filter=userName+eq+%22{form}%22")
        yield client.get(f"/Users/{form}")
        yield client.patch(f"/Users/{person.pk}", {"op": "replace", "path": form, "value": 1})
        yield client.patch(f"/Users/{person.pk}", {"op": "replace", "value": {form: 1}})
        yield client.post("/Users", {"userName": form}, headers={"client-request-id": form})
        yield client.post("/Users", {"userName": form, form: 1})
        yield client.post("/Groups", {"displayName": "g", "members": [{"value": form}]})
        yield client.post("/Users", {}, headers={"Content-Type": f"text/{form}"})
        bulk = [{"method": "PATCH", "path": f"/Users/{form}", "data": {"Operations": [{"op": "add", "path": form}]}}]
        bulk += [{"method": "POST", "path": "/Users", "bulkId": form, "data": {"userName": form, "title": form}}]
        yield client.post("/Bulk", {"schemas": [f"{MESSAGES}BulkRequest"], "Operations": bulk})
    yield client.post("/Users", f'{{"userName":"{in_escapes}","nickName":5}}'.encode())
    yield client.get("/Users?filter=%2570assword+eq+%22S3cret%22")
    yield client.get("/Users", filter='userName eq "Bearer S3cret"')
    yield client.post("/.search", {"schemas": [f"{MESSAGES}SearchRequest"], "filter": 'password eq "S3cret"'})
    yield client.get("/Users/password=S3cret")
    yield client.patch(f"/Users/{person.pk}", {"op": "replace", "path": 'password[value eq "S3cret"]', "value": "x"})


MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"


def test_m3_no_form_of_a_token_or_a_password_reaches_the_log(provider, operator, capfd):
    _, value = issue(provider)
    statuses = {answer.status_code for answer in hostile_requests(ScimClient(value), make_user(provider), value)}
    assert statuses <= {200, 201, 400, 404, 409, 415}
    rows = list(logged().values())
    pages = "".join(operator.get(f"/eum/log/{row['id']}/").content.decode() for row in rows)
    captured = capfd.readouterr()
    for kept in (repr(rows), pages, captured.out, captured.err):
        bare = kept.lower().replace("\ufffd", "").replace("\\x00", "").replace("\0", "")
        assert "s3cret" not in bare
        for part in (value[8:], value[8:28], percent(value[8:28]), percent(percent(value[8:28]))):
            assert part.lower() not in bare


def test_ac_log_7_a_broken_log_fails_no_request(client, monkeypatch):
    monkeypatch.setattr(request_log, "_write_entries", lambda entries: 1 / 0)
    assert client.post("/Users", {"userName": "x"}).status_code == 201
    request_log.writer.flush()
    assert client.get("/Users").json()["totalResults"] == 1


def test_a_full_buffer_drops_rows_and_says_so(client, monkeypatch, caplog):
    monkeypatch.setattr(request_log, "MAX_WAITING", 2)
    for _ in range(5):
        assert client.get("/Users").status_code == 200
    assert logged().count() == 2
    assert "3 requests are missing" in caplog.text


def test_h2_a_buffer_with_too_many_bytes_keeps_rows_without_their_bodies(client, monkeypatch, caplog):
    monkeypatch.setattr(request_log, "MAX_WAITING_BYTES", 100_000)
    for number in range(20):
        assert client.post("/Users", {"userName": f"u{number}", "title": "x" * 20_000}).status_code == 201
    held = sum(map(request_log._size, request_log.writer._entries))
    assert held < 200_000
    rows = list(logged())
    assert len(rows) == 20, "support still finds each request"
    assert {row.request_body for row in rows if len(row.request_body) < 20_000} == {request_log.NOT_KEPT}
    assert sum(len(row.request_body) > 20_000 for row in rows) in (1, 2)
    assert "missing" not in caplog.text
    monkeypatch.setattr(request_log, "MAX_WAITING_BYTES", 1_000)
    for _ in range(20):
        client.get("/Users")
    assert len(request_log.writer._entries) < 3
    request_log.writer.flush()
    assert "requests are missing" in caplog.text


def test_h2_the_log_is_written_in_statements_of_bounded_size(client, monkeypatch):
    written = []
    monkeypatch.setattr(request_log, "BATCH_BYTES", 50_000)
    monkeypatch.setattr(request_log, "_write_entries", lambda entries: written.append(len(entries)))
    for number in range(10):
        client.post("/Users", {"userName": f"u{number}", "title": "x" * 15_000})
    request_log.writer.flush()
    assert sum(written) == 10
    assert max(written) <= 2


def test_v50_one_odd_request_does_not_take_the_rows_of_others(provider, stranger, scim):
    scim(stranger).post("/Users", {"userName": "a", "x\0y": 1})
    scim(stranger).post("/Users", b'{"password": "x", "nickName": "\\ud800"}')
    scim(provider).post("/Users", {"userName": "b"})
    assert logged().filter(provider_id=provider.pk).count() == 1
    assert logged().filter(provider_id=stranger.pk).count() == 2


def test_a_row_that_cannot_be_written_is_lost_alone(client, monkeypatch, caplog):
    for name in ("a", "b", "c"):
        client.post("/Users", {"userName": name})
    bad = request_log.writer._entries[1]
    request_log.writer._entries[1] = dataclasses.replace(bad, method="x" * 99)
    assert logged().count() == 2
    assert "DataError" in caplog.text


UNKNOWN = {"op": "replace", "path": "shoeSize", "value": 43}
TITLE = {"op": "replace", "path": "title", "value": "N"}
NOTHING = "nothing-understood"


@pytest.mark.parametrize(
    ("operations", "reason"),
    [
        ([UNKNOWN], NOTHING),
        ([UNKNOWN, {"op": "add", "value": {"hat": 1, "urn:x:y": 2}}], NOTHING),
        ([{"op": "replace", "path": "emails", "value": [{"shoe": "x"}]}], NOTHING),
        ([{"op": "replace", "path": "name", "value": {"shoe": "x"}}], NOTHING),
        ([{"op": "add", "value": {f"n{number}": 1 for number in range(60)}}], NOTHING),
        ([UNKNOWN, TITLE], ""),
        ([TITLE], ""),
        ([], ""),
        ([{"op": "add", "value": {"id": "x", "schemas": []}}], ""),
        ([{"op": "replace", "path": "password", "value": "x"}], ""),
        ([{"op": "remove", "path": "emails", "value": []}], ""),
        ([{"op": "replace", "path": "active", "value": None}], ""),
    ],
)
def test_a_patch_of_which_nothing_was_understood_is_marked(client, provider, operations, reason):
    answer = client.patch(f"/Users/{make_user(provider).pk}", *operations)
    assert answer.status_code == 200
    row = logged().get()
    assert (row.reason, row.outcome, row.is_problem) == (reason, "rejected" if reason else "success", bool(reason))
    assert bool(row.ignored) == (reason == NOTHING or UNKNOWN in operations)


def test_the_mark_is_that_of_one_operation_in_a_bulk_request_too(client, provider):
    path = f"/Users/{make_user(provider).pk}"
    understood, not_at_all = (
        {"method": "PATCH", "path": path, "data": {"Operations": [one]}} for one in (TITLE, UNKNOWN)
    )
    client.post("/Bulk", {"Operations": [understood]})
    client.post(
        "/Bulk",
        {
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "a", "hat": 1}},
                understood,
            ]
        },
    )
    client.post("/Bulk", {"Operations": [understood, not_at_all]})
    assert [row.reason for row in logged() if row.part_of] == ["", "", "", "", NOTHING]


def test_a_group_s_patch_with_unknown_members_alone_was_understood(provider, scim):
    provider = make_provider(skips_unknown_members=True)
    client, group = scim(provider), make_group(provider)
    client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": "x"}]})
    client.patch(f"/Groups/{group.pk}", UNKNOWN)
    assert [(row.status, row.reason) for row in logged()] == [(204, ""), (204, NOTHING)]
