"""The page *Not provisioned*, and what leads to it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from providers.models import Provider, SyncedUser
from providers.request_log import writer
from tests.factories import make_group, make_user
from tests.pages import IN_DUTCH, read
from tests.providers.console.conftest import rows_of

PAGE = "/eum/not-provisioned/"
OFF = {"op": "replace", "path": "active", "value": False}


@pytest.fixture
def client(provider, scim):
    return scim(provider)


def problems(browser, **query) -> list[list[str]]:
    """Return the cells of each row, without the buttons."""
    writer.flush()
    page = read(browser.get(PAGE, query))
    return page.one(test_id="not-provisioned").rows if page.has(test_id="not-provisioned") else []


def summary(browser, **query) -> list[tuple[str, str, str, str]]:
    """Return the user, why, the number of attempts and the status of each row."""
    rows = problems(browser, **query)
    return [(row[0].split(" ")[0], row[1], row[2].split(" ")[0], row[3].split(" ")[0]) for row in rows]


def rename(client, person, name):
    return client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "userName", "value": name})


def test_a_rejected_creation_is_one_row_until_the_user_is_created(support, client):
    for _ in range(3):
        client.post("/Users", {"userName": "jane@x", "displayName": "Jane", "active": "perhaps"})
    assert summary(support) == [("Jane", "Value cannot be used: active Create user", "3", "Open")]
    client.post("/Users", {"userName": "joe@x"})
    assert summary(support, status="open")[0][3] == "Open"
    client.post("/Users", {"userName": "JANE@x"})
    assert summary(support)[0][3] == "Resolved" and summary(support, status="open") == []


def test_a_creation_is_resolved_when_the_directory_matches_the_record_that_is_there(provider, support, client):
    person = make_user(provider, "jane@x")
    client.post("/Users", {"userName": "jane@x", "externalId": "e-1"})
    assert summary(support)[0][3] == "Open"
    client.patch(f"/Users/{person.pk}", {"op": "add", "path": "externalId", "value": "e-1"})
    assert summary(support)[0][3] == "Resolved"


def test_a_change_is_resolved_by_the_same_attribute_alone(provider, support, client):
    make_user(provider, "taken@x")
    person = make_user(provider, "jane@x")
    assert rename(client, person, "taken@x").status_code == 409
    client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "title", "value": "Nurse"})
    assert summary(support) == [("jane@x", "userName already taken Update user", "1", "Open")]
    assert rename(client, person, "free@x").status_code == 200
    assert summary(support)[0][3] == "Resolved"
    assert rename(client, person, "taken@x").status_code == 409
    assert summary(support)[0][2:] == ("2", "Open")
    assert client.delete(f"/Users/{person.pk}").status_code == 204
    assert summary(support)[0][3] == "Resolved"


def test_one_row_for_each_reason_and_provider(provider, stranger, support, client, scim):
    person = make_user(provider, "jane@x")
    make_user(provider, "taken@x")
    rename(client, person, "taken@x")
    client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "emails", "value": "[{}"})
    client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "active", "value": "perhaps"})
    scim(stranger).post("/Users", {"userName": "jane@x", "active": "perhaps"})
    found = {(row[0], row[1]) for row in summary(support)}
    assert {why for _name, why in found} >= {
        "userName already taken Update user",
        "Value cannot be used: active Create user",
    }
    assert len(problems(support, provider=stranger.pk)) == 1


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"paused_at": "2026-11-01T00:00Z"}, "Paused: active Disable user"),
        ({"ip_mode": "enforce"}, "Refused: active Disable user"),
        ({"removal_limit": "hold", "held_at": "2026-11-01T00:00Z"}, "Removals held back Disable user"),
        (
            {"removal_limit": "hold", "held_at": "2026-11-01T00:00Z", "rejected_at": "2026-11-01T00:00Z"},
            "Removals rejected Disable user",
        ),
    ],
)
def test_a_disabling_that_was_not_let_through(provider, support, client, settings, why):
    person = make_user(provider, "jane@x")
    Provider.objects.filter(pk=provider.pk).update(**settings)
    client.patch(f"/Users/{person.pk}", OFF)
    assert summary(support) == [("jane@x", why.replace(": active", ""), "1", "Open")]
    assert "iProva administrator" in problems(support)[0][4]
    off = {"paused_at": None, "ip_mode": "off", "removal_limit": "off", "held_at": None}
    Provider.objects.filter(pk=provider.pk).update(**off)
    assert client.patch(f"/Users/{person.pk}", OFF).status_code == 200
    assert summary(support)[0][3] == "Resolved"


def test_a_deletion_is_resolved_by_a_deletion_alone(provider, support, client):
    person = make_user(provider, "jane@x")
    Provider.objects.filter(pk=provider.pk).update(paused_at="2026-11-01T00:00Z")
    client.delete(f"/Users/{person.pk}")
    Provider.objects.filter(pk=provider.pk).update(paused_at=None)
    client.patch(f"/Users/{person.pk}", OFF)
    assert summary(support)[0][1:] == ("Paused Delete user", "1", "Open")
    client.delete(f"/Users/{person.pk}")
    assert summary(support)[0][3] == "Resolved"


def test_a_change_of_members_is_resolved_by_the_same_request(provider, support, client):
    group, person, other = make_group(provider, "Editors"), make_user(provider), make_user(provider)
    Provider.objects.filter(pk=provider.pk).update(paused_at="2026-11-01T00:00Z")

    def add(member):
        return client.patch(
            f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(member.pk)}]}
        )

    add(person)
    Provider.objects.filter(pk=provider.pk).update(paused_at=None)
    add(other)
    assert summary(support) == [("Editors", "Paused Change members", "1", "Open")]
    add(person)
    assert summary(support)[0][3] == "Resolved"


def test_operations_of_bulk_requests_count(provider, support, client):
    make_user(provider, "joe@x")
    operations = [{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "joe@x"}}]
    client.post("/Bulk", {"Operations": operations})
    assert summary(support) == [("joe@x", "userName already taken Create user", "1", "Open")]


def test_look_ups_and_other_peoples_calls_are_not_on_the_page(provider, support, client):
    client.get("/Users/01990000-0000-7000-8000-000000000000")
    client.get("/Users", filter="nonsense")
    provider.tokens.update(revoked_at="2026-11-01T00:00Z")
    client.post("/Users", {"userName": "jane@x"})
    assert problems(support) == []
    assert "Everything was provisioned" in read(support.get(PAGE)).text
    assert "Nothing found" in read(support.get(PAGE, {"provider": "x"})).text


def test_the_text_for_the_directory_is_english_and_has_the_facts(support, operator, client):
    answer = client.post("/Users", {"userName": "jane@x", "displayName": "Jane", "active": "perhaps"})
    writer.flush()
    dutch = read(support.get(PAGE, headers=IN_DUTCH))
    text = dutch.one(test_id="not-provisioned").one("textarea").value
    assert "Asked: Create user" in text and "User: Jane, jane@x" in text and "Response: 400" in text
    assert "What to do: Correct the attribute mapping" in text and answer["X-Request-Id"] in text
    masked = read(operator.get(PAGE))
    assert "jane@x" not in masked.source and "Jane" not in masked.source


def test_a_search_finds_names_that_were_asked_for_and_users_that_are_here(provider, support, client):
    make_user(provider, "taken@x")
    person = make_user(provider, "jane@x", displayName="Jane de Boer")
    rename(client, person, "taken@x")
    client.post("/Users", {"userName": "taken@x", "displayName": "Zoë_Visser", "externalId": "e-77"})
    for text, name in [
        ("boer", "Jane"),
        ("zoe_v", "Zoë_Visser"),
        ("E-77", "Zoë_Visser"),
        ("taken visser", "Zoë_Visser"),
    ]:
        assert [row[0] for row in summary(support, q=text)] == [name], text
    assert summary(support, q="zoe%v") == [] and len(summary(support, q="taken")) == 3 - 1


def test_the_search_for_a_user_that_was_never_created_leads_here(support, operator, client):
    for _ in range(2):
        client.post("/Users", {"userName": "jané@x", "active": "perhaps"})
    writer.flush()
    found = support.get("/eum/find/?q=jane", follow=True)
    said = read(found).one(test_id="never-created")
    assert "jané@x: Contoso Entra ID tried to create this user 2 times" in said.text
    assert "Value cannot be used: active" in said.text and "not assigned" not in read(found).text
    assert said.has("a", href=f"{PAGE}?q=jane")
    assert "jané@x" not in read(operator.get("/eum/users/?q=jane")).source.replace("?q=jan", "")
    assert "probably not assigned" in read(support.get("/eum/users/?q=nobody")).text


def test_one_user_that_is_here_and_one_that_is_not_are_both_found(provider, support, client):
    make_user(provider, "jane@x")
    client.post("/Users", {"userName": "jane@y", "active": "perhaps"})
    writer.flush()
    assert support.get("/eum/find/?q=jane")["Location"] == "/eum/users/?q=jane"
    client.post("/Users", {"userName": "jane@y"})
    SyncedUser.objects.filter(user_name="jane@x").delete()
    assert support.get("/eum/find/?q=jane")["Location"].startswith("/eum/users/0")


def test_the_page_asks_the_same_number_of_queries_for_one_row_and_for_fifty(provider, support, client, administrator):
    counts = []
    for number in range(1, 52):
        client.post("/Users", {"userName": f"u{number}@x", "active": "perhaps"})
        if number in (1, 51):
            writer.flush()
            with CaptureQueriesContext(connection) as queries:
                support.get(PAGE, {"q": "x"})
            counts.append(len(queries))
    # session, account, its two-step sign-in, rights, the menu, the search (2), the rows, their providers and requests,
    # whether the log works, the limit of time (3)
    assert counts[0] == counts[1] <= 15, counts
    page = read(support.get(PAGE))
    assert "Found: 51, open: 51." in page.text and len(page.one(test_id="not-provisioned").rows) == 50
    assert len(problems(support, p="2")) == 1 and problems(support, p="9") == []
    lines = rows_of(administrator, "/eum/not_provisioned/export/")
    assert len(lines) == 52 and lines[1][3] == "u51@x" and lines[1][14] == "open"
