"""The home page of application management: links to its parts, with a few numbers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from providers.accounts import accounts
from providers.console import housekeeping
from providers.console.frame import access
from providers.models import Provider


def home(request: HttpRequest) -> HttpResponse:
    """Show the home page. Only people who may manage accounts see the number of accounts."""
    context: dict[str, object] = {"title": _("Application management")}
    context["provider_count"] = Provider.objects.live().count()
    rows = housekeeping.rows()
    context |= {"job_count": len(rows), "job_care_count": sum(row.needs_care for row in rows)}
    if access.may(request, access.MANAGE_ACCOUNTS):
        context["account_count"] = accounts().filter(is_active=True).count()
    return render(request, "console/home.html", context)
