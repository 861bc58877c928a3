"""The summary of a user's page, one test per row of the specification's table (AC-PER-1)."""

import re

import pytest
from django.utils import timezone

from providers.console.frame.page import short_id
from providers.models import ChangeEvent
from providers.request_log import writer
from scim.protocol.attributes import ENTERPRISE_USER
from tests.factories import make_group, make_user
from tests.pages import IN_DUTCH, read
from tests.providers.console.users.conftest import forget_events, patch, summary_on, user_page


def _disabled(provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Redacteuren", members=[jane])
    client = scim(provider)
    patch(client, jane, "active", False)
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": [{"value": str(jane.pk)}]})
    return jane.pk


def _removed(provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    scim(provider).delete(f"/Users/{jane.pk}")
    return jane.pk


def _never_active(provider, scim):
    scim(provider).post("/Users", {"userName": "jane@contoso.com", "active": False})
    return ChangeEvent.objects.get(kind="resource.created").resource_id


def _changed(provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Arts")
    patch(scim(provider), jane, "title", "Chirurg")
    return jane.pk


def _created(provider, scim):
    return make_user(provider, "jane@contoso.com").pk


def _active_again(provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    patch(scim(provider), jane, "active", True)
    return jane.pk


def _refused(provider, scim):
    make_user(provider, "taken@contoso.com")
    jane = make_user(provider, "jane@contoso.com")
    sent = {"op": "replace", "path": "userName", "value": "taken@contoso.com"}
    scim(provider).patch(f"/Users/{jane.pk}", sent)
    return jane.pk


def _no_record(provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    forget_events()
    return jane.pk


DAY = r"\d\d? (jan|feb|mrt|apr|mei|jun|jul|aug|sep|okt|nov|dec) 20\d\d, \d\d:\d\d"
BY = "Contoso Entra ID"


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
        f"Disabled on {local:%-d %b %Y, %H:%M} by Contoso Entra ID: it sent active = false (request {request})."
    )
    assert "Within 5 minutes also removed from: Editors." in answer
    assert "Entra does not send a reason. Usual causes: no longer assigned to iProva" in answer
    assert f"Look in Entra → Provisioning logs at {local:%H:%M}." in answer


def test_ac_per_1_removed_by_provider(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    make_group(provider, "Editors", members=[jane])
    scim(provider).delete(f"/Users/{jane.pk}")
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Deleted on ") and "by Contoso Entra ID (DELETE) (request " in answer
    assert "Entra normally disables first and deletes 30 days later." in answer
    assert "Within 5 minutes also removed from: Editors." in answer


def test_ac_per_1_never_active(support, provider, scim):
    scim(provider).post("/Users", {"userName": "jane@contoso.com", "active": False})
    jane = ChangeEvent.objects.get(kind="resource.created")
    writer.flush()
    answer = summary_on(read(support.get(f"/eum/users/{jane.resource_id}/")))
    assert answer.startswith("Has been disabled since creation on ")
    assert "by Contoso Entra ID: active = false was in the first request (request " in answer


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
    assert "displayName not sent → 'new', locale not sent → 'new' and 2 more" in answer


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
    assert answer.startswith("Has been disabled since")
    assert (
        "Contoso Entra ID tried to change this user on " in answer
        and ", and the request was rejected: Another User" in answer
    )
    assert "(409, request " in answer
    patch(client, jane, "title", "Nurse")
    assert "tried to change her" not in summary_on(user_page(support, jane))


def test_ac_per_1_no_record(support, provider):
    jane = make_user(provider, "jane@contoso.com", active=False)
    forget_events()
    answer = summary_on(user_page(support, jane))
    assert answer.startswith("Disabled. We have no record of this change. History starts on ")


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (_disabled, rf"^Uitgeschakeld op {DAY} door {BY}: het stuurde active = false \(verzoek \w{{8}}\)\."),
        (_disabled, "Binnen 5 minuten ook verwijderd uit: Redacteuren."),
        (_disabled, r"Entra stuurt geen reden mee\. Gebruikelijke oorzaken: .* \(Provisioning logs\) om \d\d:\d\d\."),
        (_removed, rf"^Verwijderd op {DAY} door {BY} \(DELETE\) \(verzoek \w{{8}}\)\. Gewoonlijk schakelt Entra eerst"),
        (_never_active, rf"^Uitgeschakeld sinds het aanmaken op {DAY} door {BY}: active = false stond in"),
        (_changed, rf"^Actief\. Laatst gewijzigd op {DAY} door {BY}: title 'Arts' → 'Chirurg' \(verzoek \w{{8}}\)\."),
        (_created, rf"^Actief\. Aangemaakt op {DAY} door .*, en sindsdien niet gewijzigd\."),
        (_active_again, rf"^Actief\. Ingeschakeld op {DAY} door {BY}: het stuurde active = true"),
        (_no_record, r"^Uitgeschakeld\. Van deze wijziging is niets vastgelegd\. De geschiedenis begint op "),
        (
            _refused,
            rf"{BY} probeerde deze gebruiker op {DAY} te wijzigen, en het verzoek werd afgewezen: "
            r".* \(409, verzoek \w{8}\)",
        ),
    ],
)
def test_ac_per_1_the_answer_in_dutch(support, provider, scim, happens, said):
    person = happens(provider, scim)
    writer.flush()
    answer = summary_on(read(support.get(f"/eum/users/{person}/", headers=IN_DUTCH)))
    assert re.search(said, answer), answer
