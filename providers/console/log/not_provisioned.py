"""The page *Not provisioned*: users and groups that a directory could not create, change or remove, and why.

One row for each of them and each reason, from `providers.problems`: who must act, what to do, and a text for the
administrator of the directory, which is English in every language of the console.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.lists import COUNT_LIMIT
from providers.console.frame.masking import is_uuid, mask_id, mask_text
from providers.console.frame.page import Place, Text, clock, short_id, show
from providers.console.frame.records import HOURS, PERIODS, RecordQuery, read_sent
from providers.console.log.described import detail_of, shown_names
from providers.console.log.explanations import Explanation, explanation_of, why
from providers.models import Provider, RequestLog, Resource
from providers.outcomes import Action
from providers.problems import Found, Problem, find_problems
from scim.protocol.errors import Reason

PAGE_SIZE = 50
DEFAULT_HOURS = 720
OPEN, RESOLVED = "open", "resolved"
_TITLES: Mapping[str, Text] = {
    "status": gettext_lazy("Status"),
    "provider": gettext_lazy("Provider"),
    "period": gettext_lazy("Time"),
    "q": gettext_lazy("Search"),
}
_STATUSES: Mapping[str, Text] = {OPEN: gettext_lazy("Open"), RESOLVED: gettext_lazy("Resolved")}


# Where an administrator of iProva acts on a problem: the page of the provider, and the words of the link.
_PLACES: Mapping[str, tuple[str, Text]] = {
    **dict.fromkeys((Reason.REMOVALS_HELD, Reason.REMOVALS_REJECTED), ("removals", gettext_lazy("Open removals"))),
    Reason.PAUSED: ("overview", gettext_lazy("Open the provider")),
    Reason.ADDRESS_REFUSED: ("ip_restriction", gettext_lazy("Open IP restriction")),
    **dict.fromkeys(
        (Reason.TOKEN_REVOKED, Reason.TOKEN_EXPIRED, Reason.TOKEN_SUSPENDED), ("tokens", gettext_lazy("Open tokens"))
    ),
}


@dataclass(frozen=True)
class Row:
    """One problem as the page shows it. `label` is the user's name, or "" if no request named the user."""

    problem: Problem
    provider: Provider | None
    resource: Resource | None
    label: str
    user_name: str
    action: str
    why: str
    explanation: Explanation
    first: SafeString
    last: SafeString
    resolved: SafeString | str
    rejected: Sequence[str]
    sought: str
    message: str = ""

    @property
    def short_id(self) -> str:
        return short_id(self.problem.last_id)

    @property
    def place(self) -> tuple[str, Text] | None:
        """The address of the page where an administrator of iProva acts, and the words of the link; None elsewhere."""
        name, word = _PLACES.get(self.problem.reason, ("", ""))
        return (reverse(f"admin:{name}", args=[self.problem.provider_id]), word) if name else None

    @property
    def log_address(self) -> str:
        """The address of all attempts in the log; of the last one for people who may not see what to look for."""
        subject = str(self.problem.resource_id or "")
        if not subject and not self.sought:
            return reverse("admin:log_entry", args=[self.problem.last_id])
        named = {"subject": subject} if subject else {"q": self.sought}
        return f"{reverse('admin:log')}?{urlencode({**named, 'outcome': 'problems'})}"


def read_query(sent: QueryDict) -> RecordQuery:
    """Return the filters of an address. One query, for the menu of providers."""
    known = read_sent(sent, _TITLES)
    titles = Provider.objects.live().by_title().values_list("pk", "title")
    menus: dict[str, list[tuple[Any, Any]]] = {
        "status": list(_STATUSES.items()),
        "provider": [(str(pk), title) for pk, title in titles],
        "period": list(PERIODS.items()),
    }
    return RecordQuery(known, None, _TITLES, menus, {})


def found_by(sent: Mapping[str, str], *, can_see_names: bool, limit: int, offset: int = 0) -> Found:
    """Return the problems that match the filters; a value that cannot be read matches none.

    One statement, and two more for a search.
    """
    try:
        hours = HOURS[sent["period"]] if "period" in sent else DEFAULT_HOURS
        is_resolved = {OPEN: False, RESOLVED: True}[sent["status"]] if "status" in sent else None
        provider_id = int(sent["provider"]) if "provider" in sent else None
    except (ValueError, KeyError):
        return Found([], 0, 0)
    text = sent.get("q", "").strip()
    found = Resource.objects.search(text, can_see_names=can_see_names)
    named = found.values_list("pk", flat=True)[:500] if text else []
    return find_problems(
        timezone.now() - timedelta(hours=hours),
        limit=limit,
        offset=offset,
        provider_id=provider_id,
        is_resolved=is_resolved,
        text=text,
        resources=list(named),
        can_see_names=can_see_names,
    )


