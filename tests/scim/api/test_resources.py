"""Users and Groups over HTTP: verbs, refusals, tenants, query counts."""

import re
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from providers import request_log
from providers.models import ChangeEvent, RequestLog, Resource
from scim.protocol.attributes import ENTERPRISE_USER
from tests.conftest import ScimClient
from tests.database import tables_with
from tests.factories import browser_of, issue, make_account, make_group, make_provider, make_user

UUID = re.compile("[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")  # in a statement without hyphens
BASE = "http://127.0.0.1:8000/scim"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_a_user_lives(client):
    made = client.post("/Users", {"schemas": [CORE], "userName": "Jane@x", "name": {"givenName": "Jané"}})
    assert made.status_code == 201
    user = made.json()
    assert list(user)[:2] == ["schemas", "id"]
    assert made["Location"] == user["meta"]["location"] == f"http://127.0.0.1:8000/scim/Users/{user['id']}"
    assert made["ETag"] == user["meta"]["version"] == 'W/"1"'
    assert client.get(f"/Users/{user['id']}").json() == user
    put = client.put(f"/Users/{user['id']}", {"schemas": [CORE], "userName": "Jane@x", "title": "Nurse"})
    assert (put.status_code, put.json()["title"], "name" in put.json()) == (200, "Nurse", False)
    patched = client.patch(f"/Users/{user['id']}", {"op": "Replace", "path": "active", "value": "False"})
    assert (patched.status_code, patched.json()["active"], patched["ETag"]) == (200, False, 'W/"3"')
    assert client.get("/Users", filter='userName eq "jane@X"').json()["Resources"][0]["active"] is False
    assert client.delete(f"/Users/{user['id']}").status_code == 204
    for answer in (client.get(f"/Users/{user['id']}"), client.delete(f"/Users/{user['id']}")):
        assert answer.status_code == 404
    assert client.get("/Users").json()["totalResults"] == 0


def test_v61_line_breaks_in_an_id_reach_no_header(client):
    answer = client.get("/Users/x%0d%0aSet-Cookie:a=b")
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers


def test_v56_a_forged_host_changes_no_address(client):
    made = client.post("/Users", {"userName": "j"}, headers={"Host": "evil.example"})
    assert "evil" not in made.content.decode() + made["Location"]


def test_v5_v11_foreign_ids_are_as_unknown_ones(provider, stranger, scim):
    user, group = make_user(stranger), make_group(stranger)
    client = scim(provider)
    for path, body in ((f"/Users/{user.pk}", {"userName": "x"}), (f"/Groups/{group.pk}", {"displayName": "x"})):
        unknown = path.rpartition("/")[0] + f"/{uuid.uuid4()}"
        for verb in ("GET", "PUT", "DELETE", "PATCH"):
            sent = {"Operations": [{"op": "remove", "path": "externalId"}]} if verb == "PATCH" else body
            answers, statements = [], []
            for one in (path, unknown):
                with CaptureQueriesContext(connection) as captured:
                    answers.append(client.request(verb, one, sent))
                statements.append([UUID.sub("ID", query["sql"]) for query in captured])
            # The same number of statements; in a transaction they differ by the names of its savepoints alone.
            assert len(statements[0]) == len(statements[1]) > 0
            assert [sql for sql in statements[0] if "SAVEPOINT" not in sql] == [
                sql for sql in statements[1] if "SAVEPOINT" not in sql
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            texts = [
                answer.content.decode().replace(one.rpartition("/")[2], "ID")
                for answer, one in zip(answers, (path, unknown), strict=True)
            ]
            assert texts[0] == texts[1]
    assert Resource.objects.get(pk=user.pk).version == 1


@pytest.mark.parametrize("text", ['userName eq "a" or userName pr', 'not (userName eq "a")', "id pr or id pr"])
def test_v12_or_filter_stays_in_tenant(provider, stranger, scim, text):
    make_user(stranger, "b@x")
    mine = make_user(provider, "mine")
    found = scim(provider).get("/Users", filter=text).json()
    assert (found["totalResults"], [one["id"] for one in found["Resources"]]) == (1, [str(mine.pk)])


def test_v13_counts_do_not_tell_of_others(provider, stranger, scim):
    make_user(stranger, "b@x")
    client = scim(provider)
    for query in ({}, {"count": "0"}, {"filter": 'userName eq "b@x"'}, {"startIndex": "5"}):
        assert client.get("/Users", **query).json()["totalResults"] == 0


def test_v14_a_foreign_member_is_refused_and_nothing_is_told(provider, stranger, scim):
    foreign, group = make_user(stranger, "secret@x"), make_group(provider)
    answer = scim(provider).patch(
        f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(foreign.pk)}]}
    )
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "secret" not in answer.content.decode()


