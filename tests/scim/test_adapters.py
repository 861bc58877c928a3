"""django-scim2: the seam that is used, and the four holes of its defaults that are not (docs/dependencies.md)."""

import orjson
import pytest
from django.test import Client
from django.urls import resolve, reverse
from django_scim import constants, exceptions
from django_scim.settings import scim_settings

from providers.models import SyncedGroup, SyncedUser
from scim import adapters
from scim.adapters import GroupAdapter, UserAdapter
from scim.protocol import errors, messages, patch
from tests.factories import make_account, make_user


def test_hole_1_a_session_may_not_provision(provider):
    client = Client()
    client.force_login(make_account(None))
    answer = client.post("/scim/Users", {"userName": "x"}, content_type="application/scim+json")
    assert answer.status_code == 401
    assert not SyncedUser.objects.exists()


def test_hole_2_an_or_in_a_filter_does_not_leave_the_tenant(provider, stranger, scim):
    make_user(stranger, "b@x")
    answer = scim(provider).get("/Users", filter='userName eq "b@x" or userName pr')
    assert answer.json()["totalResults"] == 0


def test_hole_3_and_binds_tighter_than_or(provider, scim):
    make_user(provider, "a", title="x")
    make_user(provider, "b", title="y")
    answer = scim(provider).get("/Users", filter='userName eq "a" or userName eq "b" and title eq "x"')
    assert [one["userName"] for one in answer.json()["Resources"]] == ["a"]


def test_hole_4_no_term_is_dropped(provider, scim):
    make_user(provider, "a", title="x")
    client = scim(provider)
    assert client.get("/Users", filter='userName eq "a" and title eq "y"').json()["totalResults"] == 0
    assert client.get("/Users", filter='userName eq "a" and shoeSize eq "y"').status_code == 400


def test_settings_name_our_side_of_the_seam():
    assert scim_settings.USER_ADAPTER is UserAdapter
    assert scim_settings.GROUP_ADAPTER is GroupAdapter
    assert scim_settings.USER_MODEL_GETTER() is SyncedUser
    assert scim_settings.GROUP_MODEL is SyncedGroup
    assert scim_settings.BASE_LOCATION_GETTER(None) == "http://127.0.0.1:8000"


def test_constants_are_the_protocols():
    assert constants.SchemaURI.ERROR == errors.ERROR_SCHEMA
    assert constants.SchemaURI.LIST_RESPONSE == messages.LIST_SCHEMA
    assert constants.SchemaURI.PATCH_OP == patch.PATCH_SCHEMA


@pytest.mark.parametrize(
    ("name", "kwargs", "path"),
    [
        ("users", {}, "/scim/Users"),
        ("users", {"uuid": "1"}, "/scim/Users/1"),
        ("groups", {"uuid": "1"}, "/scim/Groups/1"),
        ("schemas", {}, "/scim/Schemas"),
        ("resource-types", {"uuid": "User"}, "/scim/ResourceTypes/User"),
        ("service-provider-config", {}, "/scim/ServiceProviderConfig"),
        ("me", {}, "/scim/Me"),
        ("bulk", {}, "/scim/Bulk"),
        ("search", {}, "/scim/.search"),
        ("users-search", {}, "/scim/Users/.search"),
    ],
)
def test_url_names(name, kwargs, path):
    assert reverse(f"scim:{name}", kwargs=kwargs) == path
    assert resolve(path).url_name == name


class LoudAdapter(UserAdapter):
    """As somebody who knows django-scim2 would write one."""

    def to_dict(self):
        return super().to_dict() | {"displayName": self.obj.user_name.upper(), "nickName": self.location[-4:]}

    def from_dict(self, resource):
        if resource.get("title") == "Intruder":
            raise exceptions.BadRequestError("no intruders", scim_type="invalidValue")
        super().from_dict(resource | {"title": "Adapted"})


def test_an_adapter_of_ones_own_is_in_the_road_of_every_request(provider, scim, monkeypatch):
    monkeypatch.setattr(adapters.scim_settings, "USER_ADAPTER", LoudAdapter)
    client = scim(provider)
    made = client.post("/Users", {"userName": "jane"}).json()
    assert (made["displayName"], made["title"], made["nickName"]) == ("JANE", "Adapted", made["id"][-4:])
    assert client.get(f"/Users/{made['id']}").json()["displayName"] == "JANE"
    assert client.get("/Users").json()["Resources"][0]["displayName"] == "JANE"
    assert client.get("/Users", attributes="nickName").json()["Resources"][0]["nickName"] == made["id"][-4:]
    assert SyncedUser.objects.get().document["title"] == "Adapted"
    refused = client.put(f"/Users/{made['id']}", {"userName": "jane", "title": "Intruder"})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    assert refused.json()["detail"] == "no intruders"


def test_adapter_contract(provider):
    person = make_user(provider)
    adapter = UserAdapter(person)
    assert adapter.location == f"http://127.0.0.1:8000/scim/Users/{person.pk}"
    assert adapter.to_dict()["userName"] == person.user_name
    assert UserAdapter.resource_type_dict()["endpoint"] == "/Users"
    assert orjson.dumps(adapter.to_dict())
