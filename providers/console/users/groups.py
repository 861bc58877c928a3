"""The list of groups, and the page of one group with its members, fifty at a time."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Max, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.badges import badge_of
from providers.console.frame.gone import missing_resource
from providers.console.frame.lists import COUNT_LIMIT, PAGE_SIZE, CappedPaginator, CountOf, ReadOnlyAdmin
from providers.console.frame.masking import IMPERSONAL_OF_GROUP, mask
from providers.console.frame.page import Place, frame, grouped, moment, show
from providers.console.users.filters import ProviderFilter, RemovedFilter
from providers.console.users.history import read_group_history
from providers.console.users.identity import attribute_panels, mask_names
from providers.console.users.recycle_bin import bin_until
from providers.console.users.timeline import group_timeline
from providers.models import Membership, Resource, Status, SyncedGroup


class GroupAdmin(ReadOnlyAdmin):
    """The list of groups."""

    page_name = "admin:group"
    list_display = ("name", "directory", "members", "last_changed")
    list_filter = (ProviderFilter, RemovedFilter)
    list_select_related = ("provider",)
    sortable_by = ("name", "last_changed")
    ordering = ("display_name_key",)
    search_fields = ("search_text",)
    change_list_template = "console/users/groups.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        current = Membership.objects.current().filter(group=OuterRef("pk")).order_by()
        groups = SyncedGroup.objects.all().without_documents()
        annotated: QuerySet[Any] = groups.annotate(member_count=CountOf(current.values("pk")[: COUNT_LIMIT + 1]))
        return annotated

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        return queryset.search(search_term, can_see_names=access.may(request, access.VIEW_PERSONAL)), False

    @admin.display(description=gettext_lazy("Name"), ordering="display_name_key")
    def name(self, group: Resource) -> str:
        return group.label

    @admin.display(description=gettext_lazy("Provider"))
    def directory(self, group: Resource) -> str:
        return group.provider.title

    @admin.display(description=gettext_lazy("Members"))
    def members(self, group: Any) -> str:
        number = grouped(min(group.member_count, COUNT_LIMIT))
        return _("more than %(number)s") % {"number": number} if group.member_count > COUNT_LIMIT else number

    @admin.display(description=gettext_lazy("Last changed"), ordering="last_modified")
    def last_changed(self, group: Resource) -> str:
        return moment(group.last_modified)

    def counted(self, count: int) -> str:
        return ngettext("%(count)s group", "%(count)s groups", count)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = frame(_("Groups"), Place("groups")) | (extra_context or {})
        return super().changelist_view(request, context)


@require_safe
def group(request: HttpRequest, group_id: UUID) -> HttpResponse:
    """Show one group: its members in the order in which they joined, its timeline, and what was received.

    `?q=` searches the members, and `?p=` is the page, with fifty of them.
    """
    found: Any = SyncedGroup.objects.select_related("provider").filter(pk=group_id).first()
    if found is None:
        raise missing_resource(group_id, _("There is no such group."))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    history = read_group_history(found, can_see_names=can_see_names)
    if not can_see_names:
        found.document = mask(found.document, plain=IMPERSONAL_OF_GROUP)
    sought = request.GET.get("q", "").replace("\0", "").strip()
    members = Membership.objects.current().filter(group=found).with_members().order_by("pk")
    if sought:
        named = Resource.objects.of(found.provider).search(sought, can_see_names=can_see_names)
        members = members.filter(member__in=named)
    paginator = CappedPaginator(members, PAGE_SIZE)
    page = paginator.get_page(request.GET.get("p", 1))
    shown = list(page.object_list)
    if not can_see_names:
        for membership in shown:
            if membership.member_type != "Group":
                mask_names(membership.member)
    context = {
        "group": found,
        "badge": badge_of(Status.DELETED) if found.deleted_at else None,
        "members": [(row.member, badge_of(row.member.status), moment(row.joined_at)) for row in shown],
        "page": page,
        "resource": found,
        "bin_until": bin_until(found),
        "sought": sought,
        "empty_since": _empty_since(found) if not shown and not sought else "",
        "entries": group_timeline(history),
        "page_range": paginator.get_elided_page_range(page.number),
        **attribute_panels(found),
    }
    place = Place("groups", [(_("Groups"), reverse("admin:groups"))])
    return show(request, "console/users/group.html", found.label, place, context)


def _empty_since(group: Resource) -> SafeString:
    """Since when the group has no members: since the last one was removed, or since its creation (AC-GRP-3)."""
    ended = Membership.objects.ended().filter(group=group)
    last = ended.aggregate(last=Max("left_at"))["last"]
    return moment(last or group.created)
