"""The home page of application management, and the dashboard of external user management."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from providers.accounts import accounts
from providers.console import access
from providers.console.lists import PAGE_SIZE
from providers.console.page import Place, show
from providers.console.provider_list import provider_rows, with_people
from providers.models import Provider


def home(request: HttpRequest) -> HttpResponse:
    context: dict[str, object] = {"title": _("Application management")}
    context["provider_count"] = Provider.objects.live().count()
    if access.may(request, access.MANAGE_ACCOUNTS):
        context["account_count"] = accounts().filter(is_active=True).count()
    return render(request, "console/home.html", context)


def dashboard(request: HttpRequest) -> HttpResponse:
    """The provider strip; the full list is one click further."""
    rows = provider_rows(Provider.objects.live().select_related("paused_by"), timezone.now())
    context = {"strip": with_people(rows[:PAGE_SIZE]), "is_more": len(rows) > PAGE_SIZE}
    return show(request, "console/dashboard.html", _("External user management"), Place("eum"), context)
