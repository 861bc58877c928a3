"""The recycle bin: deleted users and groups stay for 30 days, and an administrator can restore or purge them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST
from uuid_utils.compat import uuid7

from providers.console.frame import access
from providers.console.frame.gone import missing_provider, missing_resource
from providers.console.frame.page import Place, go_to, moment, show_dialog
from providers.models import RECYCLE_BIN_DAYS, Resource
from providers.plain_text import visible
from providers.request_log import writer
from providers.resources import recycle_bin
from providers.resources.recycle_bin import NameTakenError

PLACE = Place("users")


def bin_until(resource: Resource) -> SafeString | str:
    """Return the day on which a deleted resource is purged; "" for one that is not in the bin."""
    if resource.deleted_at is None or resource.provider.deleted_at:
        return ""
    return moment(resource.deleted_at + timedelta(days=RECYCLE_BIN_DAYS), to="day")


@require_http_methods(["GET", "HEAD", "POST"])
def purge_resource(request: HttpRequest, resource_id: UUID) -> HttpResponse:
    """GET: ask for the name. POST: purge the user or group for good, if the name was typed exactly."""
    found = _in_bin(resource_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to purge a deleted user or group"), found.provider)
    is_group = found.resource_type == "Group"
    typed = request.POST.get("title", "")
    if request.method == "POST" and _plain(typed) in (_plain(found.label), _plain(visible(found.label))):
        writer.flush()  # what is still in this process's buffer would be written after the purge
        recycle_bin.purge(found.provider_id, found.pk, access.actor_of(request))
        messages.success(request, _("%(name)s is purged.") % {"name": found.label})
        return go_to(request, reverse("admin:groups" if is_group else "admin:users"))
    context = {
        "resource": found,
        "typed": typed,
        "problem": _("Type the name exactly as it stands above.") if request.method == "POST" else "",
        "page": reverse("admin:group" if is_group else "admin:user", args=[resource_id]),
    }
    title = _("Purge %(name)s?") % {"name": found.label}
    return show_dialog(request, "console/users/purge_resource.html", title, PLACE, context)


def _plain(text: str) -> str:
    """A name as it can be typed into a field: without outer white space, and with single spaces inside."""
    return " ".join(text.split())


def _in_bin(resource_id: UUID) -> Any:
    """The resource in the recycle bin of a live provider; raises Http404 for any other."""
    found: Any = Resource.objects.in_recycle_bin().select_related("provider").filter(pk=resource_id).first()
    if found is None or found.provider.deleted_at:
        raise _missing(found, resource_id)
    return found


def _missing(found: Any, resource_id: UUID) -> Http404:
    """The error for a resource that cannot be restored or purged: it was purged, or its provider was deleted."""
    if found is not None and found.provider.deleted_at:
        return missing_provider(found.provider_id)
    return missing_resource(resource_id, _("It is not in the recycle bin any more."))


@require_POST
def restore_resource(request: HttpRequest, resource_id: UUID) -> HttpResponse:
    """Restore a user or group as it was, with the memberships that the deletion ended.

    If another resource of the provider has the name now, nothing changes and the page shows why. Raises Http404
    for a resource that no longer exists.
    """
    found: Any = Resource.objects.select_related("provider").filter(pk=resource_id).first()
    if found is None or found.provider.deleted_at:
        raise _missing(found, resource_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to restore a deleted user or group"), found.provider)
    page = "admin:group" if found.resource_type == "Group" else "admin:user"
    name = {"name": found.label}
    try:
        was_there = recycle_bin.restore(found.provider_id, found.pk, access.actor_of(request), uuid7())
    except NameTakenError:
        said = _(
            "%(name)s cannot be restored: another user or group of this provider has the name now. Nothing was changed."
        )
        messages.error(request, said % name)
    else:
        if was_there:
            said = _("%(name)s is restored. The directory does not notice this and continues as before.")
            messages.success(request, said % name)
    return HttpResponseRedirect(reverse(page, args=[resource_id]))
