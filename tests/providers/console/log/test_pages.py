"""The provisioning log and the page of one request (AC-LOG)."""

import uuid

import pytest

from providers.console.log.pages import as_html
from providers.models import ChangeEvent, RequestLog
from providers.request_log import writer
from tests.conftest import ScimClient
from tests.factories import fill_log, issue, make_user
from tests.pages import read
from tests.providers.console.conftest import file_of
from tests.providers.console.log.conftest import GUID, actions, entries


def test_ac_log_1_a_call_has_every_column_and_its_id_is_that_of_the_answer(support, provider, scim):
    client = scim(provider)
    answer = client.post("/Users", {"userName": "jane@contoso.com"}, headers={"client-request-id": "entra-1"})
    writer.flush()
    page = read(support.get("/eum/log/"))
    for part in ("Create user", "jane@contoso.com", "Success", "201", "Contoso Entra ID", "127.0.0.1"):
        assert part in page.text, part
    assert [link["href"] for link in entries(page)] == [f"/eum/log/{answer['X-Request-Id']}/"]
    entry = read(support.get(f"/eum/log/{answer['X-Request-Id']}/"))
    assert "entra-1" in entry.text and "Permanent token 1" in entry.text and "Changes made" in entry.text


@pytest.mark.parametrize(
    "body",
    ["[" * 30_000, "[" * 900 + "]" * 900, '{"a":' * 9_000 + "1" + "}" * 9_000, '{"userName":' + "9" * 5_000, "\x00"],
)
def test_ac_log_4_a_body_that_no_reader_can_take_is_still_shown(support, provider, client, body):
    _token, value = issue(provider)
    headers = {"Authorization": f"Bearer {value}"}
    refused = client.post("/scim/Users", body, content_type="application/scim+json", headers=headers)
    assert refused.status_code == 400
    writer.flush()
    for path in ("", f"{refused['X-Request-Id']}/", f"{refused['X-Request-Id']}/payload/"):
        assert support.get(f"/eum/log/{path}").status_code == 200, path


def test_ac_log_2_rejected_shows_only_400_409_and_412_and_counts_them(support, provider, scim):
    client = scim(provider)
    jane = make_user(provider, "jane@contoso.com")
    for _ in range(60):
        client.post("/Users", {"userName": "jane@contoso.com"})
    client.post("/Users", {"userName": ""})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "x"}, headers={"If-Match": 'W/"9"'})
    client.get(f"/Users/{uuid.uuid4()}")
    writer.flush()
    page = read(support.get("/eum/log/?outcome=rejected"))
    assert "Requests found: 62." in page.text and len(actions(page)) == 50
    older = page.one("a", test_id="older")["href"]
    rest = read(support.get(f"/eum/log/{older}"))
    assert len(actions(rest)) == 12 and "Newer" in rest.text and not rest.has(test_id="older")
    assert set(RequestLog.objects.filter(outcome="rejected").values_list("status", flat=True)) == {400, 409, 412}


def test_ac_log_3_an_id_in_the_search_opens_its_entry(support, provider, scim):
    answer = scim(provider).get("/Users", headers={"client-request-id": GUID})
    writer.flush()
    entry = f"/eum/log/{answer['X-Request-Id']}/"
    for text in (answer["X-Request-Id"], f" {answer['X-Request-Id']} ", answer["X-Request-Id"][-8:]):
        assert support.get("/eum/log/", {"q": text})["Location"] == entry, text


def test_l17_an_id_of_a_client_leads_to_the_list_and_shows_whose_it_is(support, provider, stranger, scim):
    own = scim(provider).get("/Users", headers={"client-request-id": GUID})
    foreign = scim(stranger).post("/Users", {"userName": "mallory"}, headers={"client-request-id": GUID})
    writer.flush()
    assert support.get("/eum/find/", {"q": GUID})["Location"] == f"/eum/log/?q={GUID}"
    page = read(support.get("/eum/log/", {"q": f" {GUID} "}))
    ids = [answer["X-Request-Id"] for answer in (foreign, own)]
    assert [link["href"] for link in entries(page)] == [f"/eum/log/{found}/" for found in ids]
    rows = page.one("table", id="result_list").rows
    assert "Fabrikam" in rows[0] and "Contoso Entra ID" in rows[1]


def test_ac_log_5_passwords_and_tokens_are_in_no_row_page_or_file(support, administrator, provider):
    token, value = issue(provider)

    body = {"userName": "jane@contoso.com", "password": "x9Secret", "apiToken": value}
    answer = ScimClient(value).post("/Users", body)
    writer.flush()
    for path in ("/eum/log/?lookups=1", f"/eum/log/{answer['X-Request-Id']}/payload/"):
        page = read(support.get(path))
        assert "x9Secret" not in page.source and value not in page.source, path
    kept = repr(list(RequestLog.objects.values()))
    exported = file_of(administrator, "/eum/log/export/?lookups=1").decode()
    assert "POST" in kept and "Create user" in exported
    for secret in ("x9Secret", value, value[12:32]):
        assert secret not in kept and secret not in exported
    assert f"{token.prefix}…" in page.text


@pytest.mark.parametrize(
    "query", ["", "?outcome=rejected", "?provider=1", "?subject=0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa"]
)
def test_ac_log_6_a_page_asks_little(support, provider, query, django_assert_max_num_queries):
    jane = f"'{make_user(provider).pk}'::uuid"
    fill_log(60, provider_id=str(provider.pk), method="'POST'", status="409", resource_id=jane)
    fill_log(3, provider_id=str(provider.pk), method="'GET'", status="200")
    # session, account, two-step sign-in, rights (2), providers, rows, their changes, subjects and titles, the number of
    # rows and that of hidden look-ups, the last purge, lost rows; and for a filter its limit of time (3)
    with django_assert_max_num_queries(17 if query else 14):
        assert support.get(f"/eum/log/{query}").status_code == 200


