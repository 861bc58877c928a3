"""The filters of the lists of users and groups."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.lists import ChoiceFilter
from providers.ids import parse_id
from providers.models import Membership, Provider, RequestLog, Status, SyncedGroup
from providers.outcomes import WRITES

# The menu offers this many groups; any other group lists its members on its own page.
MENU_GROUPS = 100
ERROR_DAYS = 7


_LIVE, _DISABLED = Q(deleted_at__isnull=True), Q(active=False)
# The condition for each choice of *Status*. The numbers of active and disabled users are kept by the same conditions.
STATUSES: Mapping[str, Q] = {
    Status.ACTIVE: _LIVE & ~_DISABLED,
    Status.DISABLED: _LIVE & _DISABLED,
    Status.DELETED: ~_LIVE,
}


class StatusFilter(ChoiceFilter):
    """Users by status; without it the list has them all."""

    title = gettext_lazy("Status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in Status]

    def chosen(self, queryset: Any, value: str) -> Any:
        return queryset.filter(STATUSES[value])


class ProviderFilter(ChoiceFilter):
    """Users or groups of one provider."""

    title = gettext_lazy("Provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        titles = Provider.objects.live().by_title().values_list("pk", "title")
        return [(str(pk), title) for pk, title in titles]

    def chosen(self, queryset: Any, value: str) -> Any:
        return queryset.of(int(value))


class GroupFilter(ChoiceFilter):
    """The members of one group."""

    title = gettext_lazy("Group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the first groups by name, and the chosen one if it is not among them."""
        found = SyncedGroup.objects.live().order_by("display_name_key").values_list("pk", "display_name")
        choices = list(found[:MENU_GROUPS])
        chosen = parse_id(request.GET.get(self.parameter_name, ""))
        if chosen and chosen not in dict(choices):
            choices += found.filter(pk=chosen)
        return [(str(pk), name or str(pk)) for pk, name in choices]

    def chosen(self, queryset: Any, value: str) -> Any:
        members = Membership.objects.current().filter(group_id=parse_id(value))
        return queryset.filter(pk__in=members.values("member"))


class ChangedFilter(ChoiceFilter):
    """Users who were changed recently."""

    title = gettext_lazy("Changed")
    parameter_name = "changed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", _("Last 24 hours")), ("7", _("Last 7 days")), ("30", _("Last 30 days"))]

    def chosen(self, queryset: Any, value: str) -> Any:
        return queryset.filter(last_modified__gte=timezone.now() - timedelta(days=int(value)))


class ErrorFilter(ChoiceFilter):
    """Users for whom a change failed recently."""

    title = gettext_lazy("Error")
    parameter_name = "error"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("A change failed in 7 days"))]

    def chosen(self, queryset: Any, value: str) -> Any:
        recent = RequestLog.objects.since(timezone.now() - timedelta(days=ERROR_DAYS))
        failed = recent.problems().filter(action__in=WRITES, resource_id__isnull=False)
        return queryset.filter(pk__in=failed.values("resource_id"))


class RemovedFilter(ChoiceFilter):
    """Groups in the recycle bin. Without this filter the list leaves them out."""

    title = gettext_lazy("Status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(Status.DELETED.value, str(Status.DELETED.label))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        found = super().queryset(request, queryset)
        return found if self.value() is not None else found.live()

    def chosen(self, queryset: Any, value: str) -> Any:
        return queryset.in_recycle_bin()