def test_v63_an_id_belongs_to_one_type(client, provider):
    user, group = make_user(provider), make_group(provider)
    assert client.delete(f"/Groups/{user.pk}").status_code == 404
    assert client.delete(f"/Users/{group.pk}").status_code == 404
    assert not Resource.objects.filter(deleted_at__isnull=False).exists()


def test_v1_v2_external_id_and_names_touch_no_console_account(client, django_user_model):
    admin = django_user_model.objects.create_superuser("a@x", "a@x", "pw")
    before = django_user_model.objects.filter(pk=admin.pk).values().get()
    made = client.post("/Users", {"userName": "a@x", "externalId": str(admin.pk), "password": "S3cret"})
    assert made.status_code == 201
    assert "password" not in made.content.decode()
    assert django_user_model.objects.filter(pk=admin.pk).values().get() == before
    assert django_user_model.objects.count() == 1


SECRET = "S3cret-0f-Jane"


def writes_with_a_password(client, pk):
    """Every way in which a client can send a password; what was answered."""
    address, body = f"/Users/{pk}", {"userName": "jane@x", "title": "Nurse"}
    for number, name in enumerate(("password", "PassWord", f"{CORE}:password")):
        yield client.post("/Users", {"userName": f"{number}@x", name: SECRET})
        yield client.put(address, body | {name: SECRET})
        for op in ("add", "replace", "Replace", "remove"):
            yield client.patch(address, {"op": op, "path": name, "value": SECRET})
        yield client.patch(address, {"op": "replace", "value": {name: SECRET}})
        data = {"Operations": [{"op": "replace", "path": name, "value": SECRET}]}
        bulk = [
            {"method": "PUT", "path": address, "data": body | {name: SECRET}},
            {"method": "PATCH", "path": address, "data": data},
        ]
        yield client.post("/Bulk", {"Operations": bulk})
    for sent in ([SECRET], {"value": SECRET}, 7, None):
        yield client.put(address, body | {"password": sent})


def test_v6_a_password_is_nowhere_whatever_way_it_comes(client, provider, django_user_model, capfd):
    admin = django_user_model.objects.create_superuser("jane@x", "jane@x", "pw")
    person = make_user(provider, "jane@x", title="Nurse")
    for answer in writes_with_a_password(client, person.pk):
        assert answer.status_code in (200, 201, 204, 400), answer.content
        assert SECRET not in answer.content.decode()
    for answer in (
        client.get(f"/Users/{person.pk}", attributes="password"),
        client.get("/Users", attributes=f"userName,{CORE}:password"),
        client.post("/.search", {"attributes": ["password"]}),
    ):
        assert answer.status_code == 200 and "password" not in answer.content.decode().lower()
    for query in ({"filter": f'password eq "{SECRET}"'}, {"filter": "not (password pr)"}, {"sortBy": "password"}):
        assert client.get("/Users", **query).status_code == 400
        assert client.post("/Users/.search", query).status_code == 400
    client.patch(f"/Users/{person.pk}", {"op": "remove", "path": f'emails[password eq "{SECRET}"]'})
    request_log.writer.flush()
    output = capfd.readouterr()
    assert tables_with(SECRET) == [] and SECRET not in output.out + output.err
    assert tables_with("Nurse") != [], "the search does find what is stored"
    assert django_user_model.objects.get(pk=admin.pk).check_password("pw")


