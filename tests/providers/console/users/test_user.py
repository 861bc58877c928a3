"""The person's page: the answer first, and the timeline (AC-PER)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from providers.console.frame.page import short_id
from providers.events import Actor
from providers.models import ChangeEvent, RequestLog, Token
from providers.request_log import writer
from providers.resources.recycle_bin import restore
from scim.protocol.attributes import GROUP, USER
from scim.store import verbs
from tests.factories import call, make_group, make_provider, make_user
from tests.pages import Page, read

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAIL = {"type": "work", "value": "jane@contoso.com"}


def page_of(browser, person, query: str = "") -> Page:
    writer.flush()
    return read(browser.get(f"/eum/users/{person.pk}/{query}"))


def answer_on(page: Page) -> str:
    return page.one(test_id="summary").text


def titles_on(page: Page) -> list[str]:
    return [title.text for title in page.one(test_id="timeline").all("strong")]


def differences_on(page: Page, title: str) -> list[str]:
    """The rows of the table below the only timeline row with this title."""
    entry = page.one(test_id="timeline").one("strong", text=title).around("li")
    return [" ".join(row) for row in entry.one("table").rows]


def patch(client, person, path, value, op="replace"):
    body = {"op": op, "path": path} | ({} if value is None else {"value": value})
    answer = client.patch(f"/Users/{person.pk}", body)
    assert answer.status_code in (200, 204), answer.content
    return answer


def shift_events(days: int) -> None:
    """Let all that was recorded be so many days older."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        cursor.execute("UPDATE providers_changeevent SET at = at - make_interval(days => %s)", [days])
        cursor.execute("SET LOCAL iprova.purge = 'off'")


