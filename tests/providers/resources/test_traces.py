"""What a purge and a whole session leave behind: read from a dump of all tables and from the process log."""

import logging
import re
import time
from datetime import timedelta
from itertools import count
from urllib.parse import quote

import pytest
from django.db import connection
from django.utils import timezone

from iprova_idm.process_log import Formatter
from providers import request_log
from providers.housekeeping import empty_recycle_bin, erase_traces, purge_providers, run_job
from providers.models import (
    ChangeEvent,
    Erasure,
    Membership,
    Notice,
    Provider,
    RequestLog,
    Resource,
    SavedFilter,
)
from providers.resources import traces
from providers.resources.traces import Traces, identifying_values
from tests.conftest import ScimClient
from tests.factories import issue, make_group, make_user
from tests.pages import read
from tests.providers.console.conftest import file_of

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_numbers = count(1)


def dump():
    """Every row of every table as text, in lower case; binary columns also as text."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert len(tables) > 20
        parts = []
        for table in tables:
            with cursor.cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as rows:
                parts += [table, *(bytes(row).decode() for row in rows)]
    return "\n".join(parts).lower()


class Kept(logging.Handler):
    """The process log, as the server writes it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []
        self.setFormatter(Formatter("%(name)s %(message)s"))

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def process_log():
    kept, root = Kept(), logging.getLogger()
    root.addHandler(kept)
    yield kept.lines
    root.removeHandler(kept)


def planted(word="qzx"):
    return f"{word}{next(_numbers):04}{word[::-1]}"


def person(**more):
    return {
        "userName": f"{planted()}.ü@contoso.example",
        "displayName": f"{planted()} Ünal",
        "externalId": planted(),
        "name": {"givenName": planted(), "familyName": planted(), "formatted": f"{planted()} {planted()}"},
        "nickName": planted(),
        "title": planted(),
        "emails": [{"type": "work", "value": f"{planted()}@contoso.example"}, {"value": f"{planted()}@home.example"}],
        "phoneNumbers": [{"type": "work", "value": f"+31 {next(_numbers):09}"}],
        "addresses": [{"type": "home", "streetAddress": planted(), "locality": planted()}],
        ENTERPRISE: {"employeeNumber": planted()},
        planted(): planted(),
        **more,
    }


def values_in(body):
    """Every value that a request planted."""
    match body:
        case dict():
            return {value for name, inner in body.items() if name not in ("type", "schemas", "op", "path", "method")
                    for value in values_in(inner)} | {name for name in body if name.startswith("qzx")}  # fmt: skip
        case list():
            return {value for inner in body for value in values_in(inner)}
        case str():
            return {body}
    return set()


def live(client, administrator, support, provider):
    """A user's life: created, renamed, searched, rejected, listed, in groups, exported. Returns id and all values."""
    first, renamed, twin, bulky = person(), person(), person(), person()
    values = values_in([first, renamed])
    made = client.post("/Users", first, headers={"client-request-id": first["userName"]}).json()["id"]
    client.put(f"/Users/{made}", renamed)
    client.patch(f"/Users/{made}", {"op": "replace", "path": "title", "value": "qzxtitle"})
    values.add("qzxtitle")
    group = client.post("/Groups", {"displayName": "Ward"}).json()["id"]
    member = {"value": made, "display": renamed["displayName"], "$ref": f"/Users/{made}"}
    client.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [member]})
    client.request("PATCH", f"/Groups/{group}?attributes=members.display", {
        "Operations": [{"op": "replace", "path": "displayName", "value": "Ward 2"}]})  # fmt: skip
    for body in (first, renamed):
        for text in (f'userName eq "{body["userName"]}"', f'emails.value eq "{body["emails"][0]["value"]}"'):
            client.get("/Users", filter=text)
            client.get(f"/Users?filter={quote(quote(text))}")
            client.post("/Users/.search", {"schemas": [], "filter": text})
        client.get(f"/Users/{body['userName']}")
        client.patch(
            f"/Users/{made}", {"op": "replace", "path": f'emails[value eq "{body["externalId"]}"].x', "value": 1}
        )
        client.post("/Users", {**twin, "userName": body["userName"], "active": "perhaps"})
        client.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": body["userName"]}]})
        operations = [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": "1",
                "data": {**twin, "userName": body["userName"], "emails": 5},
            },
            {"method": "PUT", "path": f"/Users/{made}", "data": {**body, **bulky, "userName": body["userName"]}},
        ]
        client.post("/Bulk", {"schemas": [BULK], "Operations": operations})
    values |= values_in([twin, bulky])
    request_log.writer.flush()
    now = client.get(f"/Users/{made}").json()
    administrator.get("/eum/users/export/", {"q": now["userName"]}).getvalue()
    support.post(
        "/eum/users/filters/save/", {"name": now["displayName"], "query": f"q={quote(now['emails'][0]['value'])}"}
    )
    for row in RequestLog.objects.filter(path__contains="@"):
        support.get(f"/eum/log/{row.pk}/payload/")
    said = {"address": "a@x.example", "subject": f"{provider}: removals", "created_at": timezone.now()}
    Notice.objects.create(provider_id=provider.pk, key="k", body=f"- {now['userName']}\n- colleague@x.example", **said)
    client.delete(f"/Users/{made}")
    request_log.writer.flush()
    return made, {value.lower() for value in values if value and value not in (made, "perhaps")}


