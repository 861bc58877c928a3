"""The list of users, read-only for everybody, and the search field *Find a user* in the header."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.badges import badge_of, render_badge
from providers.console.frame.lists import CountOf, ReadOnlyAdmin
from providers.console.frame.page import Place, frame, grouped, moment
from providers.console.history.changes import title_of
from providers.console.log.not_provisioned import never_created
from providers.console.log.pages import find_request
from providers.console.log.query import is_clients_id, sent_by_clients
from providers.console.users.filters import ChangedFilter, ErrorFilter, GroupFilter, ProviderFilter, StatusFilter
from providers.console.users.identity import mask_names
from providers.console.users.saved_filters import filters_of
from providers.models import ChangeEvent, Membership, Resource, Status, SyncedUser


class UserAdmin(ReadOnlyAdmin):
    """The list of users."""

    page_name = "admin:user"
    list_display = ("name", "given_user_name", "status", "directory", "groups", "last_changed", "last_change")
    list_display_links = ("name",)
    list_filter = (StatusFilter, ProviderFilter, GroupFilter, ChangedFilter, ErrorFilter)
    list_select_related = ("provider",)
    sortable_by = ("name", "last_changed")
    # Newest first, by the time in the ids: the only order that stays cheap with a million users.
    ordering = ("-id",)
    search_fields = ("search_text",)
    change_list_template = "console/users/users.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        held = Membership.objects.current().filter(member=OuterRef("pk"))
        people = SyncedUser.objects.all().without_documents()
        annotated: QuerySet[Any] = people.annotate(group_count=CountOf(held.values("pk")))
        return annotated

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        return queryset.search(search_term, can_see_names=access.may(request, access.VIEW_PERSONAL)), False

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the columns that may be sorted by: the order of masked names would give them away."""
        return self.sortable_by if access.may(request, access.VIEW_PERSONAL) else ("last_changed",)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        cl = super().get_changelist_instance(request)
        cl.result_list = list(cl.result_list)
        newest = newest_events(person.pk for person in cl.result_list)
        for person in cl.result_list:
            person.newest_event = newest.get(person.pk)
        if not access.may(request, access.VIEW_PERSONAL):
            for person in cl.result_list:
                mask_names(person)
        return cl

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return ("choice", *self.list_display) if can_restore(request) else self.list_display

    @admin.display(description=gettext_lazy("Select"))
    def choice(self, person: Resource) -> str:
        return format_html(
            '<input type="checkbox" name="user" value="{}" form="restore-users" aria-label="{}">',
            person.pk,
            person.label,
        )

    @admin.display(description=gettext_lazy("Name"), ordering="display_name_key")
    def name(self, person: Resource) -> str:
        return person.label

    @admin.display(description=gettext_lazy("User name"))
    def given_user_name(self, person: Resource) -> str:
        return person.user_name or ""

    @admin.display(description=gettext_lazy("Status"))
    def status(self, person: Resource) -> str:
        return render_badge(badge_of(person.status))

    @admin.display(description=gettext_lazy("Provider"))
    def directory(self, person: Resource) -> str:
        return person.provider.title

    @admin.display(description=gettext_lazy("Groups"))
    def groups(self, person: Any) -> str:
        return grouped(person.group_count)

    @admin.display(description=gettext_lazy("Last changed"), ordering="last_modified")
    def last_changed(self, person: Resource) -> str:
        return moment(person.last_modified)

    @admin.display(description=gettext_lazy("Last change"))
    def last_change(self, person: Any) -> str:
        event: ChangeEvent | None = person.newest_event
        if event is None:
            return "-"
        actor = event.person_name or (person.provider.title if event.token_prefix else "iProva")
        return format_html('{}<span class="sub">{}</span>', title_of(event), actor)

    def counted(self, count: int) -> str:
        return ngettext("%(count)s user", "%(count)s users", count)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        saved: dict[str, Any] = {"saved_filters": filters_of(request), "filter_query": request.GET.urlencode()}
        saved["can_restore"] = can_restore(request)
        text = request.GET.get("q", "").replace("\0", "").strip()
        can_see_names = access.may(request, access.VIEW_PERSONAL)
        saved["never_created"] = never_created(text, can_see_names=can_see_names) if text else []
        context = frame(_("Users"), Place("users")) | saved | (extra_context or {})
        return super().changelist_view(request, context)


def can_restore(request: HttpRequest) -> bool:
    """Return whether the list offers to restore its users: it lists deleted ones, for an administrator."""
    is_of_deleted = request.GET.get(StatusFilter.parameter_name) == Status.DELETED
    return is_of_deleted and access.may(request, access.CHANGE_PROVIDER)


def newest_events(ids: Iterable[UUID]) -> dict[UUID, ChangeEvent]:
    """Return the newest event of each resource. One query."""
    wanted = list(ids)
    events = ChangeEvent.objects.about(*wanted).order_by("resource_id", "-id").distinct("resource_id")
    return {event.resource_id: event for event in events if event.resource_id} if wanted else {}


@require_safe
def find_user(request: HttpRequest) -> HttpResponse:
    """Go to what `?q=` finds: the only user, or the request with this id; otherwise to the list (AC-USR-5).

    The list also shows users that were never created. If a client gave this id to its requests, the log lists them.
    Three queries, and up to four more if no user is found.
    """
    text = request.GET.get("q", "").replace("\0", "").strip()
    if not text:
        return HttpResponseRedirect(reverse("admin:users"))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    found = list(SyncedUser.objects.search(text, can_see_names=can_see_names).values_list("pk", flat=True)[:2])
    if len(found) == 1 and not never_created(text, can_see_names=can_see_names):
        return HttpResponseRedirect(reverse("admin:user", args=[found[0]]))
    if not found and (request_id := find_request(text)):
        return HttpResponseRedirect(reverse("admin:log_entry", args=[request_id]))
    if not found and is_clients_id(text, can_see_names=can_see_names) and sent_by_clients(text):
        return HttpResponseRedirect(f"{reverse('admin:log')}?{urlencode({'q': text})}")
    return HttpResponseRedirect(f"{reverse('admin:users')}?{urlencode({'q': text})}")
