"""CSV export of a list, with the filters of the list's address. docs/console.md has the columns.

The file is streamed, its cells are safe from being read as formulas, and the audit records each export with its
number of rows. Rows are read in the order of their ids, a thousand at a time by key, so memory stays flat and
a connection pooler needs no session.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from defusedcsv import csv
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language, gettext_noop
from django.views.decorators.http import require_safe

from providers.audit import record_act
from providers.console.frame import access
from providers.console.frame.masking import is_uuid, mask_id, mask_text
from providers.console.history.audit import read_query as read_audit_query
from providers.console.history.sentences import sentence_of
from providers.console.log.described import describe
from providers.console.log.not_provisioned import OPEN, RESOLVED, found_by, rows_of
from providers.console.log.not_provisioned import read_query as read_problem_query
from providers.console.log.query import read_query as read_log_query
from providers.events import EventKind
from providers.models import ChangeEvent, Provider, RequestLog
from providers.problems import MOST_ATTEMPTS, Problem

CHUNK = 1_000
# These are left out of a cell: defusedcsv would not recognise a formula behind one of them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"[\t\n\r\u0085\u2028\u2029]+")
# Where another separator than the file's would begin a new cell: `Jan;=1+1` in a file with commas.
_FORMULA = re.compile(r"([;,|]\s*\"*)(?=[=+@-])")


@dataclass(frozen=True)
class Export:
    """A list that can be exported: the columns of its file, the function that makes the cells, the right it needs."""

    columns: str
    cells: Callable[[Sequence[Any], bool], Iterator[Sequence[Any]]]
    right: str = access.VIEW


def _users(rows: Sequence[Any], can_see_names: bool) -> Iterator[Sequence[Any]]:
    def shown(text: str | None) -> str:
        return (text or "") if can_see_names else mask_text(text or "")

    for person in rows:
        external_id = (person.external_id or "") if can_see_names else mask_id(person.external_id or "")
        identity = [person.pk, shown(person.user_name), shown(person.display_name), external_id]
        yield [*identity, person.status, person.provider.title, person.created, person.last_modified, person.deleted_at]


def _groups(rows: Sequence[Any], can_see_names: bool) -> Iterator[Sequence[Any]]:
    for group in rows:
        identity = [group.pk, group.display_name, group.external_id or "", group.provider.title]
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


EXPORTS: Mapping[str, Export] = {
    "users": Export("id userName displayName externalId status provider created lastModified removed", _users),
    "groups": Export("id displayName externalId provider members created lastModified", _groups),
    "log": Export(
        "requestId time provider action subject resourceId outcome status scimType ms address clientRequestId reason"
        " externalId attributes partOf",
        _log,
    ),
    "not_provisioned": Export(
        "provider type resourceId name displayName externalId action reason why status attributes attempts first last"
        " state whoMustAct whatToDo requestId",
        _not_provisioned,
    ),
    "audit": Export("id time kind person address provider sentence requestId changes", _audit, access.VIEW_AUDIT),
}


@require_safe
def export(request: HttpRequest, name: str, lists: Mapping[str, Any]) -> StreamingHttpResponse:
    """Return the rows of the list `name`, over all its pages, as a CSV file.

    `lists` holds the ModelAdmin of each list of Django's by name. Raises PermissionDenied without the right to
    export or to see the list, and Http404 for a name that is not in EXPORTS.
    """
    access.require(request, access.EXPORT, gettext_noop("to export"))
    known = EXPORTS.get(name)
    if known is None:
        raise Http404
    access.require(request, known.right, gettext_noop("to export"))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    if name == "log":
        chunks = _chunks(read_log_query(request.GET, can_see_names=can_see_names).rows.without_bodies())
    elif name == "audit":
        chunks = _chunks(read_audit_query(request.GET).rows)
    elif name == "not_provisioned":
        problems = found_by(
            read_problem_query(request.GET).sent, can_see_names=can_see_names, limit=MOST_ATTEMPTS
        ).problems
        chunks = (problems[start : start + CHUNK] for start in range(0, len(problems), CHUNK))
    else:
        chunks = _chunks(lists[name].get_changelist_instance(request).queryset)
    lines = (line.encode() for line in _lines(request, name, known, chunks))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_file_name(request, name)}"'
    return response


def _file_name(request: HttpRequest, name: str) -> str:
    """The name of the file: the list, the provider if one is chosen, and the date."""
    chosen = request.GET.get("provider", "")
    provider = Provider.objects.filter(pk=int(chosen)).first() if re.fullmatch(r"\d{1,9}", chosen) else None
    parts = [name, slugify(provider.title) if provider else "", f"{timezone.localdate()}"]
    return f"{'-'.join(part for part in parts if part)}.csv"


class _Echo:
    """A file for the CSV writer that returns each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _lines(request: HttpRequest, name: str, known: Export, chunks: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo(), delimiter=";" if get_language() == "nl" else ",")
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    count = 0
    try:
        yield "\ufeff" + writer.writerow(known.columns.split())
        for chunk in chunks:
            lines = [writer.writerow([_cell(value) for value in cells]) for cells in known.cells(chunk, can_see_names)]
            count += len(lines)
            yield "".join(lines)
    finally:  # a download that was broken off is recorded too: its rows have been sent
        filters = request.GET.urlencode()
        subject = f"{name}: {count} ?{filters}" if filters else f"{name}: {count}"
        record_act(EventKind.EXPORTED, access.actor_of(request), subject=subject[:500])


def _chunks(rows: Any) -> Iterator[Sequence[Any]]:
    last: UUID | None = None
    while chunk := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "astimezone"):
        return str(value.astimezone().isoformat(timespec="seconds"))
    # defusedcsv guards the beginning of a cell, and would not recognise a formula behind white space.
    text = _BREAKS.sub(" ", _CONTROL.sub("", str(value))).lstrip()
    return _FORMULA.sub(r"\1'", text)
