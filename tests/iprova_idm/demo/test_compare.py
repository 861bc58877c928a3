"""The comparison of the database with the source notices each difference."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from iprova_idm.demo.compare import differences
from iprova_idm.demo.directory import Directory, Person
from iprova_idm.demo.mapping import ENTERPRISE_USER, user_body
from providers.models import Membership, Provider, Resource, SyncedGroup, SyncedUser
from tests.factories import make_group, make_provider, make_user
from tests.iprova_idm.demo.conftest import ANNA, BRAM, GONE


@pytest.fixture
def filled(provider: Provider, source: Directory) -> Provider:
    """The provider whose users and groups equal `source`, and another provider with a user of its own."""
    anna = make_user(provider, **_arguments(ANNA))
    arguments = _arguments(BRAM)
    bram = make_user(provider, **arguments, **{ENTERPRISE_USER: {"manager": {"value": str(anna.pk)}}})
    make_group(provider, "Team", [anna, bram], externalId="g1")
    make_user(make_provider(), "stranger@x.example")
    return provider


def _arguments(person: Person) -> dict[str, Any]:
    body = user_body(person)
    return {"user_name": body.pop("userName"), **body}


def sql(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)


def user(name: str) -> SyncedUser:
    found: SyncedUser = SyncedUser.objects.get(user_name=name)
    return found


def change_document(name: str, **attributes: Any) -> None:
    found = user(name)
    Resource.objects.filter(pk=found.pk).update(document={**found.document, **attributes})


def test_equal_is_told_in_three_queries(
    filled: Provider, source: Directory, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(3):  # users, groups, memberships
        assert differences(source, filled) == []


def deactivate() -> None:
    change_document("anna@x.example", active=False)
    Resource.objects.filter(user_name="anna@x.example").update(active=False)


BREAKS: dict[str, tuple[Callable[[], Any], str]] = {
    "changed attribute": (
        lambda: change_document("anna@x.example", title="arts"),
        "User anna@x.example: title is 'arts' and should be 'Arts'.",
    ),
    "changed e-mail": (
        lambda: change_document("bram@x.example", emails=[{"type": "work", "value": "bram@x.example"}]),
        "User bram@x.example: emails[type eq \"work\"].value is 'bram@x.example' and should be 'Bram@X.example'.",
    ),
    "lost attribute": (
        lambda: change_document("bram@x.example", phoneNumbers=[]),
        "User bram@x.example: phoneNumbers[type eq \"work\"].value is None and should be '030-5550000'.",
    ),
    "wrong active": (deactivate, "User anna@x.example: active is False and should be True."),
    "column unlike document": (
        lambda: sql("UPDATE providers_resource SET active = false WHERE user_name = 'anna@x.example'"),
        "User anna@x.example: column active is False, unlike its document.",
    ),
    "attribute never sent": (
        lambda: change_document("anna@x.example", nickName="An"),
        "User anna@x.example: has nickName, which was never sent.",
    ),
    "lost manager": (
        lambda: change_document("bram@x.example", **{ENTERPRISE_USER: {}}),
        "User bram@x.example: the manager is None and should be the user of 'o1'.",
    ),
    "missing user": (
        lambda: sql("UPDATE providers_resource SET deleted_at = now() WHERE user_name = 'anna@x.example'"),
        "User anna@x.example is missing.",
    ),
    "extra user": (
        lambda: make_user(Provider.objects.get(title="Contoso Entra ID"), "eve@x.example"),
        "User eve@x.example is in the database and should not be.",
    ),
    "user who left before": (
        lambda: make_user(Provider.objects.get(title="Contoso Entra ID"), **_arguments(GONE)),
        "User gone@x.example is in the database and should not be.",
    ),
    "missing group": (
        lambda: sql("UPDATE providers_resource SET deleted_at = now() WHERE resource_type = 'Group'"),
        "Group Team is missing.",
    ),
    "extra group": (
        lambda: make_group(Provider.objects.get(title="Contoso Entra ID"), "Other"),
        "Group Other is in the database and should not be.",
    ),
    "renamed group": (
        lambda: SyncedGroup.objects.update(document={"displayName": "Teem"}),
        "Group Teem should be called Team.",
    ),
    "missing membership": (
        lambda: Membership.objects.filter(member=user("bram@x.example")).delete(),
        "bram@x.example is not a member of Team and should be.",
    ),
    "ended membership": (
        lambda: Membership.objects.filter(member=user("anna@x.example")).update(left_at="2026-01-01T00:00Z"),
        "anna@x.example is not a member of Team and should be.",
    ),
    "extra membership": (
        lambda: make_group(Provider.objects.get(title="Contoso Entra ID"), "Other", [user("anna@x.example")]),
        "anna@x.example is a member of the deleted or unknown group None and should not be.",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_comparison_notices(filled: Provider, source: Directory, name: str) -> None:
    break_it, sentence = BREAKS[name]
    break_it()
    assert sentence in differences(source, filled)
