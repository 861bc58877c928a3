"""The page of a user (AC-PER)."""

import uuid

from providers.events import Actor
from providers.models import ChangeEvent
from providers.resources.recycle_bin import restore
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.store import verbs
from tests.factories import call, make_group, make_provider, make_user
from tests.pages import read
from tests.providers.console.users.conftest import MAIL, patch, user_page


def test_ac_per_7_the_summary_holds_ids_and_times_and_nothing_personal(support, provider, scim):
    jane = make_user(
        provider,
        "jane@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
    )
    sent = patch(scim(provider), jane, "title", "Verpleegkundige")
    page = user_page(support, jane)
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
    page = user_page(support, again)
    for other in (first, elsewhere):
        assert page.one(test_id="others").has("a", href=f"/eum/users/{other.pk}/")
    others = page.one(test_id="others").text
    assert others.count("a different user") == 2 and "Fabrikam" in others
    assert "Boer" not in user_page(operator, again).source


def test_attributes_tell_when_they_were_set_and_what_is_sent_no_more(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Nurse", emails=[MAIL])
    client = scim(provider)
    sent = patch(client, jane, 'emails[type eq "work"].value', "new@contoso.com")
    patch(client, jane, "title", None, op="remove")
    table = user_page(support, jane).one("table", test_id="attributes")
    mail = table.one("th", text='emails[type eq "work"].value').around("tr")
    assert mail.has("a", href=f"/eum/log/{sent['X-Request-Id']}/")
    assert "not sent" in table.one("th", text="title").around("tr").text


def test_ac_role_4_an_operator_reads_no_personal_value_in_a_history(operator, provider, scim):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane Boerhof", title="Nurse", emails=[MAIL])
    make_user(provider, "taken@contoso.com")
    client = scim(provider)
    patch(client, jane, "displayName", "Jane Boerhof-Smit")
    patch(client, jane, "title", "Verpleegkundige")
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "userName", "value": "taken@contoso.com"})
    patch(client, jane, f"{ENTERPRISE_USER}:department", "Kwaliteit")
    page = user_page(operator, jane)
    for secret in ("Jane", "oerhof", "jane@", "taken@", "Nurse", "Verpleegkundige"):
        assert secret not in page.source, secret
    assert "Kwaliteit" in page.text and "J•••" in page.text


def test_a_restored_person_says_by_whom(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Editors", members=[jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    anna = Actor(person_id=1, person_name="Anna Bakker")
    restore(provider.pk, jane.pk, anna, ChangeEvent.objects.get(kind="resource.deleted").pk.__class__(int=7))
    page = user_page(support, jane)
    assert "Anna Bakker" in page.text and page.one(test_id="groups").has("a", href=f"/eum/groups/{editors.pk}/")


def test_groups_are_counted_and_shown(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane")
    editors, _left = make_group(provider, "Editors", members=[jane]), make_group(provider, "Others")
    assert read(support.get("/eum/users/")).one("td", class_="field-groups").text == "1"
    page = read(support.get(f"/eum/users/{jane.pk}/"))
    [group] = page.one(test_id="groups").all("a")
    assert group["href"] == f"/eum/groups/{editors.pk}/" and "Member since" in page.text and "Others" not in page.source


def test_a_person_is_shown_with_every_attribute_as_received(support, provider, django_assert_max_num_queries):
    jane = make_user(
        provider,
        "jane@contoso.com",
        active=False,
        externalId="00u1",
        title="Teamleider",
        name={"givenName": "Jane"},
        emails=[{"type": "work", "value": "jane@contoso.com", "primary": True}],
        **{ENTERPRISE_USER: {"department": "Kwaliteit", "manager": {"value": "26118915"}}},
    )
    with django_assert_max_num_queries(14):  # session, account, rights (2), person, others, history, requests
        page = read(support.get(f"/eum/users/{jane.pk}/"))
    for part in (
        "Disabled",
        "name.givenName",
        'emails[type eq "work"].value',
        "enterprise:manager.value",
        "jane@contoso.com · Teamleider, Kwaliteit · from Contoso Entra ID",
        str(jane.pk),
        "00u1",
        "Contoso Entra ID",
        "In no group.",
    ):
        assert part in page.text, part
    department = page.one(test_id="attributes").one("th", text="enterprise:department")
    assert department["title"] == f"{ENTERPRISE_USER}:department"
    assert {"jane@contoso.com", "Teamleider, Kwaliteit"} <= {text.text for text in page.all("bdi")}


def test_ac_per_6_values_are_escaped_isolated_and_cut(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="<b>Jane</b>", title="\u202e" + "x" * 10_000)
    page = read(support.get(f"/eum/users/{jane.pk}/"))
    assert "<b>Jane</b>" not in page.source and page.one("h1").one("bdi").text == "<b>Jane</b>"
    assert "Show all" in page.text


def test_unknown_people_are_404_and_a_group_is_no_person(support, provider):
    group = make_group(provider, "Editors")
    assert support.get(f"/eum/users/{uuid.uuid4()}/").status_code == 404
    assert support.get(f"/eum/users/{group.pk}/").status_code == 404
