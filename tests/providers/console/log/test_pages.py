"""The provisioning log and the refused requests (AC-LOG, AC-REF)."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext, override

from providers.console.log.explanations import EXPLANATIONS, explain
from providers.console.log.pages import as_html
from providers.ids import first_id_at
from providers.models import ChangeEvent, RefusedCalls, RequestLog, Token
from providers.request_log import writer
from providers.tokens import make_value
from scim.protocol.errors import Reason
from tests.factories import issue, make_group, make_user
from tests.pages import Element, Page, read

GUID = "9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4"


def entries(page: Page) -> list[Element]:
    """The link to each request that is listed."""
    return [row.one("a") for row in page.all("th", scope="row")]


def actions(page: Page) -> list[str]:
    return [link.text for link in entries(page)]


def wanted(page: Page) -> list[str]:
    """The name that each request asked for; nothing has it, so it is no link."""
    cells = [row.all("td")[1] for row in page.one("tbody").all("tr")]
    assert not [cell for cell in cells if cell.has("a")]
    return [cell.text for cell in cells]


def listed(browser, **query) -> list[str]:
    writer.flush()
    return actions(read(browser.get("/eum/log/", query)))


def fill(rows: int, **columns) -> None:
    """So many rows of the log, a millisecond apart, by one statement."""
    values = {
        "provider_id": "1",
        "method": "'GET'",
        "path": "'/scim/Users'",
        "status": "200",
        "resource_type": "'User'",
        **columns,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO providers_requestlog (id, at, duration_ms, {', '.join(values)})"
            " SELECT (lpad(to_hex((extract(epoch FROM now() - interval '1 hour') * 1000)::bigint + n), 12, '0')"
            " || '7000' || lpad(to_hex((random() * 1e9)::bigint), 16, '8'))::uuid, now(), 3,"
            f" {', '.join(values.values())} FROM generate_series(1, %s) n",
            [rows],
        )


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


def test_ac_log_1_the_words_are_those_of_what_happened(support, provider, scim):
    client = scim(provider)
    jane = make_user(provider, "jane@contoso.com")
    others = [make_user(provider) for _ in range(3)]
    group = make_group(provider, "Editors")
    members = [{"value": str(other.pk)} for other in others]
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": True})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Nurse"})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Nurse"})
    client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": members})
    client.patch(f"/Groups/{group.pk}", {"op": "remove", "path": "members", "value": members[:1]})
    client.delete(f"/Users/{jane.pk}")
    client.get("/ServiceProviderConfig")
    client.get("/Users", filter=f'userName eq "{GUID}"')
    client.get("/Users", filter='userName eq "jane@contoso.com"')
    expected = ["Disable user", "Enable user", "Update user", "Update user", "Add 3 members", "Remove 1 member"]
    expected += ["Delete user", "Read what iProva can do", "Connection test"]
    assert listed(support) == expected[::-1]
    assert listed(support, lookups="1")[0] == "Look up user"
    page = read(support.get("/eum/log/"))
    assert "nothing changed" in page.text and "hidden in the last 24 hours: 1" in page.text


def test_ac_hea_3_a_connection_test_is_no_error(support, provider, scim):
    scim(provider).get("/Users", filter=f'userName eq "{GUID}"')
    writer.flush()
    row = RequestLog.objects.get()
    assert (row.action, row.outcome) == ("test", "success")


def test_ac_log_1_a_refused_creation_shows_the_name_it_asked_for(support, operator, provider, scim):
    client = scim(provider)
    for body in ({"userName": "jane@contoso.com"}, {"userName": "JANE@contoso.com"}, {"userName": ""}):
        client.post("/Users", body)
    for _ in range(2):
        client.post("/Groups", {"displayName": "Editors"})
    writer.flush()
    page = read(support.get("/eum/log/?outcome=rejected"))
    assert wanted(page) == ["Editors", "–", "JANE@contoso.com"]
    masked = read(operator.get("/eum/log/?outcome=rejected"))
    assert wanted(masked) == ["Editors", "–", "J•••@contoso.com"]


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


def test_pages_go_back_as_they_went(support, provider):
    fill(120, provider_id=str(provider.pk), method="'POST'", status="201")
    ids = [str(pk) for pk in RequestLog.objects.order_by("-id").values_list("id", flat=True)]

    def shown(query: str) -> list[str]:
        links = entries(read(support.get(f"/eum/log/{query}")))
        return [link["href"].removeprefix("/eum/log/").removesuffix("/") for link in links]

    assert shown("") == ids[:50] and shown(f"?before={ids[49]}") == ids[50:100]
    assert shown(f"?before={ids[99]}") == ids[100:] and shown(f"?after={ids[100]}") == ids[50:100]
    assert shown(f"?after={ids[50]}") == ids[:50] and shown("?before=nonsense") == ids[:50]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"outcome": "problems"}, 1),
        ({"outcome": "nonsense"}, 0),
        ({"action": "create"}, 2),
        ({"status": "409"}, 1),
        ({"status": "x"}, 0),
        ({"status": "99999999999"}, 0),
        ({"period": "1"}, 2),
        ({"period": "7"}, 0),
        ({"from": "2020-01-01", "until": "2020-01-02"}, 0),
        ({"from": "2020-01-01"}, 2),
        ({"from": "2020-13-01"}, 0),
        ({"address": "127.0.0.1"}, 2),
        ({"address": "10.0.0.1"}, 0),
        ({"address": "x"}, 0),
        ({"token": "ipr_none"}, 0),
        ({"slower": "100000"}, 0),
        ({"provider": "x"}, 0),
        ({"subject": "x"}, 0),
        ({"q": "jane"}, 1),
        ({"q": "nobody"}, 0),
        ({"nothing": "x"}, 2),
    ],
)
def test_each_filter_leaves_what_it_says(support, provider, scim, query, count):
    client = scim(provider)
    client.post("/Users", {"userName": "jane@contoso.com"})
    client.post("/Users", {"userName": "jane@contoso.com"})
    assert len(listed(support, **query)) == count


def test_filters_by_provider_token_and_person_add_up(support, provider, stranger, scim):
    jane = make_user(provider, "jane@contoso.com")
    scim(provider).patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Nurse"})
    scim(stranger).post("/Users", {"userName": "jane@contoso.com"})
    prefix = Token.objects.get(provider=provider).prefix
    assert listed(support, provider=str(provider.pk), token=prefix, subject=str(jane.pk)) == ["Update user"]
    assert listed(support, provider=str(stranger.pk), subject=str(jane.pk)) == []
    page = read(support.get("/eum/log/", {"provider": provider.pk, "outcome": "success"}))
    assert "Provider: Contoso Entra ID" in page.text and "Outcome: Success" in page.text


def test_ac_log_3_an_id_in_the_search_opens_its_entry(support, provider, scim):
    answer = scim(provider).get("/Users", headers={"client-request-id": GUID})
    writer.flush()
    entry = f"/eum/log/{answer['X-Request-Id']}/"
    for text in (answer["X-Request-Id"], GUID, f" {GUID} "):
        assert support.get("/eum/log/", {"q": text})["Location"] == entry, text


def test_ac_log_4_every_reason_has_an_explanation():
    assert set(EXPLANATIONS) == set(Reason)


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (400, Reason.INVALID_FILTER, "The filter cannot be read."),
        (400, Reason.INVALID_PATH, "The attribute path does not exist."),
        (400, Reason.INVALID_VALUE, "A value is missing or not allowed."),
        (400, Reason.UNKNOWN_MEMBERS, "A value is missing or not allowed."),
        (400, Reason.INVALID_SYNTAX, "The request cannot be read."),
        (400, Reason.NO_TARGET, "There is nothing to change at that path."),
        (400, Reason.READ_ONLY, "The attribute is read-only."),
        (400, Reason.STRICT_PROTOCOL, "The strict protocol rejects this form."),
        (400, Reason.EXPIRED_CURSOR, "The page of the list does not exist any more."),
        (400, Reason.TOO_MANY, "Too much in one request."),
        (401, Reason.TOKEN_REVOKED, "The token was revoked."),
        (401, Reason.TOKEN_EXPIRED, "The token has expired."),
        (401, Reason.TOKEN_SUSPENDED, "The token is suspended."),
        (401, Reason.PROVIDER_DELETED, "The provider of this token was deleted."),
        (403, Reason.ADDRESS_REFUSED, "The address is not allowed."),
        (403, Reason.REMOVALS_REJECTED, "Removals are rejected."),
        (404, Reason.NOT_FOUND, "It is not known to this provider."),
        (404, Reason.UNKNOWN_ROUTE, "There is nothing at this address."),
        (405, Reason.METHOD_NOT_ALLOWED, "This cannot be done at this address."),
        (409, Reason.NAME_TAKEN, "The name is already taken."),
        (412, Reason.VERSION_MISMATCH, "Another request changed it first."),
        (413, Reason.BODY_TOO_LARGE, "The request is too large."),
        (415, Reason.MEDIA_TYPE, "The media type is not SCIM."),
        (500, Reason.INTERNAL_ERROR, "iProva failed."),
        (501, Reason.ME, "iProva does not offer this."),
        (503, Reason.PAUSED, "The provider is paused."),
        (503, Reason.REMOVALS_HELD, "Removals are held back."),
        (503, Reason.DATABASE_AWAY, "iProva was out of order for a moment."),
        # Rows that an earlier version wrote while the new one was being installed.
        (418, "", "The request cannot be read."),
        (502, "", "iProva failed."),
    ],
)
def test_ac_log_4_each_problem_has_its_own_explanation(support, provider, status, reason, said):
    row = {"method": "GET", "path": "/scim/Users", "duration_ms": 3, "at": timezone.now()}
    row |= {"status": status, "reason": reason}
    made = RequestLog.objects.create(id=first_id_at(timezone.now()), provider_id=provider.pk, **row)
    page = read(support.get(f"/eum/log/{made.pk}/"))
    assert (
        said in page.text
        and "Who must act" in page.text
        and "What to do" in page.text
        and "Traceback" not in page.source
    )
    dutch = read(support.get(f"/eum/log/{made.pk}/", headers={"Accept-Language": "nl"}))
    with override("nl"):
        translated = str(gettext(said))
    assert translated in dutch.text and translated != said and "Wie moet handelen" in dutch.text


def test_ac_log_4_a_success_needs_no_explanation(provider, scim):
    scim(provider).get("/Users")
    writer.flush()
    assert explain(RequestLog.objects.get()) is None


def test_ac_log_4_a_taken_name_links_to_its_holder(support, operator, provider, scim):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    answer = scim(provider).post("/Users", {"userName": "JANE@contoso.com"})
    writer.flush()
    page = read(support.get(f"/eum/log/{answer['X-Request-Id']}/"))
    said = page.one(id="what-title")
    assert "jane@contoso.com belongs to Jane de Boer." in said.text
    assert said.one("a", text="Jane de Boer")["href"] == f"/eum/users/{jane.pk}/"
    masked = read(operator.get(f"/eum/log/{answer['X-Request-Id']}/"))
    assert "Jane" not in masked.source and "jane@" not in masked.source.lower()


def test_ac_log_5_passwords_and_tokens_are_in_no_row_page_or_file(support, administrator, provider):
    token, value = issue(provider)
    from tests.conftest import ScimClient

    body = {"userName": "jane@contoso.com", "password": "x9Secret", "apiToken": value}
    answer = ScimClient(value).post("/Users", body)
    writer.flush()
    for path in ("/eum/log/?lookups=1", f"/eum/log/{answer['X-Request-Id']}/payload/"):
        page = read(support.get(path))
        assert "x9Secret" not in page.source and value not in page.source, path
    kept = repr(list(RequestLog.objects.values()))
    exported = administrator.get("/eum/log/export/?lookups=1").getvalue().decode()
    assert "POST" in kept and "Create user" in exported
    for secret in ("x9Secret", value, value[12:32]):
        assert secret not in kept and secret not in exported
    assert f"{token.prefix}…" in page.text


@pytest.mark.parametrize(
    "query", ["", "?outcome=rejected", "?provider=1", "?subject=0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa"]
)
def test_ac_log_6_a_page_asks_little(support, provider, query, django_assert_max_num_queries):
    jane = f"'{make_user(provider).pk}'::uuid"
    fill(60, provider_id=str(provider.pk), method="'POST'", status="409", resource_id=jane)
    fill(3, provider_id=str(provider.pk), method="'GET'", status="200")
    # session, account, second factor, rights (2), providers, rows, their changes, subjects and titles, the number of
    # rows and that of hidden look-ups, the last purge, lost rows
    with django_assert_max_num_queries(14):
        assert support.get(f"/eum/log/{query}").status_code == 200


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("NOT (action = 'look-up' AND outcome = 'success')", "id_idx"),
        ("outcome = 'rejected'", "outcome_id_idx"),
        ("provider_id = 7", "provider_id_id_idx"),
        ("resource_id = '0199103e-5c40-7a1b-9d1e-7b3a55c0e2aa'", "resource_id_id_idx"),
        ("client_request_id = 'x' AND client_request_id <> ''", "client_request_id_idx"),
    ],
)
def test_ac_log_6_each_view_walks_an_index(provider, condition, index):
    fill(20_000)
    fill(20_000, status="201", method="'POST'")
    fill(50, status="409", method="'POST'")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_requestlog")
        cursor.execute(f"EXPLAIN SELECT * FROM providers_requestlog WHERE {condition} ORDER BY id DESC LIMIT 51")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    month = timezone.now().strftime("%Y%m")
    assert "Index Scan" in plan and f"providers_requestlog_{month}_{index}" in plan, plan


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


def test_ac_ref_1_four_kinds_are_told_apart(support, provider, scim, client):
    revoked, value = issue(provider)
    Token.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now() - timedelta(days=2))
    for authorization in (None, "Bearer nonsense", f"Bearer {value}"):
        client.get("/scim/Users", headers={"Authorization": authorization} if authorization else {})
    provider.ip_mode = "enforce"
    provider.save()
    scim(provider).get("/Users")
    writer.flush()
    page = read(support.get("/eum/refused/"))
    for part in ("No token", "Unknown token", "The token was revoked.", "The address is not allowed.", revoked.shown):
        assert part in page.text, part
    assert f"{timezone.localtime(Token.objects.get(pk=revoked.pk).revoked_at):%-d %b %Y}" in page.text


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ("Bearer {}", "The word Bearer twice"),
        ('"{}"', "A token in quotes"),
        ("{0:.30} {0:.0}", "A token that was cut off or changed"),
        ("{:.20}", "A token that was cut off or changed"),
        ("eyJ0.eyJ1.sig", "A token of Entra's own"),
        ("{}", "A token that is not ours"),
    ],
)
def test_ac_ref_4_the_row_says_what_is_wrong_with_a_token(support, client, form, word):
    sent = form.format(make_value())
    answer = client.get("/scim/Users", headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == 401
    writer.flush()
    page = read(support.get("/eum/refused/"))
    assert word in page.text
    assert sent not in page.source


def test_ac_ref_3_nothing_of_an_unknown_token_is_kept(client, db):
    for sent in (make_value(), "eyJ0.eyJ1.sig", "correct-horse"):
        client.get("/scim/Users", headers={"Authorization": f"Bearer {sent}"})
    writer.flush()
    assert {field.name for field in RefusedCalls._meta.fields} == {"id", "address", "hour", "kind", "count"}
    kinds = sorted(RefusedCalls.objects.values_list("kind", flat=True))
    assert kinds == ["jwt", "never-issued", "unknown-token"]
    assert not RequestLog.objects.exists()


def test_ac_ref_4_spaces_inside_a_token(support, client):
    value = make_value()
    client.get("/scim/Users", headers={"Authorization": f"Bearer {value[:20]} {value[20:]}"})
    writer.flush()
    assert "A token with spaces" in read(support.get("/eum/refused/")).text


def test_ac_ref_2_a_flood_is_a_row_and_the_page_asks_little(support, provider, django_assert_max_num_queries):
    for _ in range(10_000):
        writer.count_refusal("198.51.100.9", timezone.now(), "unknown-token")
    writer.flush()
    assert RefusedCalls.objects.count() <= 2
    with django_assert_max_num_queries(9):  # session, account, rights (2), counts, groups, providers, tokens
        assert "10,000" in read(support.get("/eum/refused/")).text


def test_ac_ref_2_the_newest_hours_come_by_index(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_refusedcalls (address, hour, kind, count) SELECT ('10.0.' || n / 250 || '.' ||"
            " n %% 250)::inet, now() - n * interval '1 minute', 'no-token', 1 FROM generate_series(1, 20000) n",
            [],
        )
        cursor.execute("ANALYZE providers_refusedcalls")
        cursor.execute("EXPLAIN SELECT * FROM providers_refusedcalls ORDER BY hour DESC, id DESC LIMIT 100")
        assert "refused_newest" in cursor.fetchall()[1][0]


def test_nothing_yet_is_said(support, provider):
    assert "No requests yet" in read(support.get("/eum/log/")).text
    assert "No request found" in read(support.get("/eum/log/?status=409")).text
    assert "every call with a token of a provider was let in" in read(support.get("/eum/refused/")).text
