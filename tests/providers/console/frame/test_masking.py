"""Documents as rows, and masked."""

import pytest

from providers.console.frame.masking import IMPERSONAL_OF_GROUP, flatten, mask, mask_text

URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ({"schemas": ["x"], "userName": "j"}, [("userName", "j")]),
        ({"active": False}, [("active", "false")]),
        ({"name": {"givenName": "J"}}, [("name.givenName", "J")]),
        ({"emails": [{"type": "work", "value": "j@x"}]}, [('emails[type eq "work"].value', "j@x")]),
        (
            {"emails": [{"type": "work", "value": "a"}, {"type": "work", "value": "b"}]},
            [
                ("emails[0].type", "work"),
                ("emails[0].value", "a"),
                ("emails[1].type", "work"),
                ("emails[1].value", "b"),
            ],
        ),
        ({"emails": [{"value": "a"}]}, [("emails[0].value", "a")]),
        ({"tags": ["a", "b"]}, [("tags[0]", "a"), ("tags[1]", "b")]),
        ({URN: {"manager": {"value": "1"}}}, [(f"{URN}:manager.value", "1")]),
        ({URN: {"department": "Zorg"}}, [(f"{URN}:department", "Zorg")]),
    ],
)
def test_paths_are_those_of_scim(document, rows):
    assert flatten(document) == rows


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("jane@contoso.com", "j•••@contoso.com"),
        ("Jane de Boer", "J•••"),
        ("call me @ Jane's", "c•••"),
        ("a@b", "a•••"),
        ("", "•••"),
    ],
)
def test_ac_role_4_masks(text, masked):
    assert mask_text(text) == masked


def test_ac_role_4_masks_all_but_what_is_known_to_be_impersonal():
    document = {
        "userName": "jane@contoso.com",
        "active": True,
        "name": {"givenName": "Jane"},
        "emails": [{"type": "work", "value": "jane@contoso.com", "primary": True}],
        "x": {"born": 1970, "unknown": "Secret", "nothing": None},
        URN: {"department": "Zorg", "employeeNumber": "40182"},
    }
    assert mask(document) == {
        "userName": "j•••@contoso.com",
        "active": True,
        "name": {"givenName": "J•••"},
        "emails": [{"type": "work", "value": "j•••@contoso.com", "primary": True}],
        "x": {"born": "•••", "unknown": "S•••", "nothing": None},
        URN: {"department": "Zorg", "employeeNumber": "4•••"},
    }
    assert mask({"displayName": "Editors"}, plain=IMPERSONAL_OF_GROUP) == {"displayName": "Editors"}
