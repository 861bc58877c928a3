"""Synced users: the list, and a person's page. Read-only, for everybody."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from providers.console import access
from providers.console.attributes import Row, as_json, flatten, is_uuid, mask, mask_text
from providers.console.lists import ChoiceFilter, CountOf, ReadOnlyAdmin
from providers.console.page import Place, frame, moment, show
from providers.console.status import RESOURCE, render_badge
from providers.models import Membership, Provider, Resource, SyncedUser

MAX_GROUPS = 200


class StatusFilter(ChoiceFilter):
    title = gettext_lazy("Status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, str(badge.word)) for status, badge in RESOURCE.items()]

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "removed":
            return queryset.filter(deleted_at__isnull=False)
        disabled = Q(active=False)
        return queryset.filter(disabled if value == "disabled" else ~disabled, deleted_at__isnull=True)


class ProviderFilter(ChoiceFilter):
    title = gettext_lazy("Provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        titles = Provider.objects.live().order_by("title_key").values_list("pk", "title")
        return [(str(pk), title) for pk, title in titles]

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(provider=value)


class UserAdmin(ReadOnlyAdmin):
    page_name = "admin:user"
    list_display = ("name", "given_user_name", "status", "directory", "groups", "last_changed")
    list_filter = (StatusFilter, ProviderFilter)
    list_select_related = ("provider",)
    sortable_by = ("name", "last_changed")
    # Newest first, by the ids' own time: the one order that costs nothing among a million people.
    ordering = ("-id",)
    search_fields = ("search_text",)
    change_list_template = "console/user_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        held = Membership.objects.filter(member=OuterRef("pk"), left_at__isnull=True)
        people = SyncedUser.objects.defer("document", "folded", "search_text")
        annotated: QuerySet[Any] = people.annotate(group_count=CountOf(held.values("pk")))
        return annotated

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        return queryset.search(search_term), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        cl = super().get_changelist_instance(request)
        cl.result_list = list(cl.result_list)
        if not access.may(request, access.VIEW_PERSONAL):
            for person in cl.result_list:
                mask_names(person)
        return cl

    @admin.display(description=gettext_lazy("Name"), ordering="display_name_key")
    def name(self, person: Resource) -> str:
        return person.label

    @admin.display(description=gettext_lazy("User name"))
    def given_user_name(self, person: Resource) -> str:
        return person.user_name or ""

    @admin.display(description=gettext_lazy("Status"))
    def status(self, person: Resource) -> str:
        return render_badge(RESOURCE[person.status])

    @admin.display(description=gettext_lazy("Provider"))
    def directory(self, person: Resource) -> str:
        return person.provider.title

    @admin.display(description=gettext_lazy("Groups"))
    def groups(self, person: Any) -> str:
        return f"{person.group_count:,}"

    @admin.display(description=gettext_lazy("Last changed"), ordering="last_modified")
    def last_changed(self, person: Resource) -> str:
        return moment(person.last_modified)

    def counted(self, count: int) -> str:
        return ngettext("%(count)s user", "%(count)s users", count)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = frame(_("Users"), Place("users")) | {"is_searchable": True} | (extra_context or {})
        return super().changelist_view(request, context)


def mask_names(resource: Resource) -> None:
    """Make a row safe for those who may not see personal values (AC-ROLE-4)."""
    resource.user_name = mask_text(resource.user_name) if resource.user_name else None
    resource.display_name = mask_text(resource.display_name) if resource.display_name else None
    if resource.external_id and not is_uuid(resource.external_id):
        resource.external_id = mask_text(resource.external_id)


@require_safe
def user(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """The header, the attributes as received, and the groups she is in now."""
    person: Any = SyncedUser.objects.select_related("provider").filter(pk=user_id).first()
    if person is None:
        raise Http404(_("There is no such person."))
    if not access.may(request, access.VIEW_PERSONAL):
        mask_names(person)
        person.document = mask(person.document)
    held = Membership.objects.filter(member=person, left_at__isnull=True).select_related("group")
    memberships = list(held.order_by("group__display_name_key", "pk")[: MAX_GROUPS + 1])
    context = {
        "person": person,
        "badge": RESOURCE[person.status],
        "removed": moment(person.deleted_at) if person.deleted_at else "",
        "groups": [(held.group, moment(held.joined_at)) for held in memberships[:MAX_GROUPS]],
        "is_more": len(memberships) > MAX_GROUPS,
        **attribute_panels(person),
    }
    place = Place("users", [(_("Users"), reverse("admin:users"))])
    return show(request, "console/user.html", person.label, place, context)


def attribute_panels(resource: Resource) -> dict[str, Any]:
    """What a resource's page shows of its columns and its document."""
    rows: list[Row] = flatten(resource.document)
    return {
        "identifiers": [
            ("id", str(resource.pk)),
            ("externalId", resource.external_id or ""),
            (_("Version"), str(resource.version)),
            (_("Created"), moment(resource.created)),
            (_("Last changed"), moment(resource.last_modified)),
        ],
        "rows": rows,
        "raw": as_json(resource.document),
    }