@pytest.mark.parametrize("size", [1, 50])
def test_reads_cost_the_same_at_any_size(provider, scim, django_assert_num_queries, size):
    client = scim(provider)
    people = [make_user(provider) for _ in range(size)]
    group = make_group(provider, "Care", people)
    cases = [
        (2, f"/Users/{people[0].pk}", {}),  # token, user with groups
        (2, f"/Groups/{group.pk}", {}),  # token, group with members
        (2, f"/Groups/{group.pk}", {"excludedAttributes": "members"}),
        (2, "/Users", {"filter": f'userName eq "{people[0].user_name}"'}),  # token, page
        (2, "/Users", {}),  # token, page: it is the whole list
        (2, "/Users", {"count": "1"}),  # token, page with the total that is kept
        (2, "/Groups", {}),
        (2, "/Users", {"count": "0"}),  # token, total
    ]
    for queries, path, query in cases:
        with django_assert_num_queries(queries):
            assert client.get(path, **query).status_code == 200


def test_writes_cost_a_fixed_number_of_round_trips(committed, scim, django_assert_num_queries):
    client, title = scim(make_provider()), {"op": "replace", "path": "title", "value": "x"}
    with django_assert_num_queries(2):  # token, INSERT with event
        user = client.post("/Users", {"userName": "j"}).json()
    with django_assert_num_queries(3):  # token, resource, UPDATE with event
        client.patch(f"/Users/{user['id']}", title)
    with django_assert_num_queries(3):  # the same without change: nothing is written, but the resource is read
        client.patch(f"/Users/{user['id']}", title)
    with django_assert_num_queries(3):
        client.put(f"/Users/{user['id']}", {"userName": "j", "title": "y"})
    group = client.post("/Groups", {"displayName": "Care"}).json()
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    remove = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
    for change in (add, remove, add):
        with django_assert_num_queries(2):  # token, memberships with version and event
            assert client.patch(f"/Groups/{group['id']}", change).status_code == 204
    # The same without change: the token, then the statement that does nothing, then in one transaction: lock,
    # memberships, which of them are known, which are live.
    with django_assert_num_queries(8):
        assert client.patch(f"/Groups/{group['id']}", add).status_code == 204
    with django_assert_num_queries(6):  # token, BEGIN, lock, UPDATE with event, version of the group, COMMIT
        client.delete(f"/Users/{user['id']}")
    other = client.post("/Users", {"userName": "k"}).json()
    with django_assert_num_queries(5):
        client.delete(f"/Users/{other['id']}")


def test_v59_pages_are_stable_and_whole(provider, scim):
    client = scim(provider)
    people = [str(make_user(provider).pk) for _ in range(7)]
    seen = []
    for start in (1, 4, 7):
        page = client.get("/Users", startIndex=str(start), count="3").json()
        assert (page["startIndex"], page["totalResults"], page["itemsPerPage"]) == (start, 7, len(page["Resources"]))
        seen += [one["id"] for one in page["Resources"]]
    assert seen == people


@pytest.mark.parametrize(
    ("query", "start", "size"),
    [
        ({"startIndex": "0"}, 1, 3), ({"startIndex": "-5", "count": "1"}, 1, 1), ({"count": "-1"}, 1, 0), ({"count": "0"}, 1, 0),
        ({"startIndex": "99"}, 99, 0), ({"startIndex": "9" * 40}, 9999999999999999, 0), ({"count": "1" + "0" * 30}, 1, 3),
        ({"startindex": "2"}, 2, 2), ({"COUNT": "2"}, 1, 2),
    ],
)  # fmt: skip
def test_list_edges(provider, scim, query, start, size):
    for _ in range(3):
        make_user(provider)
    page = scim(provider).get("/Users", **query).json()
    assert (page["startIndex"], page["itemsPerPage"], len(page["Resources"]), page["totalResults"]) == (
        start,
        size,
        size,
        3,
    )


