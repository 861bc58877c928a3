"""The rewriting function of hand-written clients."""

import pytest

from scim.clients.others import text_from_number
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.paths import AttrPath, find

NUMBER = find(AttrPath("employeeNumber", "", ENTERPRISE_USER), USER).attribute


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (NUMBER, 40182, "40182"),
        (NUMBER, 1.5, "1.5"),
        (NUMBER, True, True),
        (NUMBER, "40182", "40182"),
        (USER.core["active"], 1, 1),
        (USER.core["emails"], 1, 1),
    ],
)
def test_a_number_becomes_text_where_the_schema_has_text(attribute, sent, meant):
    found = text_from_number(attribute, sent)
    assert (found, type(found)) == (meant, type(meant))
