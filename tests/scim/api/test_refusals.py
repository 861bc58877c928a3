"""The refusals of HTTP and of this product; and of both layers: reasons, documents, and who may make one."""

import importlib
import re
from pathlib import Path

import pytest
from django.db import connection

from providers.models import RequestLog
from providers.outcomes import Refusal
from scim.api import refusals
from scim.protocol.errors import Reason, ScimError
from tests.factories import make_calls
from tests.scim.refusals import makers_in, protocol_refusals

PROJECT = Path(__file__).resolve().parents[3]
SOURCES = {path: path.read_text("utf-8") for path in (PROJECT / "scim").rglob("*.py")}

# One call of each function that makes a refusal; those of the protocol are in test_errors.py.
OF_THE_API = {
    "unusable_token": [Refusal.NO_TOKEN],
    "provider_deleted": [],
    "ended_token": ["revoked"],
    "ended_access_token": [],
    "unknown_route": ["/scim/users"],
    "too_large": [16, "MiB"],
    "unsupported_media_type": ["text/xml"],
    "unsupported_encoding": ["gzip"],
    "method_not_allowed": ["PATCH", ["GET"]],
    "address_refused": [],
    "too_fast": [0.02],
    "refused_too_often": [0.2],
    "paused": [],
    "provider_full": ["User", 2_000_000],
    "removals_held": [],
    "removals_rejected": [],
    "unavailable": [],
    "internal_error": ["1"],
    "not_finished": [],
    "discovery_filter": [],
    "me": [],
    "of_adapter": [422, "", "No."],
}


def made() -> list[ScimError]:
    each = [getattr(refusals, name)(*arguments) for name, arguments in OF_THE_API.items()]
    return [*protocol_refusals(), *each, refusals.ended_token("expired"), refusals.ended_token("suspended")]


def test_the_table_above_has_every_function():
    assert makers_in(refusals) == set(OF_THE_API)


def test_every_reason_is_that_of_one_function():
    of_refusals = set(Reason) - {Reason.NOTHING_UNDERSTOOD}  # that is the reason of a success
    assert sorted(refusal.reason for refusal in made()) == sorted(of_refusals)
    assert all(len(reason) <= 40 for reason in Reason), "the width of its column in the log"


def test_each_kind_of_unusable_token_has_its_sentence():
    of_scim = set(Refusal) - {Refusal.UNKNOWN_CLIENT, Refusal.UNPROVEN, Refusal.LOCKED}  # of the token endpoint
    assert len({refusals.unusable_token(kind).detail for kind in of_scim}) == len(of_scim)


def test_every_refusal_is_documented_as_it_is():
    text = (PROJECT / "docs/scim.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| `?(.*?)`? \| .+ \|$", text, re.MULTILINE)
    documented = {reason: (status, scim_type.strip()) for reason, status, scim_type in rows}
    assert len(rows) == len(documented)
    assert set(documented) == set(Reason)
    for refusal in made():
        if refusal.reason not in (Reason.ADAPTER, Reason.STRICT_PROTOCOL):
            assert documented[refusal.reason] == (str(refusal.status), refusal.scim_type), refusal.reason


def test_refusals_are_made_in_one_file_of_each_layer():
    makers = {path for path, source in SOURCES.items() if re.search(r"(?<!case )\bScimError\(", source)}
    assert {str(path.relative_to(PROJECT)) for path in makers} == {"scim/protocol/errors.py", "scim/api/refusals.py"}


def test_nothing_reads_a_sentence_back():
    reading = re.compile(r"in \w+\.(detail|sentence)\b|(detail|sentence)\.(removeprefix|startswith|find|partition)")
    for path, source in SOURCES.items():
        assert not reading.search(source), path


@pytest.mark.django_db
def test_rows_of_before_the_column_get_their_reason(provider):
    """Migration 0016 reads the sentences of that time, once; later reasons never had rows without one."""
    never_logged = {
        Reason.TOKEN_UNUSABLE,
        Reason.BULK_ID_UNRESOLVED,
        Reason.ACCESS_TOKEN_ENDED,
        Reason.ADAPTER,
        Reason.CONTENT_ENCODING,
        Reason.PROVIDER_FULL,
        Reason.LEFT_OVER,
        Reason.NOT_FINISHED,
        Reason.TOO_COSTLY,
        Reason.TOO_FAST,
        Reason.REFUSED_TOO_OFTEN,
    }
    wanted = {}
    for refusal in made():
        if refusal.reason not in never_logged:
            detail = refusal.detail.replace("this server", "iProva")
            make_calls(provider, refusal.status, scim_type=refusal.scim_type, detail=detail)
            wanted[detail] = refusal.reason.value
    make_calls(provider, 200)
    costly = "The query takes longer than 10 seconds: give the filter fewer comparisons."
    make_calls(provider, 400, scim_type="tooMany", detail=costly)
    wanted[costly] = Reason.TOO_COSTLY.value
    backfill = importlib.import_module("providers.migrations.0016_request_reason").BACKFILL
    with connection.cursor() as cursor:
        cursor.execute(backfill)
    assert dict(RequestLog.objects.filter(status__gte=400).values_list("detail", "reason")) == wanted
    assert RequestLog.objects.get(status=200).reason == ""
