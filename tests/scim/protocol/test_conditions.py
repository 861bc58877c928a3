"""Filters bound to a schema: what is refused, and why."""

import pytest

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.conditions import bind
from scim.protocol.errors import ScimError
from scim.protocol.filters import parse_filter

REFUSED = [
    'userNam eq "x"', "emails.valu pr", 'urn:x:y eq "1"', "meta.x pr", 'emails[foo eq "x"]', 'userName[a eq "x"]', "userName eq 5",
    'active gt true', 'active eq "maybe"', 'name eq "x"', 'meta.created eq "yesterday"', 'meta.created co "2020"',
    "userName gt null", 'password sw "a"', "password pr", 'is_superuser eq true', "user__password pr", 'userName eq "a\\u0000"',
    'userName eq "\\ud800"', 'addresses eq "x"', 'emails[emails[value eq "x"]]', f'{ENTERPRISE_USER} eq "x"',
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_v31_v35_what_cannot_be_filtered_is_refused_and_never_dropped(text):
    with pytest.raises(ScimError) as refused:
        bind(parse_filter(text), USER, LIBERAL)
    assert (refused.value.status, refused.value.scim_type) == (400, "invalidFilter")


def test_unknown_attribute_names_the_near_one():
    with pytest.raises(ScimError, match=r'User has no attribute "userNam"\. Did you mean "userName"\\?'):
        bind(parse_filter('userNam eq "x"'), USER, LIBERAL)