def test_ac_log_8_bodies_need_the_right_and_opening_them_is_written_down(support, operator, provider, scim):
    answer = scim(provider).post("/Users", {"userName": "jane@contoso.com", "title": "Nurse"})
    writer.flush()
    entry = f"/eum/log/{answer['X-Request-Id']}/"
    closed = read(support.get(entry))
    assert closed.has(test_id="open-payload") and "Nurse" in closed.text and not closed.has(test_id="request-body")
    opened = read(support.get(f"{entry}payload/"))
    body = opened.one(test_id="request-body")
    assert body.has("b", text='"title"') and body.has("i", text='"Nurse"') and '"title": "Nurse"' in body.text
    event = ChangeEvent.objects.get(kind="console.payload-opened")
    assert event.person_name.startswith("support") and answer["X-Request-Id"] in event.subject
    assert event.provider_id == provider.pk
    hidden = read(operator.get(entry))
    assert "payload" not in hidden.source and "jane@" not in hidden.source and "Nurse" not in hidden.source
    assert operator.get(f"{entry}payload/").status_code == 403
    assert ChangeEvent.objects.filter(kind="console.payload-opened").count() == 1


def test_ac_role_4_an_operator_reads_no_personal_value_in_the_log(operator, provider, scim):
    client = scim(provider)
    client.post("/Users", {"userName": "jane@contoso.com", "displayName": "Jane Boerhof"})
    answer = client.get("/Users", filter='userName eq "jane@contoso.com"')
    writer.flush()
    for path in ("/eum/log/?lookups=1", f"/eum/log/{answer['X-Request-Id']}/"):
        page = read(operator.get(path))
        assert "jane@" not in page.source and "jane%40" not in page.source and "oerhof" not in page.source, path
    assert "J•••" in read(operator.get("/eum/log/")).text


def test_ac_log_9_what_is_gone_from_the_log_has_no_page(support, provider):
    assert support.get(f"/eum/log/{uuid.uuid4()}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("", ""),
        ("<b>no json", "&lt;b&gt;no json"),
        ('{"a": "<i>"}', "{\n  <b>&quot;a&quot;</b>: <i>&quot;&lt;i&gt;&quot;</i>\n}"),
        ("[1, true, null]", "[\n  <em>1</em>,\n  <em>true</em>,\n  <em>null</em>\n]"),
        (r'{"a\"b": -1.5e3}', "{\n  <b>&quot;a\\&quot;b&quot;</b>: <em>-1500.0</em>\n}"),
    ],
)
def test_bodies_are_marked_up_and_escaped(body, html):
    assert as_html(body) == html


def test_nothing_yet_is_said(support, provider):
    assert "No requests yet" in read(support.get("/eum/log/")).text
    assert "No request found" in read(support.get("/eum/log/?status=409")).text
    assert "every call with a token of a provider was accepted" in read(support.get("/eum/refused/")).text


def test_a_request_is_found_by_the_id_that_pages_show(support, provider, scim):
    answer = scim(provider).post("/Users", {"userName": "jane@contoso.com"})
    writer.flush()
    page = f"/eum/log/{answer['X-Request-Id']}/"
    for text in (answer["X-Request-Id"][-8:], answer["X-Request-Id"][-8:].upper(), answer["X-Request-Id"]):
        assert support.get("/eum/log/", {"q": text})["Location"] == page
        assert support.get("/eum/find/", {"q": text})["Location"] == page
    assert support.get("/eum/log/", {"q": "deadbeef"}).status_code == 200


def test_a_request_without_a_body_had_none(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    answer = scim(provider).delete(f"/Users/{jane.pk}")
    look_up = scim(provider).get("/Users")
    writer.flush()
    assert "This request had no body." in read(support.get(f"/eum/log/{answer['X-Request-Id']}/")).text
    assert "are not kept" in read(support.get(f"/eum/log/{look_up['X-Request-Id']}/")).text


def test_an_operation_of_a_bulk_request_leads_to_the_whole(support, provider, scim):
    body = {
        "Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "jane@contoso.com"}}]
    }
    answer = scim(provider).post("/Bulk", body)
    writer.flush()
    rows = read(support.get("/eum/log/")).all("th", scope="row")
    assert [row.text for row in rows] == ["Create user", "Several operations in one request"]
    part = read(support.get(rows[0].one("a")["href"]))
    assert part.one("a", text=answer["X-Request-Id"])["href"] == f"/eum/log/{answer['X-Request-Id']}/"
    assert "Changes made" in part.text


def test_the_log_says_why(support, operator, provider, scim):
    client = scim(provider)
    client.post("/Users", {"userName": "jdoe"})
    for body in ({"userName": "jdoe"}, {"userName": "x", "active": "perhaps"}, {"displayName": "Jane"}):
        client.post("/Users", body)
    writer.flush()
    cells = [row[4] for row in read(support.get("/eum/log/")).one("table").rows]
    assert cells == ["Required value missing: userName", "Value cannot be used: active", "userName already taken", ""]
    taken = read(support.get("/eum/log/?status=409")).all("th", scope="row")[0].one("a")["href"]
    assert 'has the userName "jdoe"' in read(support.get(taken)).text
    assert "jdoe" not in read(operator.get(taken)).source
