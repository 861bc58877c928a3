"""The timeline of a user or group (AC-PER-3 to AC-PER-6)."""

from providers.models import Token
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_user
from tests.providers.console.users.conftest import patch, titles_on, user_page


def test_ac_per_3_each_row_links_to_a_request_that_exists(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    sent = patch(scim(provider), jane, "title", "Nurse")
    page = user_page(support, jane)
    assert page.one(test_id="timeline").has("a", href=f"/eum/log/{sent['X-Request-Id']}/")
    assert f"Contoso Entra ID, token {Token.objects.get().prefix}…" in page.one(test_id="timeline").text


def test_ac_per_4_what_was_done_to_her_group_is_on_her_page(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    group = make_group(provider, "Editors")
    client = scim(provider)
    member = [{"value": str(jane.pk)}]
    added = client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": member})
    removed = client.patch(f"/Groups/{group.pk}", {"op": "remove", "path": "members", "value": member})
    page = user_page(support, jane)
    assert titles_on(page) == ["Removed from Editors", "Added to Editors", "Created"]
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
    assert titles_on(user_page(support, jane)) == expected


def test_ac_per_6_values_in_the_timeline_are_escaped_isolated_and_cut(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    patch(scim(provider), jane, "title", "<img src=x>\u202e" + "y" * 10_000)
    page = user_page(support, jane)
    assert "<img src=x" not in page.source
    shown = [value.text for value in page.all("bdi")]
    assert [text for text in shown if text.startswith("<img src=x>")] and page.text.count("Show all") >= 2


def test_a_long_history_is_shown_in_part_and_whole_on_request(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    client = scim(provider)
    for number in range(60):
        patch(client, jane, "title", f"Title {number}")
    page = user_page(support, jane)
    assert len(titles_on(page)) == 50 and "Show all 61" in page.text
    assert len(titles_on(user_page(support, jane, "?timeline=all"))) == 61


def test_a_groups_event_belongs_to_the_group(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    group = make_group(provider, "Editors", members=[jane])
    verbs.delete(call(provider, GROUP), str(group.pk))
    expected = ["Removed from Editors: the group was deleted", "Added to Editors", "Created"]
    assert titles_on(user_page(support, jane)) == expected
