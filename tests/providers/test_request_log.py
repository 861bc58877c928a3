"""The provisioning log: what of a request may be kept."""

import pytest

from providers.request_log import redact, redact_query


def test_bodies_are_cut_at_64_kb_and_marked():
    text = redact(b'{"title":"' + b"x" * 100_000 + b'"}')
    assert len(text) < 66_000
    assert text.endswith("(cut; 100,012 bytes in all)")


@pytest.mark.parametrize("body", [b"[" * 900 + b'"secret"' + b"]" * 900, b"\xff secret", b'{"secret": 1', b"\0", b""])
def test_any_body_can_be_redacted(body):
    assert isinstance(redact(body), str)


@pytest.mark.parametrize("body", [b'{"pass\\u0077ord": "S3cret"}', b'[{"path": "p\\u0061ssword", "value": "S3cret"}]'])
def test_v49_a_name_in_escapes_is_a_secret_too(body):
    assert "S3cret" not in redact(body)


@pytest.mark.parametrize(
    "query", ["filter=password+eq+%22S3cret%22", "filter=%70assword+eq+%22S3cret%22", "secret=S3cret"]
)
def test_v49_a_query_that_names_a_secret_is_not_kept(query):
    assert "S3cret" not in redact_query(query)
