"""Microsoft's direct checks of a gallery connector, by their numbers, against a live server.

They run with an access token of the client credentials grant (21) and of workload identity (22), as a connector has to
pass one of the two. A local issuer stands for Entra ID.
"""

import json
import time
from typing import Any

import pytest
from httpx2 import Client

from providers import oauth
from providers.events import SYSTEM
from providers.oauth import Trust
from tests.factories import make_provider, make_users
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer, form_of

USER, GROUP = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# What the default mapping of an Entra application has: the path of a PATCH, and two values.
MAPPED = {
    "displayName": ("Jane Doe", "Jane Roe"),
    "title": ("Nurse", "Head nurse"),
    "preferredLanguage": ("nl-NL", "en-GB"),
    "name.givenName": ("Jane", "Janet"),
    "name.familyName": ("Doe", "Roe"),
    "name.formatted": ("Jane Doe", "Janet Roe"),
    "nickName": ("JD", "JR"),
    "userType": ("Employee", "Guest"),
    "externalId": ("jane-1", "jane-2"),
    'emails[type eq "work"].value': ("jane@contoso.com", "roe@contoso.com"),
    'phoneNumbers[type eq "work"].value': ("+31 20 1", "+31 20 2"),
    'phoneNumbers[type eq "mobile"].value': ("+31 6 1", "+31 6 2"),
    'addresses[type eq "work"].streetAddress': ("Street 1", "Street 2"),
    'addresses[type eq "work"].locality': ("Utrecht", "Zwolle"),
    'addresses[type eq "work"].country': ("NL", "BE"),
    f"{ENTERPRISE}:department": ("Care", "Cure"),
    f"{ENTERPRISE}:employeeNumber": ("1", "2"),
    f"{ENTERPRISE}:costCenter": ("A", "B"),
}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def provider(committed: None) -> Any:
    return make_provider()


@pytest.fixture(params=["21 client credentials", "22 workload identity"])
def access(request: Any, server: str, provider: Any, issuer: Issuer) -> dict[str, Any]:
    """The response of the token endpoint, asked as Entra asks it."""
    if request.param.startswith("21"):
        client, _secret, value = oauth.add_client(provider, SYSTEM)
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": value}
    else:
        trust = Trust(issuer.issuer, "", issuer.key_set, SUBJECT, [APPLICATION], TENANT)
        assertion = issuer.assertion(exp=int(time.time()) + 3_900)
        form = form_of(oauth.add_federated_client(provider, SYSTEM, trust).client_id, assertion)
    with Client() as http:
        response = http.post(f"{server}/oauth/token", data=form)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture
def scim(server: str, access: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {access['access_token']}", "Content-Type": "application/scim+json"}
    with Client(base_url=f"{server}/scim", headers=headers) as http:
        yield http


def patch(scim: Any, path: str, *operations: tuple[str, str, Any]) -> Any:
    listed = [{"op": op, "path": target, "value": value} for op, target, value in operations]
    response = scim.patch(path, content=json.dumps({"schemas": [PATCH_OP], "Operations": listed}))
    assert response.status_code in (200, 204), response.text
    return scim.get(path).json()


def make(scim: Any, resource: str, **attributes: Any) -> Any:
    response = scim.post(resource, content=json.dumps(attributes))
    assert response.status_code == 201, response.text
    return response.json()


def value_at(document: Any, path: str) -> Any:
    """The value that a path of `MAPPED` names."""
    if path.startswith(ENTERPRISE):
        return document.get(ENTERPRISE, {}).get(path.removeprefix(f"{ENTERPRISE}:"))
    if "[" in path:
        name, rest = path.split("[")
        kind, sub = rest.removeprefix('type eq "').split('"].')
        found = [one for one in document.get(name, []) if one.get("type") == kind]
        return found[0].get(sub) if found else None
    for part in path.split("."):
        document = (document or {}).get(part)
    return document


def test_ac_oau_14_checks_21_and_22_a_token_for_60_to_360_minutes_that_scim_accepts(scim, access):
    assert access["token_type"].lower() == "bearer" and 3_600 <= access["expires_in"] <= 21_600
    assert scim.get("/Users", params={"filter": 'userName eq "nobody"'}).json()["totalResults"] == 0


def test_check_15_schemas_hold_every_mapped_attribute(scim):
    schemas = {one["id"]: one for one in scim.get("/Schemas").json()["Resources"]}
    for path in MAPPED:
        extension, _, own = path.rpartition(":")
        names = {one["name"] for one in schemas[extension or USER]["attributes"]}
        assert own.replace("[", ".").split(".")[0] in {*names, "externalId"}
    assert {"displayName", "members"} <= {one["name"] for one in schemas[GROUP]["attributes"]}


def test_check_16_empty_text_and_null_clear_optional_attributes(scim):
    user = make(scim, "/Users", schemas=[USER], userName="jane@contoso.com", title="Nurse", nickName="JD")
    cleared = patch(scim, f"/Users/{user['id']}", ("replace", "title", ""), ("replace", "nickName", None))
    assert not cleared.get("title") and not cleared.get("nickName")


def test_check_17_a_created_user_comes_back_with_id_and_user_name(scim):
    user = make(scim, "/Users", schemas=[USER, ENTERPRISE], userName="jane@contoso.com", active=True)
    assert user["id"] and user["userName"] == "jane@contoso.com"


def test_check_18_a_patch_of_every_simple_attribute_comes_back(scim):
    user = make(scim, "/Users", schemas=[USER], userName="jane@contoso.com")
    for which in (0, 1):
        changed = patch(
            scim,
            f"/Users/{user['id']}",
            *(("add" if which == 0 else "replace", path, values[which]) for path, values in MAPPED.items()),
        )
        for path, values in MAPPED.items():
            assert value_at(changed, path) == values[which], path


def test_checks_19_and_20_a_group_is_created_and_patched(scim):
    group = make(scim, "/Groups", schemas=[GROUP], displayName="Ward", externalId="ward-1")
    assert group["id"] and group["displayName"] == "Ward"
    changed = patch(
        scim, f"/Groups/{group['id']}", ("replace", "displayName", "Ward 2"), ("replace", "externalId", "ward-2")
    )
    assert (changed["displayName"], changed["externalId"]) == ("Ward 2", "ward-2")


def test_check_23_at_least_eleven_users_by_pages_of_five(scim, provider):
    make_users(provider, [f"user{number}@contoso.com" for number in range(12)])
    assert seen(scim, "/Users") == 12


def test_check_24_groups_likewise(scim, provider):
    for number in range(12):
        make(scim, "/Groups", schemas=[GROUP], displayName=f"Group {number}")
    assert seen(scim, "/Groups") == 12


def seen(scim: Any, path: str) -> int:
    """How many different resources the pages of five have; each echoes its `startIndex`."""
    ids: set[str] = set()
    for start in (1, 6, 11):
        page = scim.get(path, params={"count": 5, "startIndex": start}).json()
        assert page["startIndex"] == start and page["itemsPerPage"] == len(page["Resources"])
        ids |= {one["id"] for one in page["Resources"]}
    assert page["totalResults"] == len(ids)
    return len(ids)


def test_check_25_a_manager_is_added_replaced_and_emptied(scim):
    jane, boss, other = (
        make(scim, "/Users", schemas=[USER], userName=f"{name}@contoso.com")["id"] for name in ("jane", "boss", "other")
    )
    manager = f"{ENTERPRISE}:manager"
    for op, value in (("Add", boss), ("Replace", other)):
        assert patch(scim, f"/Users/{jane}", (op, manager, value))[ENTERPRISE]["manager"]["value"] == value
    assert not patch(scim, f"/Users/{jane}", ("Replace", manager, "")).get(ENTERPRISE, {}).get("manager")