def test_v36_a_filter_error_is_400_and_not_an_empty_list(client):
    for text in ('userNam eq "x"', "userName eq", "x" * 20_000, "password pr"):
        answer = client.get("/Users", filter=text)
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")


def test_attributes_and_excluded_attributes(client, provider):
    person = make_user(provider, emails=[{"value": "a", "type": "work"}], title="Nurse")
    make_group(provider, "Care", [person])
    only = client.get(f"/Users/{person.pk}", attributes="title,emails.value").json()
    assert only == {"schemas": [CORE], "id": str(person.pk), "title": "Nurse", "emails": [{"value": "a"}]}
    assert "groups" not in client.get("/Users", excludedAttributes="groups").json()["Resources"][0]
    assert client.get("/Groups", attributes="id").json()["Resources"][0].keys() == {"schemas", "id"}


def test_group_answers_hold_members_and_users_their_groups(client, provider):
    person = make_user(provider, displayName='J"ane')
    group = make_group(provider, "Care", [person])
    base = "http://127.0.0.1:8000/scim"
    assert client.get(f"/Groups/{group.pk}").json()["members"] == [
        {"value": str(person.pk), "$ref": f"{base}/Users/{person.pk}", "type": "User"}
    ]
    asked = client.get(f"/Groups/{group.pk}", attributes="members.display,members.value").json()
    assert asked["members"] == [{"value": str(person.pk), "display": 'J"ane'}]
    assert client.get(f"/Users/{person.pk}").json()["groups"] == [
        {"value": str(group.pk), "$ref": f"{base}/Groups/{group.pk}", "display": "Care", "type": "direct"}
    ]


def test_etags(client, provider):
    person = make_user(provider)
    path = f"/Users/{person.pk}"
    tag = client.get(path)["ETag"]
    assert client.get(path, {"If-None-Match": tag}).status_code == 304
    assert client.put(path, {"userName": "a"}, headers={"If-Match": 'W/"7"'}).status_code == 412
    assert client.put(path, {"userName": "a"}, headers={"If-Match": tag}).status_code == 200
    assert client.delete(path, headers={"If-Match": tag}).status_code == 412
    assert client.delete(path, headers={"If-Match": "*"}).status_code == 204
    assert client.get(path, {"If-None-Match": tag}).status_code == 404


def test_v9_twins_are_409_for_users_and_groups(client):
    client.post("/Users", {"userName": "Admin@x"})
    client.post("/Groups", {"displayName": "Care"})
    for path, body in (
        ("/Users", {"userName": "ＡＤＭＩＮ@x"}),
        ("/Users", {"userName": " admin@x"}),
        ("/Groups", {"displayName": "CARE"}),
    ):
        answer = client.post(path, body)
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_external_id_need_not_be_unique(client):
    for name in ("a", "b"):
        assert client.post("/Users", {"userName": name, "externalId": "same"}).status_code == 201
    assert client.get("/Users", filter='externalId eq "same"').json()["totalResults"] == 2


def test_old_dates_and_nulls_in_filters(client, provider):
    make_user(provider, title="x")
    assert client.get("/Users", filter='meta.created gt "0013-05-05T00:00:00Z"').json()["totalResults"] == 1
    assert client.get("/Users", filter="emails eq null and groups eq null").json()["totalResults"] == 1
    assert client.get("/Users", filter="emails ne null").json()["totalResults"] == 0


def test_v58_a_precondition_on_what_is_not_there_is_412(client):
    for verb in ("PUT", "DELETE"):
        assert (
            client.request(verb, f"/Users/{uuid.uuid4()}", {"userName": "x"}, headers={"If-Match": "*"}).status_code
            == 412
        )


def test_v9_at_most_one_primary_is_kept(client):
    emails = [{"value": "a", "primary": "True"}, {"value": "b", "primary": "True"}]
    made = client.post("/Users", {"userName": "x", "emails": emails}).json()
    assert [email["primary"] for email in made["emails"]] == [False, True]