def forget_events() -> None:
    """Nothing that was recorded of people and groups is there any more."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        cursor.execute("DELETE FROM providers_changeevent WHERE resource_id IS NOT NULL")
        cursor.execute("SET LOCAL iprova.purge = 'off'")


# The answer, one test per row of the table in the specification


def test_ac_per_1_disabled_by_provider(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Editors", members=[jane])
    client = scim(provider)
    gone = patch(client, jane, "active", False)
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": [{"value": str(jane.pk)}]})
    event = ChangeEvent.objects.get(kind="resource.disabled")
    answer = answer_on(page_of(support, jane))
    local = timezone.localtime(event.at)
    request = short_id(gone["X-Request-Id"])
    assert answer.startswith(
        f"Disabled on {local:%-d %b %Y, %H:%M} by Contoso Entra ID: it sent active = false (request {request})."
    )
    assert "Within 5 minutes she also left: Editors." in answer
    assert "Entra does not say why. Usual causes: no longer assigned to iProva" in answer
    assert f"Look in Entra → Provisioning logs at {local:%H:%M}." in answer


def test_ac_per_1_removed_by_provider(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    make_group(provider, "Editors", members=[jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    answer = answer_on(page_of(support, jane))
    assert answer.startswith("Removed on ") and "by Contoso Entra ID (DELETE) (request " in answer
    assert "Entra normally disables first and deletes 30 days later." in answer
    assert "Within 5 minutes she also left: Editors." in answer


def test_ac_per_1_never_active(support, provider, scim):
    scim(provider).post("/Users", {"userName": "jane@contoso.com", "active": False})
    jane = ChangeEvent.objects.get(kind="resource.created")
    writer.flush()
    answer = answer_on(read(support.get(f"/eum/users/{jane.resource_id}/")))
    assert answer.startswith("Has been disabled since she was created on ")
    assert "by Contoso Entra ID: active = false was in the first request (request " in answer


def test_ac_per_1_active_and_last_changed(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", **{ENTERPRISE: {"department": "Zorg"}})
    patch(scim(provider), jane, f"{ENTERPRISE}:department", "Kwaliteit")
    answer = answer_on(page_of(support, jane))
    assert answer.startswith("Active. Last changed on ")
    assert "by Contoso Entra ID: department 'Zorg' → 'Kwaliteit'" in answer


def test_ac_per_1_active_counts_what_it_does_not_show(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="x" * 100)
    sent = [{"op": "replace", "path": path, "value": "new"} for path in ("displayName", "title", "userType", "locale")]
    scim(provider).patch(f"/Users/{jane.pk}", *sent)
    answer = answer_on(page_of(support, jane))
    assert "displayName not sent → 'new', locale not sent → 'new' and 2 more" in answer


def test_ac_per_1_active_and_not_changed_since(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    assert "and not changed since." in answer_on(page_of(support, jane))


def test_ac_per_1_active_again(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    patch(scim(provider), jane, "active", True)
    assert "Contoso Entra ID: it sent active = true" in answer_on(page_of(support, jane))


def test_ac_per_1_a_change_that_was_refused_is_said_in_addition(support, provider, scim):
    make_user(provider, "taken@contoso.com")
    jane = make_user(provider, "jane@contoso.com", active=False)
    client = scim(provider)
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "userName", "value": "taken@contoso.com"})
    answer = answer_on(page_of(support, jane))
    assert answer.startswith("Has been disabled since")
    assert "Contoso Entra ID tried to change her on " in answer and "and was refused: Another User" in answer
    assert "(409, request " in answer
    patch(client, jane, "title", "Nurse")
    assert "tried to change her" not in answer_on(page_of(support, jane))


def test_ac_per_1_no_record(support, provider):
    jane = make_user(provider, "jane@contoso.com", active=False)
    forget_events()
    answer = answer_on(page_of(support, jane))
    assert answer.startswith("Disabled. We have no record of this change. History starts on ")


# The timeline


def test_ac_per_3_each_row_links_to_a_request_that_exists(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    sent = patch(scim(provider), jane, "title", "Nurse")
    page = page_of(support, jane)
    assert page.one(test_id="timeline").has("a", href=f"/eum/log/{sent['X-Request-Id']}/")
    assert f"Contoso Entra ID, token {Token.objects.get().prefix}…" in page.one(test_id="timeline").text


def test_ac_per_3_or_says_when_it_expired(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    patch(scim(provider), jane, "title", "Nurse")
    shift_events(100)
    RequestLog.objects.all().delete()
    writer._reset()
    page = page_of(support, jane)
    ended = timezone.localtime(timezone.now() - timedelta(days=10))
    assert f"request expired from the log on {ended:%-d %b %Y}" in page.text


def test_ac_per_3_a_request_that_was_never_written_is_not_promised(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    sent = patch(scim(provider), jane, "title", "Nurse")
    writer._reset()
    page = page_of(support, jane)
    assert f"request {short_id(sent['X-Request-Id'])} is not in the log" in page.text
    assert f"/eum/log/{sent['X-Request-Id']}/" not in page.source


@pytest.mark.parametrize(
    ("before", "operation", "title", "rows"),
    [
        (
            {"title": "Nurse"},
            {"op": "replace", "path": "title", "value": "Head"},
            "Changed: job title",
            ["title − Nurse + Head"],
        ),
        ({}, {"op": "add", "path": "title", "value": "Head"}, "Changed: job title", ["title not sent + Head"]),
        (
            {"emails": [MAIL]},
            {"op": "add", "path": "emails", "value": [{"type": "home", "value": "j@home.example"}]},
            "Changed: e-mail address",
            ['emails[type eq "home"].value not sent + j@home.example'],
        ),
        (
            {"emails": [MAIL, {"type": "home", "value": "j@home.example"}]},
            {"op": "remove", "path": 'emails[type eq "work"]'},
            "Changed: e-mail address",
            ['emails[type eq "work"].value − jane@contoso.com not sent'],
        ),
        (
            {ENTERPRISE: {"department": "Zorg"}},
            {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Kwaliteit"},
            "Changed: department",
            ["enterprise:department − Zorg + Kwaliteit"],
        ),
        (
            {ENTERPRISE: {"manager": {"value": "1"}}},
            {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": "2"}},
            "Changed: manager",
            ["enterprise:manager.value − 1 + 2"],
        ),
    ],
)
def test_ac_per_4_before_and_after_are_right(support, provider, scim, before, operation, title, rows):
    jane = make_user(provider, "jane@contoso.com", **before)
    scim(provider).patch(f"/Users/{jane.pk}", operation)
    assert differences_on(page_of(support, jane), title) == rows


def test_ac_per_4_what_was_done_to_her_group_is_on_her_page(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    group = make_group(provider, "Editors")
    client = scim(provider)
    member = [{"value": str(jane.pk)}]
    added = client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": member})
    removed = client.patch(f"/Groups/{group.pk}", {"op": "remove", "path": "members", "value": member})
    page = page_of(support, jane)
    assert titles_on(page) == ["Left Editors", "Joined Editors", "Created"]
    for answer in (added, removed):
        assert page.one(test_id="timeline").has("a", href=f"/eum/log/{answer['X-Request-Id']}/")
    assert page.has(test_id="removed-from")


def test_ac_per_4_updates_without_a_change_are_folded(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Nurse")
    client = scim(provider)
    patch(client, jane, "title", "Nurse")
    patch(client, jane, "title", "Head")
    for _ in range(3):
        patch(client, jane, "title", "Head")
    expected = ["3 updates without a change", "Changed: job title", "1 update without a change", "Created"]
    assert titles_on(page_of(support, jane)) == expected


def test_ac_per_5_old_and_new_have_headers_and_signs(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Nurse")
    patch(scim(provider), jane, "title", "Head")
    table = page_of(support, jane).one(test_id="timeline").all("table")[0]  # the newest
    assert [head.text for head in table.all("th", scope="col")][-2:] == ["Before", "After"]
    old, new = table.one("del"), table.one("ins")
    assert (old.text, old.one("bdi").text, new.text, new.one("bdi").text) == ("− Nurse", "Nurse", "+ Head", "Head")


def test_ac_per_6_values_in_the_timeline_are_escaped_isolated_and_cut(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    patch(scim(provider), jane, "title", "<img src=x>\u202e" + "y" * 10_000)
    page = page_of(support, jane)
    assert "<img src=x" not in page.source
    shown = [value.text for value in page.all("bdi")]
    assert [text for text in shown if text.startswith("<img src=x>")] and page.text.count("Show all") >= 2


def test_ac_per_7_the_summary_holds_ids_and_times_and_nothing_personal(support, provider, scim):
    jane = make_user(
        provider,
        "jane@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
    )
    sent = patch(scim(provider), jane, "title", "Verpleegkundige")
    page = page_of(support, jane)
    summary = page.one("textarea").value
    for part in (str(jane.pk), "9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4", sent["X-Request-Id"], "title"):
        assert part in summary, part
    for secret in ("jane", "Boer", "Verpleeg", "contoso.com"):
        assert secret not in summary, secret


def test_ac_per_8_other_records_with_her_name_are_linked_as_different(support, operator, provider):
    first = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    verbs.delete(call(provider, USER), str(first.pk))
    again = make_user(provider, "JANE@contoso.com")
    elsewhere = make_user(make_provider("Fabrikam"), "jane@contoso.com")
    page = page_of(support, again)
    for other in (first, elsewhere):
        assert page.one(test_id="others").has("a", href=f"/eum/users/{other.pk}/")
    others = page.one(test_id="others").text
    assert others.count("a different record") == 2 and "Fabrikam" in others
    assert "Boer" not in page_of(operator, again).source


def test_attributes_tell_when_they_were_set_and_what_is_sent_no_more(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Nurse", emails=[MAIL])
    client = scim(provider)
    sent = patch(client, jane, 'emails[type eq "work"].value', "new@contoso.com")
    patch(client, jane, "title", None, op="remove")
    table = page_of(support, jane).one("table", test_id="attributes")
    mail = table.one("th", text='emails[type eq "work"].value').around("tr")
    assert mail.has("a", href=f"/eum/log/{sent['X-Request-Id']}/")
    assert "not sent" in table.one("th", text="title").around("tr").text


def test_a_long_history_is_shown_in_part_and_whole_on_request(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    client = scim(provider)
    for number in range(60):
        patch(client, jane, "title", f"Title {number}")
    page = page_of(support, jane)
    assert len(titles_on(page)) == 50 and "Show all 61" in page.text
    assert len(titles_on(page_of(support, jane, "?timeline=all"))) == 61


def test_ac_role_4_an_operator_reads_no_personal_value_in_a_history(operator, provider, scim):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane Boerhof", title="Nurse", emails=[MAIL])
    make_user(provider, "taken@contoso.com")
    client = scim(provider)
    patch(client, jane, "displayName", "Jane Boerhof-Smit")
    patch(client, jane, "title", "Verpleegkundige")
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "userName", "value": "taken@contoso.com"})
    patch(client, jane, f"{ENTERPRISE}:department", "Kwaliteit")
    page = page_of(operator, jane)
    for secret in ("Jane", "oerhof", "jane@", "taken@", "Nurse", "Verpleegkundige"):
        assert secret not in page.source, secret
    assert "Kwaliteit" in page.text and "J•••" in page.text


def test_a_restored_person_says_by_whom(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Editors", members=[jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    anna = Actor(person_id=1, person_name="Anna Bakker")
    restore(provider.pk, jane.pk, anna, ChangeEvent.objects.get(kind="resource.deleted").pk.__class__(int=7))
    page = page_of(support, jane)
    assert "Anna Bakker" in page.text and page.one(test_id="groups").has("a", href=f"/eum/groups/{editors.pk}/")


def test_the_number_of_queries_does_not_grow_with_her_history(support, provider, scim, django_assert_max_num_queries):
    jane = make_user(provider, "jane@contoso.com")
    client = scim(provider)
    for number in range(30):
        patch(client, jane, "title", f"Title {number}")
        make_group(provider, f"Group {number}", members=[jane])
    writer.flush()
    # session, account, rights (2), person, others, events, memberships, their events, requests, their requests,
    # then of the last twenty: events, subjects, providers
    with django_assert_max_num_queries(14):
        assert support.get(f"/eum/users/{jane.pk}/").status_code == 200


def test_a_groups_event_belongs_to_the_group(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    group = make_group(provider, "Editors", members=[jane])
    verbs.delete(call(provider, GROUP), str(group.pk))
    assert titles_on(page_of(support, jane)) == ["Left Editors", "Joined Editors", "Created"]
