"""A request of the provisioning log in words: its action, and the name it asked for (AC-LOG-1)."""

from providers.request_log import writer
from tests.factories import make_group, make_user
from tests.pages import Page, read
from tests.providers.console.log.conftest import GUID, listed


def wanted(page: Page) -> list[str]:
    """The name that each request asked for. It is not a link, because nothing has this name."""
    cells = [row.all("td")[1] for row in page.one("tbody").all("tr")]
    assert not [cell for cell in cells if cell.has("a")]
    return [cell.text for cell in cells]


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
    expected += ["Delete user", "Read capabilities", "Connection test"]
    assert listed(support) == expected[::-1]
    assert listed(support, lookups="1")[0] == "Look up user"
    page = read(support.get("/eum/log/"))
    assert "nothing changed" in page.text and "hidden in the last 24 hours: 1" in page.text


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
