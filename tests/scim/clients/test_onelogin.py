"""The rewriting functions of OneLogin's habits."""

import pytest

from scim.clients.onelogin import element_from_text, list_from_single
from scim.protocol.attributes import USER

EMAILS, TITLE = USER.core["emails"], USER.core["title"]


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (EMAILS, {"value": "a@x"}, [{"value": "a@x"}]),
        (EMAILS, [{"value": "a@x"}], [{"value": "a@x"}]),
        (EMAILS, None, None),
        (TITLE, "Nurse", "Nurse"),
    ],
)
def test_one_value_gets_its_list(attribute, sent, meant):
    assert list_from_single(attribute, sent) == meant


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (EMAILS, ["a@x", {"value": "b@x"}], [{"value": "a@x"}, {"value": "b@x"}]),
        (EMAILS, "a@x", "a@x"),
        (TITLE, ["Nurse"], ["Nurse"]),
    ],
)
def test_a_bare_text_in_a_list_becomes_a_value(attribute, sent, meant):
    assert element_from_text(attribute, sent) == meant
