"""The summary of a user's page, one test per row of the specification's table (AC-PER-1)."""

from django.utils import timezone

from providers.console.frame.page import short_id
from providers.events import Actor
from providers.models import ChangeEvent
from providers.removal_undo import preview, undo
from providers.request_log import writer
from scim.protocol.attributes import ENTERPRISE_USER
from scim.store import verbs
from tests.factories import call, make_group, make_user
from tests.pages import read
from tests.providers.console.users.conftest import forget_events, patch, summary_on, user_page


def test_ac_per_1_disabled_by_provider(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Editors", members=[jane])
    client = scim(provider)
    gone = patch(client, jane, "active", False)
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": [{"value": str(jane.pk)}]})
    event = ChangeEvent.objects.get(kind="resource.disabled")
    answer = summary_on(user_page(support, jane))
    local = timezone.localtime(event.at)
    request = short_id(gone["X-Request-Id"])
    assert answer.startswith(
        f"Disabled on {local:%-d %b %Y, %H:%M CET} by Contoso Entra ID: it sent active = false (request {request})."
    )
    assert "Within 5 minutes also removed from: Editors." in answer
    assert "Contoso Entra ID does not send a reason. Usual causes: no longer assigned to iProva" in answer
    assert f"To find out, look around {local:%H:%M CET} in Entra ID → Provisioning logs." in answer


def test_ac_per_1_removed_by_provider(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    make_group(provider, "Editors", members=[jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Deleted on ") and "by Contoso Entra ID (DELETE, request " in answer
    assert ", without being disabled first." in answer
    assert "The deletion also ended the membership of: Editors." in answer


def test_ac_per_1_never_active(support, provider, scim):
    scim(provider).post("/Users", {"userName": "jane@contoso.com", "active": False})
    jane = ChangeEvent.objects.get(kind="resource.created")
    writer.flush()
    answer = summary_on(read(support.get(f"/eum/users/{jane.resource_id}/")))
    assert answer.startswith("Disabled since creation on ")
    assert "by Contoso Entra ID: the first request had active = false (request " in answer


def test_ac_per_1_active_and_last_changed(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", **{ENTERPRISE_USER: {"department": "Zorg"}})
    patch(scim(provider), jane, f"{ENTERPRISE_USER}:department", "Kwaliteit")
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Active. Last changed on ")
    assert "by Contoso Entra ID: department 'Zorg' → 'Kwaliteit'" in answer


def test_ac_per_1_active_counts_what_it_does_not_show(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="x" * 100)
    sent = [{"op": "replace", "path": path, "value": "new"} for path in ("displayName", "title", "userType", "locale")]
    scim(provider).patch(f"/Users/{jane.pk}", *sent)
    answer = summary_on(user_page(support, jane))
    assert (
        "display name set to 'new'; region set to 'new'; also set: kind of user; also changed: job title (r" in answer
    )


def test_ac_per_1_active_and_not_changed_since(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    assert "and not changed since." in summary_on(user_page(support, jane))


def test_ac_per_1_active_again(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    patch(scim(provider), jane, "active", True)
    assert "Contoso Entra ID: it sent active = true" in summary_on(user_page(support, jane))


def test_ac_per_1_a_change_that_was_refused_is_said_in_addition(support, provider, scim):
    make_user(provider, "taken@contoso.com")
    jane = make_user(provider, "jane@contoso.com", active=False)
    client = scim(provider)
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "userName", "value": "taken@contoso.com"})
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Disabled since creation on")
    assert "to change the user name to 'taken@contoso.com'; iProva rejected it, because taken@" in answer
    patch(client, jane, "title", "Nurse")
    assert "iProva rejected it" in summary_on(user_page(support, jane))
    patch(client, jane, "userName", "free@contoso.com")
    assert "iProva rejected it" not in summary_on(user_page(support, jane))


def test_ac_per_1_no_record(support, provider):
    jane = make_user(provider, "jane@contoso.com", active=False)
    forget_events()
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Disabled. Nothing has been recorded about this user since the history started, on ")


def test_a_user_whom_an_administrator_enabled_was_not_enabled_by_the_directory(support, provider, scim, anna):
    jane = make_user(provider, "jane@contoso.com")
    patch(scim(provider), jane, "active", False)
    by_anna = Actor(person_id=anna.pk, person_name="Anna Bakker")
    undo([jane.pk], by_anna, shown=preview([jane.pk], [jane.pk]).key, enable=[jane.pk])
    answer = summary_on(user_page(support, jane))
    assert "Active. Enabled on" in answer and "by Anna Bakker in iProva." in answer and "active = true" not in answer
    assert "notice that the user was enabled, and may disable the user again." in answer
    patch(scim(provider), jane, "active", False)
    assert "Disabled on" in summary_on(user_page(support, jane))


def test_what_no_directory_did_is_not_said_of_one(support, provider):
    """Such as the repair of users who had lost `active`, by a migration."""
    jane = make_user(provider, "jane@contoso.com")
    off = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    verbs.patch(call(provider), str(jane.pk), off, answers=False)
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Disabled on ") and answer.endswith("by iProva.") and "it sent" not in answer
