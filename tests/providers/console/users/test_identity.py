"""The names of a user, and how they are masked (AC-ROLE-4)."""

import pytest

from tests.factories import make_group, make_user
from tests.pages import read


def test_ac_role_4_an_operator_reads_masked_values_everywhere(operator, provider):
    jane = make_user(
        provider,
        "jane@contoso.com",
        displayName="Jane Boerhof",
        externalId="jane.boerhof",
        name={"givenName": "Jane", "familyName": "Boerhof"},
        emails=[{"type": "work", "value": "jane@contoso.com"}],
        phoneNumbers=[{"type": "work", "value": "+31 40 555 0182"}],
        title="Verpleegkundige",
    )
    group = make_group(provider, "Editors", members=[jane])
    for path in ("/eum/users/", f"/eum/users/{jane.pk}/", f"/eum/groups/{group.pk}/", f"/eum/users/?q={jane.pk}"):
        page = read(operator.get(path))
        assert "j•••@contoso.com" in page.text, path
        for secret in ("jane@", "Jane", "oerhof", "0182", "erpleeg"):
            assert secret not in page.source, (path, secret)


def test_ac_role_4_an_object_id_stays_readable(operator, provider):
    jane = make_user(provider, "jane@contoso.com", externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4")
    page = read(operator.get(f"/eum/users/{jane.pk}/"))
    assert "9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4" in page.text and str(jane.pk) in page.text


@pytest.mark.parametrize("role", ["Administrator", "Support", "superuser"])
def test_ac_role_4_others_read_whole_values(signed_in, provider, role):
    jane = make_user(provider, "jane@contoso.com")
    assert "jane@contoso.com" in read(signed_in(role).get(f"/eum/users/{jane.pk}/")).text