def left_of(values, text):
    text = text.lower()
    plain = text.replace("\\\\", "\\")
    forms = {
        value: {value, quote(value), quote(value, safe=""), value.encode("unicode_escape").decode()} for value in values
    }
    return sorted(
        value for value in values if any(form.lower() in text or form.lower() in plain for form in forms[value])
    )


def by_hand(administrator, made):
    label = Resource.objects.get(pk=made).label
    answer = administrator.post(f"/eum/recycle-bin/{made}/purge/", {"title": f"  {label} "})
    assert answer.status_code == 302


def by_housekeeping(_administrator, made):
    Resource.objects.filter(pk=made).update(deleted_at=timezone.now() - timedelta(days=31))
    assert run_job(empty_recycle_bin) == "1"
    assert run_job(erase_traces) == "1"


@pytest.mark.parametrize("purge", [by_hand, by_housekeeping])
def test_m10_v60_a_purged_user_is_in_no_table_and_in_no_line(
    provider, administrator, support, process_log, purge, capfd
):
    client = ScimClient(issue(provider)[1])
    colleague = person()
    client.post("/Users", colleague)
    made, values = live(client, administrator, support, provider)
    seen = left_of(values, dump())
    assert len(seen) > 60 and len(values) - len(seen) < 5  # some were replaced before anything kept them
    purge(administrator, made)
    left = left_of(values, dump())
    assert not left, (len(left), left)
    captured = capfd.readouterr()
    assert not left_of(values, "\n".join([*process_log, captured.out, captured.err]))
    kept = left_of({value.lower() for value in values_in(colleague)}, dump())
    assert len(kept) == len({value.lower() for value in values_in(colleague)}), "another user's values stay"
    events = ChangeEvent.objects.about(made)
    assert {event.subject for event in events} == {str(made)} and not any(event.changes for event in events)
    assert events.filter(kind="resource.created").exists() and events.filter(kind="resource.deleted").exists()
    assert RequestLog.objects.filter(resource_id=made, method="PUT").exists(), "the skeleton stays"
    assert not Erasure.objects.exists() and not Membership.objects.filter(member=made).exists()
    assert "colleague@x.example" in Notice.objects.get().body


def test_m10_who_was_created_again_keeps_what_the_log_has(provider, administrator, scim):
    client = scim(provider)
    body = {"userName": "jane@contoso.com", "displayName": "Jane de Boer"}
    first = client.post("/Users", body).json()["id"]
    client.delete(f"/Users/{first}")
    second = client.post("/Users", body).json()["id"]
    client.get("/Users", filter='userName eq "jane@contoso.com"')
    request_log.writer.flush()
    by_hand(administrator, first)
    assert "jane@contoso.com" in RequestLog.objects.get(resource_id=second).request_body
    assert RequestLog.objects.filter(query__contains="jane").count() == 1
    assert RequestLog.objects.filter(resource_id=first, request_body="", subject="").count() == 2
    assert Resource.objects.get(pk=second).user_name == "jane@contoso.com"


def test_m10_what_is_left_is_erased_by_housekeeping(provider, administrator, scim, monkeypatch):
    client = scim(provider)
    jane = make_user(provider, "jane@contoso.com")
    for _ in range(5):
        client.get("/Users", filter='userName eq "jane@contoso.com"')
    client.delete(f"/Users/{jane.pk}")
    request_log.writer.flush()
    monkeypatch.setattr(traces, "BATCH", 2)
    monkeypatch.setattr("providers.resources.recycle_bin.ERASES_FOR_S", 0)
    by_hand(administrator, jane.pk)
    assert Erasure.objects.get().position and "jane@contoso.com" in dump()
    while run_job(erase_traces) != "0":
        pass
    assert "jane" not in dump()


def test_m10_a_batch_costs_the_same_with_many_values(provider, scim, django_assert_max_num_queries):
    client = scim(provider)
    for number in range(50):
        client.get("/Users", filter=f'userName eq "user{number}@contoso.com"')
    request_log.writer.flush()
    erasure = Erasure.objects.create(provider_id=provider.pk, values=[f"gone{n}@contoso.com" for n in range(20_000)])
    started = time.process_time()
    with django_assert_max_num_queries(16):
        assert traces.work_off(erasure, seconds=60)
    assert time.process_time() - started < 3
    assert RequestLog.objects.filter(query__contains="contoso").count() == 50


