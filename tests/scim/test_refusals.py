"""Every refusal of both layers: who makes it, what it says, and that the documents have it."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from django.db import connection

from providers.models import Refusal, RequestLog
from scim.api import refusals
from scim.protocol import errors
from scim.protocol.errors import Reason, ScimError
from tests.factories import make_calls

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = {path: path.read_text("utf-8") for path in (PROJECT / "scim").rglob("*.py")}

# One call of each function that makes a refusal.
OF_THE_PROTOCOL = {
    "invalid_filter": ["it ends too early."],
    "invalid_path": ["emails[", "it ends too early."],
    "invalid_value": ['"active" must be true or false.'],
    "invalid_syntax": ["The body must be a JSON object."],
    "missing_schema": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "foreign_schema": ["urn:x"],
    "unknown_attribute": ["nickname2"],
    "strict_protocol": ["invalidValue", '"active"', " this client writes true and false as text."],
    "not_storable": [],
    "resource_too_large": [1_048_576],
    "too_many_in_bulk": [1_000],
    "bulk_id_unresolved": ["a"],
    "unknown_members": [["1"]],
    "deleted_members": [["1"]],
    "nobody_left": [["1"]],
    "invalid_cursor": [],
    "expired_cursor": [86_400],
    "invalid_count": [1_000],
    "no_target": ['"emails" has no value that meets the filter of the path.'],
    "read_only": ["id"],
    "immutable": ["badge"],
    "required_removed": ["userName"],
    "required_attribute": ["userName"],
    "too_many": [1_000, "operations"],
    "too_costly": [10_000],
    "not_unique": ["userName", "User"],
    "not_found": ["User", "1"],
    "version_mismatch": [],
}
OF_THE_API = {
    "unusable_token": [Refusal.NO_TOKEN],
    "provider_deleted": [],
    "ended_token": ["revoked"],
    "unknown_route": ["/scim/users"],
    "too_large": [16_777_216],
    "unsupported_media_type": ["text/xml"],
    "method_not_allowed": ["PATCH", ["GET"]],
    "address_refused": [],
    "paused": [],
    "removals_held": [],
    "removals_rejected": [],
    "unavailable": [],
    "internal_error": ["1"],
    "discovery_filter": [],
    "me": [],
    "of_adapter": [422, "", "No."],
}


def made() -> list[ScimError]:
    tables = ((errors, OF_THE_PROTOCOL), (refusals, OF_THE_API))
    each = [getattr(module, name)(*arguments) for module, table in tables for name, arguments in table.items()]
    return [*each, refusals.ended_token("expired"), refusals.ended_token("suspended")]


@pytest.mark.parametrize(("module", "table"), [(errors, OF_THE_PROTOCOL), (refusals, OF_THE_API)])
def test_the_tables_above_have_every_function(module, table):
    functions = {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and function.__annotations__.get("return") is ScimError
    }
    assert {name for name in functions if not name.startswith("_")} - {"explained"} == set(table)


def test_every_reason_is_that_of_one_function():
    assert sorted(refusal.reason for refusal in made()) == sorted(Reason)
    assert all(len(reason) <= 40 for reason in Reason), "the width of its column in the log"


def test_each_kind_of_unusable_token_has_its_sentence():
    sentences = {refusals.unusable_token(kind).detail for kind in Refusal}
    assert len(sentences) == len(Refusal)


def test_every_refusal_is_documented_as_it_is():
    text = (PROJECT / "docs/scim.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| `?(.*?)`? \| .+ \|$", text, re.MULTILINE)
    documented = {reason: (status, scim_type.strip()) for reason, status, scim_type in rows}
    assert len(rows) == len(documented)
    assert set(documented) == set(Reason)
    for refusal in made():
        if refusal.reason not in (Reason.ADAPTER, Reason.STRICT_PROTOCOL):
            assert documented[refusal.reason] == (str(refusal.status), refusal.scim_type), refusal.reason


def test_no_refusal_of_the_protocol_names_the_product():
    for path, source in SOURCES.items():
        assert "protocol" not in path.parts or "iProva" not in source, path


def test_refusals_are_made_in_one_file_of_each_layer():
    makers = {path for path, source in SOURCES.items() if re.search(r"(?<!case )\bScimError\(", source)}
    assert {str(path.relative_to(PROJECT)) for path in makers} == {"scim/protocol/errors.py", "scim/api/refusals.py"}


def test_nothing_reads_a_sentence_back():
    reading = re.compile(r"in \w+\.(detail|sentence)\b|(detail|sentence)\.(removeprefix|startswith|find|partition)")
    for path, source in SOURCES.items():
        assert not reading.search(source), path


def test_an_explained_refusal_is_the_same_with_a_sentence_more():
    refusal = errors.invalid_path("x", "no such attribute.")
    longer = errors.explained(refusal, " Correct the client.")
    assert (longer.reason, longer.status, longer.scim_type) == (refusal.reason, 400, "invalidPath")
    assert longer.detail == f"{refusal.detail} Correct the client."


@pytest.mark.django_db
def test_rows_of_before_the_column_get_their_reason(provider):
    """Migration 0016 reads the sentences of that time, once."""
    never_logged = {Reason.TOKEN_UNUSABLE, Reason.BULK_ID_UNRESOLVED, Reason.ADAPTER}
    wanted = {}
    for refusal in made():
        if refusal.reason not in never_logged:
            detail = refusal.detail.replace("this server", "iProva")
            make_calls(provider, refusal.status, scim_type=refusal.scim_type, detail=detail)
            wanted[detail] = refusal.reason.value
    make_calls(provider, 200)
    backfill = importlib.import_module("providers.migrations.0016_request_reason").BACKFILL
    with connection.cursor() as cursor:
        cursor.execute(backfill)
    assert dict(RequestLog.objects.filter(status__gte=400).values_list("detail", "reason")) == wanted
    assert RequestLog.objects.get(status=200).reason == ""