@require_safe
def not_provisioned(request: HttpRequest) -> HttpResponse:
    """Show fifty problems, the open ones first. `?p=` is the number of the page."""
    query = read_query(request.GET)
    number = _page_number(request.GET.get("p", ""))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    offset = (number - 1) * PAGE_SIZE
    found = found_by(query.sent, can_see_names=can_see_names, limit=PAGE_SIZE, offset=offset)
    context = {
        "query": query,
        "rows": rows_of(found.problems, can_see_names=can_see_names, has_messages=True),
        "found": found,
        "newer": query.address(p=str(number - 1)) if number > 1 else "",
        "older": query.address(p=str(number + 1)) if found.count > number * PAGE_SIZE else "",
        "days": DEFAULT_HOURS // 24,
    }
    return show(request, "console/log/not_provisioned.html", _("Not provisioned"), Place("not_provisioned"), context)


def _page_number(text: str) -> int:
    return min(max(int(text), 1), COUNT_LIMIT) if text.isdecimal() and len(text) < 9 else 1


def never_created(text: str, *, can_see_names: bool) -> list[Row]:
    """Return the newest users that a directory tried to create in vain, by name or externalId. Up to four queries.

    Without `can_see_names`, only by a complete object id.
    """
    since = timezone.now() - timedelta(hours=DEFAULT_HOURS)
    found = find_problems(
        since, limit=5, is_resolved=False, text=text, only_creations=True, can_see_names=can_see_names
    )
    return rows_of([one for one in found.problems if one.resource_type == "User"], can_see_names=can_see_names)


def rows_of(problems: Sequence[Problem], *, can_see_names: bool, has_messages: bool = False) -> list[Row]:
    """Return the problems in words; names are masked unless `can_see_names`.

    Two queries; one more with `has_messages`, for the responses that the texts for the directory quote.
    """
    if not problems:
        return []
    resources = Resource.objects.without_documents().in_bulk({one.resource_id for one in problems if one.resource_id})
    providers = Provider.objects.in_bulk({one.provider_id for one in problems})
    logged = RequestLog.objects.without_bodies().in_bulk([one.last_id for one in problems] if has_messages else [])
    now = timezone.now()
    rows = []
    for problem in problems:
        row = _row(problem, providers.get(problem.provider_id), resources, now, can_see_names=can_see_names)
        last = logged.get(problem.last_id)
        rows.append(Row(**vars(row) | {"message": _message(row, last, can_see_names=can_see_names)}) if last else row)
    return rows


def _row(
    problem: Problem,
    provider: Provider | None,
    resources: Mapping[Any, Resource],
    now: datetime,
    *,
    can_see_names: bool,
) -> Row:
    resource = resources.get(problem.resource_id)
    is_masked = not can_see_names and problem.resource_type != "Group"
    external_id = problem.external_id if not is_masked or is_uuid(problem.external_id) else ""
    user_name = (resource.user_name if resource else None) or problem.subject
    label = (resource.display_name if resource else None) or problem.display_name or user_name
    if is_masked:
        label, user_name = (mask_text(text) if text else "" for text in (label, user_name))
        if resource:
            resource.display_name = label
    rejected = shown_names(problem.rejected, provider, can_see_names=can_see_names)
    return Row(
        problem=problem,
        provider=provider,
        resource=resource,
        label=label,
        user_name=user_name if user_name != label else "",
        action=", ".join(_actions(problem)),
        why=why(problem.status, problem.reason, problem.resource_type, rejected),
        explanation=explanation_of(problem.reason, problem.status),
        first=clock(problem.first_at, now),
        last=clock(problem.last_at, now),
        resolved=clock(problem.resolved_at, now) if problem.resolved_at else "",
        rejected=rejected,
        sought=external_id if is_masked else problem.subject or external_id,
    )


def _actions(problem: Problem) -> Iterable[str]:
    return (Action(action).of(problem.resource_type) for action in problem.actions)


def _message(row: Row, last: RequestLog, *, can_see_names: bool) -> str:
    """Return the text for the administrator of the directory, in English, with the facts of the last attempt."""
    problem = row.problem
    external_id = problem.external_id if can_see_names or is_uuid(problem.external_id) else ""
    names = ", ".join(filter(None, [row.label, row.user_name, external_id and f"externalId {external_id}"]))
    with override("en"):
        detail = detail_of(last, row.provider, can_see_names=can_see_names)
        return "\n".join(
            [
                f"iProva did not do what {row.provider.title if row.provider else 'the directory'} asked for.",
                "",
                f"Asked: {', '.join(_actions(problem))}",
                f"{problem.resource_type}: {names or 'not named in the request'}",
                f"Attempts: {problem.attempts}, the first {_utc(problem.first_at)}, the last {_utc(problem.last_at)}",
                f"Response: {problem.status} {detail}",
                f"Why: {row.explanation.title} {row.explanation.meaning}",
                f"What to do: {row.explanation.act}",
                f"Request id: {problem.last_id}, client-request-id: {_clients_id(last, can_see_names=can_see_names)}",
            ]
        )


def _clients_id(last: RequestLog, *, can_see_names: bool) -> str:
    return (last.client_request_id if can_see_names else mask_id(last.client_request_id)) or "-"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
