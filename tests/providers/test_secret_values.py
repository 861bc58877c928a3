"""The values of tokens and client secrets."""

import pytest

from providers.redaction import redact_text
from providers.secret_values import KINDS, digest_of, is_well_formed, make_secret


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_has_its_kind_and_a_checksum(kind):
    value = make_secret(kind)
    assert value.startswith(kind) and len(value) == 53 and is_well_formed(value)
    assert not is_well_formed(value[:-1] + ("A" if value[-1] != "A" else "B"))
    assert not is_well_formed("ipx_" + value[4:])
    assert len(digest_of(value)) == 32 and value != make_secret(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_no_log_keeps_a_value(kind):
    value = make_secret(kind)
    for text in (value, f"Authorization: Bearer {value}", f"client_secret={value}&x=1", value.upper()):
        assert value[8:40] not in redact_text(text)
