"""Users and Groups over HTTP: verbs, refusals, tenants, query counts."""

import uuid

import pytest

from providers.models import Resource
from tests.factories import make_group, make_user

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


def test_v11_foreign_ids_are_as_unknown_ones(provider, stranger, scim, django_assert_num_queries):
    user, group = make_user(stranger), make_group(stranger)
    client = scim(provider)
    for path, body in ((f"/Users/{user.pk}", {"userName": "x"}), (f"/Groups/{group.pk}", {"displayName": "x"})):
        unknown = path.rpartition("/")[0] + f"/{uuid.uuid4()}"
        for verb in ("GET", "PUT", "DELETE", "PATCH"):
            sent = {"Operations": [{"op": "remove", "path": "externalId"}]} if verb == "PATCH" else body
            answers = [client.request(verb, one, sent) for one in (path, unknown)]
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
        (3, "/Users", {"count": "1"}),  # token, page, total
        (2, "/Groups", {}),
        (2, "/Users", {"count": "0"}),  # token, total
    ]
    for queries, path, query in cases:
        with django_assert_num_queries(queries):
            assert client.get(path, **query).status_code == 200


def test_writes_cost_a_fixed_number_of_queries(provider, scim, django_assert_num_queries):
    client = scim(provider)
    # token, BEGIN (here SAVEPOINT), INSERT with event, answer, COMMIT
    with django_assert_num_queries(5):
        user = client.post("/Users", {"userName": "j"}).json()
    # token, BEGIN, lock, UPDATE with event, answer, COMMIT
    with django_assert_num_queries(6):
        client.patch(f"/Users/{user['id']}", {"op": "replace", "path": "title", "value": "x"})
    # the same without change: nothing is written
    with django_assert_num_queries(5):
        client.patch(f"/Users/{user['id']}", {"op": "replace", "path": "title", "value": "x"})
    with django_assert_num_queries(6):
        client.put(f"/Users/{user['id']}", {"userName": "j", "title": "y"})
    # token, BEGIN, the groups of the user, lock, UPDATE with event, memberships, COMMIT
    with django_assert_num_queries(7):
        client.delete(f"/Users/{user['id']}")


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
