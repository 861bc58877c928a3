"""The search for users and groups (AC-USR-1)."""

import pytest

from providers.models import Provider
from tests.factories import make_user
from tests.providers.console.conftest import found


def make_janes(provider: Provider):
    jane = make_user(
        provider,
        "jd@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
        emails=[{"type": "work", "value": "jane@mail.example"}],
    )
    make_user(provider, "koci@contoso.com", displayName="Janë Koçi", active=False)
    make_user(provider, "visser@contoso.com", displayName="Piet Visser", emails=[{"value": "jane.v@mail.example"}])
    make_user(provider, "bakker@contoso.com", displayName="Piet Bakker")
    return jane


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("JANÊ", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("jane boer", ["Jane de Boer"]),
        ("boer jane", ["Jane de Boer"]),
        ("jane@mail.example", ["Jane de Boer"]),
        ("jd@contoso.com", ["Jane de Boer"]),
        ("9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4", ["Jane de Boer"]),
        ("100%", []),
        ("_", []),
        ("jane nobody", []),
    ],
)
def test_ac_usr_1_every_word_must_match_somewhere(support, provider, text, expected):
    make_janes(provider)
    assert found(support, q=text) == expected


def test_ac_usr_1_a_whole_scim_id_finds_its_person(support, provider):
    jane = make_janes(provider)
    assert found(support, q=str(jane.pk)) == ["Jane de Boer"]
    assert found(support, q=str(jane.pk).upper()) == ["Jane de Boer"]