def test_an_id_in_capitals_is_another_text_everywhere(client, provider):
    """`id` and `members.value` are caseExact (RFC 7643 §3.1, §4.2)."""
    user = make_user(provider, "jane@x")
    group = make_group(provider, members=[user])
    loud, address = str(user.pk).upper(), f"/Users/{str(user.pk).upper()}"
    for answer in (
        client.get(address),
        client.put(address, {"userName": "jane@x"}),
        client.patch(address, {"op": "replace", "path": "active", "value": False}),
        client.delete(address),
        client.get(f"/Groups/{str(group.pk).upper()}", membersCount="1"),
    ):
        assert answer.status_code == 404, answer.content
    bulk = client.post("/Bulk", {"Operations": [{"method": "DELETE", "path": address}]}).json()["Operations"]
    assert bulk[0]["status"] == "404"
    for text in (f'id eq "{loud}"', f'groups.value eq "{str(group.pk).upper()}"', f'id sw "{loud[:30]}"'):
        assert client.get("/Users", filter=text).json()["totalResults"] == 0, text
    assert client.get("/Groups", filter=f'members[value eq "{loud}"]').json()["totalResults"] == 0
    for operation in (
        {"op": "remove", "path": f'members[value eq "{loud}"]'},
        {"op": "remove", "path": "members", "value": [{"value": loud}]},
    ):
        client.patch(f"/Groups/{group.pk}", operation)
    assert client.get(f"/Groups/{group.pk}").json()["members"][0]["value"] == str(user.pk)
    added = client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": loud}]})
    assert (added.status_code, added.json()["scimType"]) == (400, "invalidValue")


@pytest.mark.parametrize(
    ("held", "sent", "said"),
    [
        ("jane@x", "jane@x", None),
        ("jane@x", "JANE@x", "upper and lower case"),
        ("jane@x", "jane@x ", "blanks at the beginning or end"),
        ("jane@x", "ｊane@x", "the width or form of characters"),
        ("jane@x", "ja\u200bne@x", "invisible characters"),
        ("Jane@x", " jane@x", "upper and lower case and blanks at the beginning or end"),
        ("\u200bJane@x ", "jane@x", "upper and lower case, blanks at the beginning or end and invisible characters"),
    ],
)
def test_a_409_names_in_what_the_two_values_differ(client, held, sent, said):
    first = client.post("/Users", {"userName": held}).json()
    other = client.post("/Users", {"userName": "other@x"}).json()
    group = client.post("/Groups", {"displayName": held})
    assert group.status_code == 201
    for answer in (
        client.post("/Users", {"userName": sent}),
        client.put(f"/Users/{other['id']}", {"userName": sent}),
        client.patch(f"/Users/{other['id']}", {"op": "replace", "path": "userName", "value": sent}),
        client.post("/Groups", {"displayName": sent}),
    ):
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
        explanation = f" (the two differ only in {said}, which does not count)" if said else ""
        assert f"{explanation}. Match on" in answer.json()["detail"]
        assert first["id"] not in answer.json()["detail"]


def rows_of_accounts():
    """Everything that decides who may sign in to the console, and what they may do."""
    with connection.cursor() as cursor:
        found = []
        for table in (
            "auth_user",
            "auth_group",
            "auth_user_groups",
            "auth_group_permissions",
            "auth_user_user_permissions",
        ):
            cursor.execute(f"SELECT array_agg(r::text ORDER BY r::text) FROM {table} r")
            found.append(cursor.fetchone()[0])
    return found


def signs_in(name, password):
    browser = Client(headers={"Host": "127.0.0.1"})
    browser.post("/login/", {"username": name, "password": password})
    return "_auth_user_id" in browser.session


