"""The home page of application management."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from providers.accounts import accounts
from providers.console import access
from providers.models import Provider


def home(request: HttpRequest) -> HttpResponse:
    context: dict[str, object] = {"title": _("Application management")}
    context["provider_count"] = Provider.objects.live().count()
    if access.may(request, access.MANAGE_ACCOUNTS):
        context["account_count"] = accounts().filter(is_active=True).count()
    return render(request, "console/home.html", context)
