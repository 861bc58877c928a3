"""What an event changed, attribute by attribute (AC-PER-4, AC-PER-5)."""

import pytest

from providers.console.history.changes import name_of
from scim.protocol.attributes import ENTERPRISE_USER
from tests.factories import make_user
from tests.pages import Page
from tests.providers.console.users.conftest import MAIL, patch, user_page


def differences_on(page: Page, title: str) -> list[str]:
    """The rows of the table below the only timeline row with this title."""
    entry = page.one(test_id="timeline").one("strong", text=title).around("li")
    return [" ".join(row) for row in entry.one("table").rows]


@pytest.mark.parametrize(
    ("before", "operation", "title", "rows"),
    [
        (
            {"title": "Nurse"},
            {"op": "replace", "path": "title", "value": "Head"},
            "Changed: job title",
            ["job title title − Nurse + Head"],
        ),
        (
            {},
            {"op": "add", "path": "title", "value": "Head"},
            "Changed: job title",
            ["job title title not sent + Head"],
        ),
        (
            {"emails": [MAIL]},
            {"op": "add", "path": "emails", "value": [{"type": "home", "value": "j@home.example"}]},
            "Changed: e-mail address",
            ['e-mail address (home) emails[type eq "home"].value not sent + j@home.example'],
        ),
        (
            {"emails": [MAIL, {"type": "home", "value": "j@home.example"}]},
            {"op": "remove", "path": 'emails[type eq "work"]'},
            "Changed: e-mail address",
            ['e-mail address (work) emails[type eq "work"].value − jane@contoso.com removed'],
        ),
        (
            {"active": True},
            {"op": "replace", "path": "active", "value": "False"},
            "Disabled",
            ["status active − active + disabled"],
        ),
        (
            {ENTERPRISE_USER: {"department": "Zorg"}},
            {"op": "replace", "path": f"{ENTERPRISE_USER}:department", "value": "Kwaliteit"},
            "Changed: department",
            ["department enterprise:department − Zorg + Kwaliteit"],
        ),
        (
            {ENTERPRISE_USER: {"manager": {"value": "1"}}},
            {"op": "replace", "path": f"{ENTERPRISE_USER}:manager", "value": {"value": "2"}},
            "Changed: manager",
            ["manager enterprise:manager.value − 1 + 2"],
        ),
    ],
)
def test_ac_per_4_before_and_after_are_right(support, provider, scim, before, operation, title, rows):
    jane = make_user(provider, "jane@contoso.com", **before)
    scim(provider).patch(f"/Users/{jane.pk}", operation)
    assert differences_on(user_page(support, jane), title) == rows


def test_ac_per_5_old_and_new_have_headers_and_signs(support, provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Nurse")
    patch(scim(provider), jane, "title", "Head")
    table = user_page(support, jane).one(test_id="timeline").all("table")[0]  # the newest
    assert [head.text for head in table.all("th", scope="col")][-2:] == ["Before", "After"]
    old, new = table.one("del"), table.one("ins")
    assert (old.text, old.one("bdi").text, new.text, new.one("bdi").text) == ("− Nurse", "Nurse", "+ Head", "Head")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ('emails[type eq "work"].value', "e-mail address (work)"),
        ("emails[1].value", "e-mail address"),
        ('emails[type eq "urn:x"].display', "e-mail address (urn:x): display name"),
        ("name.familyName", "last name"),
        ('addresses[type eq "home"].locality', "address (home): city"),
        ("enterprise:manager.value", "manager"),
        (f"{ENTERPRISE_USER}:department", "department"),
        ("CareStaff:badgeNumber", "badgeNumber"),
        ("shoeSize.left", "shoeSize: left"),
    ],
)
def test_an_attribute_has_its_everyday_name(path, name):
    assert name_of(path) == name


def test_a_manager_is_linked_by_name(support, provider, scim):
    john, jane = make_user(provider, "john@contoso.com", displayName="John Smit"), make_user(provider)
    patch(scim(provider), jane, f"{ENTERPRISE_USER}:manager", str(john.pk), op="add")
    page = user_page(support, jane)
    for place in ("timeline", "attributes", "summary"):
        assert page.one(test_id=place).one("a", href=f"/eum/users/{john.pk}/").text == "John Smit"
