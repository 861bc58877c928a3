"""Documents as rows, and masked."""

import pytest

from providers.console.frame.masking import (
    IMPERSONAL_OF_GROUP,
    flatten,
    mask,
    mask_name,
    mask_path,
    mask_quoted,
    mask_text,
)

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


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("/scim/v2/Users", "/scim/v2/Users"),
        ("/scim/Users/9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4", "/scim/Users/9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4"),
        ("/scim/Users/jane@contoso.com", "/scim/Users/•••"),
        ("/scim/Users/jane/Groups/.search", "/scim/Users/•••/Groups/.search"),
        ("", ""),
    ],
)
def test_m4_a_path_keeps_the_words_of_the_protocol_and_ids(path, masked):
    assert mask_path(path) == masked


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("userName", "userName"),
        ('emails[type eq "work"].value', 'emails[type eq "•••].value'),
        (f"{URN}:department", f"{URN}:department"),
        ("jane@contoso.com", "j•••.c•••"),
        ("shoeSize", "s•••"),
        ("members[jane]: unknown", "members[j•••]: unknown"),
    ],
)
def test_m4_the_name_of_an_attribute_is_masked_if_no_schema_has_it(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("sentence", "masked"),
    [
        ('"userName" is required and has no value.', '"userName" is required and has no value.'),
        ('Path "jane" refused: User has no attribute "jane".', 'Path "j•••" refused: User has no attribute "j•••".'),
        ("These members were deleted: jane, john. Nothing", "These members were deleted: j•••. Nothing"),
        ('The end "jane is open', 'The end "j••• i••• o•••"'),
        ("Ask jane@contoso.com, then go on.", "Ask j•••@contoso.com, then go on."),
    ],
)  # fmt: skip
def test_m4_what_a_sentence_quotes_is_masked(sentence, masked):
    assert mask_quoted(sentence) == masked
