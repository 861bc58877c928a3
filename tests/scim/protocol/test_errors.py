"""The refusals of the protocol: one function each, and what they say."""

from pathlib import Path

from scim.protocol import errors
from scim.protocol.errors import Reason
from tests.scim.refusals import OF_THE_PROTOCOL, makers_in


def test_the_table_above_has_every_function():
    assert makers_in(errors) == set(OF_THE_PROTOCOL)


def test_no_refusal_names_the_product():
    for path in Path(errors.__file__).parent.glob("*.py"):
        assert "iProva" not in path.read_text("utf-8"), path


def test_the_body_has_a_scim_type_only_where_the_rfc_gives_one():
    assert errors.not_unique("userName", "User", "jane@x").body()["scimType"] == "uniqueness"
    assert "scimType" not in errors.not_found("User", "1").body()
    assert errors.not_found("User", "1").body()["status"] == "404", "a string (RFC 7644 §3.12)"


def test_an_explained_refusal_is_the_same_with_a_sentence_more():
    refusal = errors.invalid_path("x", "no such attribute.")
    longer = errors.explained(refusal, " Correct the client.")
    assert (longer.reason, longer.status, longer.scim_type) == (refusal.reason, 400, "invalidPath")
    assert longer.detail == f"{refusal.detail} Correct the client."


def test_another_refusal_takes_over_the_sentence_without_its_introduction():
    inner = errors.invalid_filter("it ends too early.")
    assert inner.detail == "Filter refused: it ends too early."
    assert errors.invalid_path("a[", inner.sentence).detail == 'Path "a[" refused: it ends too early.'


def test_what_came_from_a_client_is_shown_short_and_printable():
    assert errors.shown("a\r\nb\x00") == '"a??b?"'
    assert len(errors.shown("x" * 1_000)) == 203


def test_the_nearest_name_is_offered_and_no_far_one():
    assert errors.did_you_mean("userNam", ["userName", "title"]) == ' Did you mean "userName"?'
    assert errors.did_you_mean("zzz", ["userName", "title"]) == ""
    assert all(isinstance(reason, str) and reason == reason.lower() for reason in Reason)