def test_m10_a_purged_provider_leaves_no_value_of_its_users(provider, administrator, scim):
    client = scim(provider)
    bodies = [person() for _ in range(3)]
    for body in bodies:
        client.post("/Users", body)
    client.post("/Users", {**person(), "active": "perhaps"})
    request_log.writer.flush()
    Provider.objects.filter(pk=provider.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    run_job(purge_providers)
    values = {value.lower() for value in values_in(bodies)}
    assert not left_of(values, dump()) and "qzx" not in dump()
    assert ChangeEvent.objects.of(provider.pk).filter(kind="resource.created").count() == 3


def test_m10_a_purged_group_leaves_no_value(provider, administrator, scim):
    client = scim(provider)
    group = client.post("/Groups", {"displayName": "Qzxward", "externalId": "qzx-1"}).json()["id"]
    client.delete(f"/Groups/{group}")
    request_log.writer.flush()
    by_hand(administrator, group)
    assert not ChangeEvent.objects.about(group).exclude(subject=group).exists()
    assert (
        not RequestLog.objects.filter(resource_id=group).exclude(request_body="", response_body="", subject="").exists()
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('filter=userName+eq+"jane@x.example"', 'filter=userName+eq+"•••"'),
        ("filter=userName%20eq%20%22jane%40x.example%22", "filter=userName%20eq%20%22•••%22"),
        ("filter=userName%2520eq%2520%2522jane%2540x.example%2522", "•••"),
        ('{"userName":"JANE@X.EXAMPLE","n":"Jane de Bo\\u00ebr"}', '{"userName":"•••","n":"•••"}'),
        ('{"userName":"\\u006aane@x.example"}', "•••"),
        ("/scim/Users/jane@x.example/x", "/scim/Users/•••/x"),
        ("mary.jane@x.example", "mary.jane@x.example"),
        ("jane@x.example.org and janet", "jane@x.example.org and janet"),
        ('["jane@x.example"]', '["•••"]'),
    ],
)
def test_m10_values_are_found_in_every_encoding(text, kept):
    found = Traces(["jane@x.example", "Jane de Boër"]).erased(text)
    assert found == kept or (kept == "•••" and "ane@x" not in found and "%2540x" not in found)


def test_values_that_many_share_identify_nobody(provider):
    body = {"displayName": "Jane", "title": "Nurse", "name": {"givenName": "Jane", "familyName": "Boer"}}
    jane = make_user(provider, "jane@contoso.com", nickName="Jo", **body)
    assert identifying_values(provider.pk, [jane.pk]) == {"jane@contoso.com"}
    assert identifying_values(provider.pk, [make_group(provider, "Ward").pk]) == set()


@pytest.mark.parametrize("name", [" Jane ", "Jane  de\tBoer", "\u00a0Jane"])
def test_l6_a_user_whose_name_has_outer_spaces_can_be_purged(provider, administrator, scim, name):
    jane = make_user(provider, "jane@contoso.com", displayName=name)
    scim(provider).delete(f"/Users/{jane.pk}")
    wrong = administrator.post(f"/eum/recycle-bin/{jane.pk}/purge/", {"title": "Jan"})
    assert "Type the name exactly" in read(wrong).text
    administrator.post(f"/eum/recycle-bin/{jane.pk}/purge/", {"title": " ".join(name.split())})
    assert not Resource.objects.filter(pk=jane.pk).exists()


def test_v23_v49_a_whole_session_leaves_no_secret(provider, administrator, support, process_log, capfd, settings):
    tokens = [issue(provider)[1]]
    client = ScimClient(tokens[0])
    secrets = {"S3cretPassw0rd", "0therS3cret"}
    made = client.post("/Users", {"userName": "jane@contoso.com", "password": "S3cretPassw0rd"}).json()["id"]
    client.patch(f"/Users/{made}", {"op": "replace", "path": "password", "value": "0therS3cret"})
    client.post("/Users", '{"userName":"u","password":"S3cretPassw0rd"}'.encode("utf-16"))
    client.get(f"/{tokens[0]}/Users")
    client.get("/Users", filter='password eq "S3cretPassw0rd"')
    ScimClient(f"{tokens[0][:-1]}x").get("/Users")
    ScimClient(f"Bearer {tokens[0]}").get("/Users")
    page = administrator.post(f"/eum/providers/{provider.pk}/tokens/", {"request_key": "", "label": "t"})
    tokens += re.findall(r"ipr_[A-Za-z0-9_-]{49}", page.content.decode())
    file_of(administrator, f"/eum/users/export/?q={tokens[0]}")
    support.post("/eum/users/filters/save/", {"name": tokens[0], "query": f"q={tokens[0]}"})
    support.get("/eum/find/", {"q": tokens[0]})
    administrator.post("/login/", {"username": "anna", "password": "S3cretPassw0rd"})
    administrator.post("/password_change/", {"old_password": "correct horse battery", "new_password1": "0therS3cret"})
    request_log.writer.flush()
    for row in RequestLog.objects.all():
        support.get(f"/eum/log/{row.pk}/payload/")
    captured = capfd.readouterr()
    texts = [dump(), "\n".join(process_log), captured.out, captured.err]
    for secret in [*secrets, *(token[8:] for token in tokens), "correct horse battery", settings.SECRET_KEY]:
        for form in (secret, quote(secret), "".join(f"%{ord(char):02x}" for char in secret), secret.encode().hex()):
            assert not any(form.lower() in text.lower() for text in texts), form
    assert SavedFilter.objects.count() == 1 and ChangeEvent.objects.filter(kind="console.exported").exists()
