"""The files of exports: the columns and cells of each list, and the writing of a file. docs/console.md has the columns.

The rows are those under the filters of a list's address, all of one moment, in the order of their ids. Cells are safe
from being read as formulas, and the audit records each export with its number of rows. Rows are read through a cursor
of PostgreSQL, a thousand at a time, so memory stays flat.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from defusedcsv import csv
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS
from django.http import Http404, HttpRequest, QueryDict
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language, gettext_noop, override

from providers import exports
from providers.console.frame import access
from providers.console.frame.masking import is_uuid, mask_id, mask_text
from providers.console.frame.page import Text
from providers.console.history.audit import read_query as read_audit_query
from providers.console.history.sentences import LIST_TITLES, sentence_of
from providers.console.log.described import describe
from providers.console.log.not_provisioned import OPEN, RESOLVED, found_by, rows_of
from providers.console.log.not_provisioned import read_query as read_problem_query
from providers.console.log.query import read_query as read_log_query
from providers.events import Actor
from providers.models import ChangeEvent, Export, ExportFailure, Provider, RequestLog, Status
from providers.problems import MOST_ATTEMPTS, Problem

CHUNK = 1_000
# A statement may take this long: all rows may have to be read and sorted before the first is sent.
STATEMENT_S = 600
# These are left out of a cell: defusedcsv would not recognise a formula behind one of them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"[\t\n\r\u0085\u2028\u2029]+")
# Where another separator than the file's would begin a new cell: `Jan;=1+1` in a file with commas.
_FORMULA = re.compile(r"([;,|]\s*\"*)(?=[=+@-])")


@dataclass(frozen=True)
class Listed:
    """A list that can be exported: its title, the columns of its file, the function that makes the cells.

    `right` is what a person needs to see the list. With `values`, the rows are these values instead of objects.
    """

    title: Text
    columns: str
    cells: Callable[[Sequence[Any], bool], Iterator[Sequence[Any]]]
    right: str = access.VIEW
    values: str = ""


def _users(rows: Sequence[Any], can_see_names: bool) -> Iterator[Sequence[Any]]:
    def shown(text: str | None) -> str:
        return (text or "") if can_see_names else mask_text(text or "")

    for person in rows:
        external_id = (person.external_id or "") if can_see_names else mask_id(person.external_id or "")
        identity = [person.pk, shown(person.user_name), shown(person.display_name), external_id]
        status = Status.of(is_deleted=person.deleted_at is not None, is_enabled=person.active is True)
        yield [*identity, status, person.provider__title, person.created, person.last_modified, person.deleted_at]


def _groups(rows: Sequence[Any], can_see_names: bool) -> Iterator[Sequence[Any]]:
    for group in rows:
        identity = [group.pk, group.display_name, group.external_id or "", group.provider__title]
        yield [*identity, group.member_count, group.created, group.last_modified]


def _log(rows: Sequence[RequestLog], can_see_names: bool) -> Iterator[Sequence[Any]]:
    for one in describe(rows, can_see_names=can_see_names):
        row, subject = one.log, one.subject.label if one.subject else one.wanted
        external_id = row.external_id if can_see_names or is_uuid(row.external_id) else mask_text(row.external_id)
        title = one.provider.title if one.provider else ""
        yield [row.id, row.at, title, one.action, subject, row.resource_id, row.outcome, row.status, row.scim_type,
               round(row.duration_ms), row.source_ip, one.client_request_id, row.reason, external_id,
               " ".join(one.names(row.asked)), row.part_of]  # fmt: skip


def _not_provisioned(rows: Sequence[Problem], can_see_names: bool) -> Iterator[Sequence[Any]]:
    for row in rows_of(rows, can_see_names=can_see_names):
        one, title = row.problem, row.provider.title if row.provider else ""
        external_id = one.external_id if can_see_names or is_uuid(one.external_id) else mask_text(one.external_id)
        names = [row.user_name or row.label, row.label, external_id]
        yield [title, one.resource_type, one.resource_id, *names, row.action, one.reason,
               row.why, one.status, " ".join(row.rejected), one.attempts, one.first_at, one.last_at,
               RESOLVED if one.is_resolved else OPEN, row.explanation.who.short, row.explanation.act,
               one.last_id]  # fmt: skip


def _audit(rows: Sequence[ChangeEvent], can_see_names: bool) -> Iterator[Sequence[Any]]:
    providers = Provider.objects.in_bulk({row.provider_id for row in rows if row.provider_id})
    for row in rows:
        title = providers[row.provider_id].title if row.provider_id in providers else ""
        sentence = re.sub(r"<.*?>", "", sentence_of(row, can_see_names=can_see_names))
        # Restoring a user is an act with personal values: only the user's page shows those.
        changes = json.dumps(row.changes, ensure_ascii=False) if row.changes and not row.resource_id else ""
        yield [row.id, row.at, row.kind, row.person_name, row.address, title, sentence, row.request_id, changes]


LISTS: Mapping[str, Listed] = {
    "users": Listed(
        LIST_TITLES["users"],
        "id userName displayName externalId status provider created lastModified removed",
        _users,
        values="pk user_name display_name external_id active provider__title created last_modified deleted_at",
    ),
    "groups": Listed(
        LIST_TITLES["groups"],
        "id displayName externalId provider members created lastModified",
        _groups,
        values="pk display_name external_id provider__title member_count created last_modified",
    ),
    "log": Listed(
        LIST_TITLES["log"],
        "requestId time provider action subject resourceId outcome status scimType ms address clientRequestId reason"
        " externalId attributes partOf",
        _log,
    ),
    "not_provisioned": Listed(
        LIST_TITLES["not_provisioned"],
        "provider type resourceId name displayName externalId action reason why status attributes attempts first last"
        " state whoMustAct whatToDo requestId",
        _not_provisioned,
    ),
    "audit": Listed(
        LIST_TITLES["audit"],
        "id time kind person address provider sentence requestId changes",
        _audit,
        access.VIEW_AUDIT,
    ),
}


def rows_under(request: HttpRequest, name: str, lists: Mapping[str, Any], *, most: int = MOST_ATTEMPTS) -> Any:
    """Return the rows of the list `name` under the filters of the request: a query, or a sequence.

    `lists` holds the ModelAdmin of each list of Django's by name. A sequence ends after `most` rows. Raises
    PermissionDenied without the right to export or to see the list, and Http404 for a name that is not in LISTS.
    """
    access.require(request, access.EXPORT, gettext_noop("to export"))
    known = LISTS.get(name)
    if known is None:
        raise Http404
    access.require(request, known.right, gettext_noop("to export"))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    if name == "log":
        return read_log_query(request.GET, can_see_names=can_see_names).rows.without_bodies()
    if name == "audit":
        return read_audit_query(request.GET).rows
    if name == "not_provisioned":
        return found_by(read_problem_query(request.GET).sent, can_see_names=can_see_names, limit=most).problems
    return lists[name].rows_under(request).values_list(*known.values.split(), named=True)


def count_rows(rows: Any, *, most: int | None = None) -> int:
    """Return the number of rows, of a query up to `most` and with one statement."""
    if isinstance(rows, Sequence):
        return len(rows)
    found = rows.order_by().values("pk")
    return int((found if most is None else found[:most]).count())


def write_file(
    export_id: int, lists: Mapping[str, Any], *, using: str = DEFAULT_DB_ALIAS, statement_s: int = STATEMENT_S
) -> None:
    """Write the file of a running export, or note why it failed. An export that was deleted is left alone.

    `using` is the connection that writes: see `FileWriter`. Raises what went wrong unexpectedly, after noting it.
    """
    failure = ExportFailure.ERROR
    try:
        with exports.snapshot(export_id, statement_s=statement_s):
            _write(export_id, lists, using)
        return
    except (exports.StoppedError, Export.DoesNotExist):
        return
    except PermissionDenied:
        failure = ExportFailure.NO_RIGHT
    except exports.NoRoomError:
        failure = ExportFailure.TOO_LARGE
    except exports.TooLongError:
        failure = ExportFailure.TOO_LONG
    finally:
        exports.fail(export_id, failure, using=using)  # does nothing to one that is complete


def _write(export_id: int, lists: Mapping[str, Any], using: str) -> None:
    export = Export.objects.select_related("owner").get(pk=export_id)
    request = _as_asked(export)
    # The days in the filters are those of the person who asked; the times in the file are in TIME_ZONE.
    with override(export.language), timezone.override(export.time_zone or None):
        rows = rows_under(request, export.listed, lists)
        can_see_names = access.may(request, access.VIEW_PERSONAL)
        writer = exports.FileWriter(export_id, using=using)
        writer.begin(expected=count_rows(rows), has_names=can_see_names)
        for text, count in _texts(LISTS[export.listed], rows, can_see_names):
            writer.write(text.encode(), count)
    actor = Actor(
        person_id=export.owner_id,
        person_name=access.name_of(export.owner)[:150],
        address=export.address,
        request_id=export.request_id,
    )
    subject = f"{export.listed}: {writer.row_count}" + (f" ?{export.query}" if export.query else "")
    writer.end(file_name=_file_name(request, export.listed, writer.row_count), actor=actor, subject=subject[:500])


def _as_asked(export: Export) -> HttpRequest:
    """The request as the lists read it, with the rights that the account has now."""
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(export.query)
    request.user = export.owner
    return request


def _file_name(request: HttpRequest, name: str, count: int) -> str:
    """The name of the file: the list, the provider if one is chosen, the date, and the number of rows.

    By that number, somebody can see later that a file was cut off. A last line would do too, but a program that reads
    the file would take it for a row.
    """
    chosen = request.GET.get("provider", "")
    provider = Provider.objects.filter(pk=int(chosen)).first() if re.fullmatch(r"\d{1,9}", chosen) else None
    parts = [name, slugify(provider.title) if provider else "", f"{timezone.localdate()}", f"{count}-rows"]
    return f"{'-'.join(part for part in parts if part)}.csv"


class _Echo:
    """A file for the CSV writer that returns each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _texts(known: Listed, rows: Any, can_see_names: bool) -> Iterator[tuple[str, int]]:
    """Yield the line with the columns and then the lines of each chunk, with the number of rows in them."""
    writer = csv.writer(_Echo(), delimiter=";" if get_language() == "nl" else ",")
    yield "\ufeff" + writer.writerow(known.columns.split()), 0
    for chunk in _chunks(rows):
        lines = [writer.writerow([_cell(value) for value in cells]) for cells in known.cells(chunk, can_see_names)]
        yield "".join(lines), len(lines)


def _chunks(rows: Any) -> Iterator[Sequence[Any]]:
    found = iter(rows if isinstance(rows, Sequence) else rows.order_by("pk").iterator(CHUNK))
    while chunk := list(islice(found, CHUNK)):
        yield chunk


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "astimezone"):
        return timezone.localtime(value, timezone.get_default_timezone()).isoformat(timespec="seconds")
    # defusedcsv guards the beginning of a cell, and would not recognise a formula behind white space.
    text = _BREAKS.sub(" ", _CONTROL.sub("", str(value))).lstrip()
    return _FORMULA.sub(r"\1'", text)