def test_v3_an_address_of_somebody_else_is_data_of_this_provider_alone(client, stranger):
    account = make_account("Administrator", username="anna@x", email="anna@x")
    theirs = make_user(stranger, "bob@x", emails=[{"value": "bob@x", "type": "work"}])
    mine = client.post("/Users", {"userName": "jane@x"}).json()["id"]
    before, held = rows_of_accounts(), Resource.objects.filter(pk=theirs.pk).values().get()
    for address in ("anna@x", "bob@x"):
        mail = [{"value": address, "type": "work", "primary": True}]
        answers = [
            client.patch(f"/Users/{mine}", {"op": "replace", "path": "emails", "value": mail}),
            client.patch(f"/Users/{mine}", {"op": "replace", "path": "userName", "value": address}),
            client.put(f"/Users/{mine}", {"userName": address, "emails": mail, "externalId": str(account.pk)}),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert rows_of_accounts() == before
    assert Resource.objects.filter(pk=theirs.pk).values().get() == held
    assert signs_in("anna@x", "correct horse battery") and not signs_in("bob@x", "correct horse battery")


@pytest.mark.parametrize("name", ["Administrator", "administrator", "Support", "Operator"])
def test_v4_a_group_named_like_a_role_gives_no_right(client, name):
    account = make_account("Support", username="jane@x")
    before = rows_of_accounts()
    jane = client.post("/Users", {"userName": "jane@x", "password": "correct horse battery"}).json()["id"]
    made = client.post("/Groups", {"displayName": name, "members": [{"value": jane}]})
    assert made.status_code == 201
    for change in (
        {"op": "replace", "path": "roles", "value": [{"value": name}]},
        {"op": "add", "value": {"is_staff": True}},
    ):
        assert client.patch(f"/Users/{jane}", change).status_code == 200
    assert rows_of_accounts() == before
    assert set(User.objects.get(pk=account.pk).groups.values_list("name", flat=True)) == {"Support"}
    assert browser_of(account).get("/accounts/").status_code == 403


def test_v8_a_disabled_user_stays_disabled_whatever_another_provider_or_a_re_sync_sends(provider, stranger, scim):
    mine, theirs = scim(provider), scim(stranger)
    body = {
        "userName": "jane@x",
        "emails": [{"value": "jane@x"}],
        "externalId": "7",
        "password": "correct horse battery",
    }
    jane = mine.post("/Users", body).json()["id"]
    mine.patch(f"/Users/{jane}", {"op": "replace", "path": "active", "value": False})
    other = theirs.post("/Users", body | {"active": True}).json()["id"]
    theirs.put(f"/Users/{other}", body | {"active": True})
    theirs.patch(f"/Users/{jane}", {"op": "replace", "path": "active", "value": True})
    for answer in (
        mine.post("/Users", body | {"active": True}),  # as a directory that starts again
        mine.put(f"/Users/{jane}", body),
        mine.patch(f"/Users/{jane}", {"op": "replace", "path": "title", "value": "Nurse"}),
        mine.patch(f"/Users/{jane}", {"op": "remove", "path": "active"}),
        mine.patch(f"/Users/{jane}", {"op": "replace", "path": "active", "value": None}),
    ):
        assert answer.status_code in (200, 400, 409), answer.content
    assert mine.get(f"/Users/{jane}").json()["active"] is False
    assert theirs.get(f"/Users/{other}").json()["active"] is True
    assert not signs_in("jane@x", "correct horse battery")


def test_v53_a_user_who_is_enabled_again_has_exactly_the_groups_that_the_directory_stated_last(client):
    jane = client.post("/Users", {"userName": "jane@x"}).json()["id"]
    kept, lost, joined = (
        client.post("/Groups", {"displayName": name, "members": members}).json()["id"]
        for name, members in (("kept", [{"value": jane}]), ("lost", [{"value": jane}]), ("joined", []))
    )
    client.patch(f"/Users/{jane}", {"op": "replace", "path": "active", "value": False})
    member = [{"value": jane}]
    client.patch(f"/Groups/{lost}", {"op": "remove", "path": "members", "value": member})
    client.patch(f"/Groups/{joined}", {"op": "add", "path": "members", "value": member})
    while_disabled = {group["value"] for group in client.get(f"/Users/{jane}").json()["groups"]}
    client.patch(f"/Users/{jane}", {"op": "replace", "path": "active", "value": True})
    assert (
        {group["value"] for group in client.get(f"/Users/{jane}").json()["groups"]} == {kept, joined} == while_disabled
    )
    client.delete(f"/Users/{jane}")
    assert client.post("/Users", {"userName": "jane@x"}).json().get("groups") is None, "somebody new is in no group"


def test_v54_no_url_in_a_resource_is_ever_fetched(client, administrator, monkeypatch):
    tried = []
    monkeypatch.setattr(socket.socket, "connect", lambda own, address: tried.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **more: tried.append(address) or [])
    url = "http://169.254.169.254/latest/meta-data"
    jane = client.post(
        "/Users",
        {
            "userName": "jane@x",
            "profileUrl": url,
            "photos": [{"value": url, "type": "photo"}],
            "x509Certificates": [{"value": "aHR0cDovLzE2OS4yNTQuMTY5LjI1NA=="}],
            ENTERPRISE_USER: {"manager": {"value": "1", "$ref": url}},
        },
    ).json()["id"]
    client.patch(f"/Users/{jane}", {"op": "replace", "path": "profileUrl", "value": "file:///etc/passwd"})
    client.post("/Groups", {"displayName": "g", "members": [{"value": jane, "$ref": url}]})
    for address in (f"/eum/users/{jane}/", "/eum/users/", "/eum/"):
        assert administrator.get(address).status_code == 200
    assert tried == []


def test_v47_a_patch_whose_third_operation_is_invalid_changes_nothing_and_the_log_says_why(client):
    jane = client.post("/Users", {"userName": "jane@x", "title": "Nurse"}).json()
    events = ChangeEvent.objects.count()
    request_log.writer.flush()
    operations = [
        {"op": "replace", "path": "title", "value": "Doctor"},
        {"op": "remove", "path": "nickName"},
        {"op": "replace", "path": "active", "value": "perhaps"},
    ]
    assert client.patch(f"/Users/{jane['id']}", *operations).status_code == 400
    assert client.get(f"/Users/{jane['id']}").json() == jane
    assert ChangeEvent.objects.count() == events
    request_log.writer.flush()
    (row,) = RequestLog.objects.filter(method="PATCH")
    assert (row.status, row.outcome, row.reason) == (400, "rejected", "invalid-value") and "active" in row.detail


def test_v18_two_providers_at_once_in_one_process_get_their_own(committed):
    """Each thread of a provider creates, reads and lists; what it is answered belongs to that provider."""
    providers = [make_provider(), make_provider()]
    tokens = [issue(provider)[1] for provider in providers]
    start = threading.Barrier(4)

    def work(number):
        mine = ScimClient(tokens[number % 2])
        name, answers = f"p{number % 2}-", []
        start.wait()
        try:
            for step in range(25):
                answers.append(mine.post("/Users", {"userName": f"{name}{number}-{step}"}))
                answers.append(mine.get(f"/Users/{answers[-1].json()['id']}"))
                listed = mine.get("/Users", count="500").json()["Resources"]
                assert {one["userName"][:3] for one in listed} == {name}
            return [(answer.json(), answer.headers.get("Location")) for answer in answers]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    for number, answers in enumerate(results):
        own = {str(pk) for pk in Resource.objects.of(providers[number % 2]).values_list("pk", flat=True)}
        assert len(own) == 50
        for body, location in answers:
            assert body["id"] in own and body["meta"]["location"] == location == f"{BASE}/Users/{body['id']}"


@pytest.mark.parametrize("sent", ["null", "True", "x/y", "", 7, None, {}])
def test_a_member_named_by_something_that_is_no_address_is_refused_or_left_out(scim, provider, sent):
    """A name of the body that is a path to the address of a member, as the fuzzer sent it."""
    client = scim(provider)
    answer = client.post("/Groups", {"displayName": "Care", "members.$ref": sent})
    assert answer.status_code in (201, 400), answer.json()
    if answer.status_code == 201:
        assert "members" not in answer.json()
