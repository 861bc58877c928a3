"""The dialogs that edit, pause, resume, delete and restore a provider."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from providers import administration
from providers.administration import CHANGEABLE, TitleTakenError
from providers.audit import ChangedMeanwhileError
from providers.console.frame import access
from providers.console.frame.gone import missing_provider
from providers.console.frame.page import go_to, show_dialog
from providers.console.frame.settings_form import shown_again
from providers.console.provider.forms import ProviderForm, TitleForm
from providers.console.provider.providers import provider_rows, with_people
from providers.console.provider.tabs import get_provider, place_of
from providers.models import ChangeEvent, Provider
from providers.totals import totals


@require_http_methods(["GET", "HEAD", "POST"])
def edit_provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the form *Edit provider*, or save it."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to change a provider"), provider)
    stored = {name: getattr(provider, name) for name in CHANGEABLE}
    form = ProviderForm(request.POST or None, initial=stored)
    context = {"provider": provider, "has_mail": bool(settings.OPTIONS.email_url)}
    if form.is_bound and (again := shown_again(form, ChangeEvent.objects.acts().of(provider))):
        form, meanwhile = again
        context |= meanwhile
    elif form.is_bound and form.is_valid():
        try:
            administration.change_provider(provider, access.actor_of(request), form.cleaned_data, seen=stored)
        except TitleTakenError:
            form.title_is_taken()
        except ChangedMeanwhileError:  # since the provider was read, just now
            return edit_provider(request, provider_id)
        else:
            messages.success(request, _("Provider changed"))
            return go_to(request, reverse("admin:overview", args=[provider.pk]))
    context |= {"form": form, "again": reverse("admin:edit_provider", args=[provider.pk])}
    return show_dialog(request, "console/provider/edit_provider.html", _("Edit provider"), place_of(provider), context)


@require_http_methods(["GET", "HEAD", "POST"])
def pause_provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: explain what pausing does. POST: pause the provider."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to pause a provider"), provider)
    if request.method == "POST":
        administration.pause_provider(provider, access.actor_of(request))
        messages.success(request, _("%(title)s is paused.") % {"title": provider.title})
        return go_to(request, reverse("admin:overview", args=[provider.pk]))
    title = _("Pause %(title)s?") % {"title": provider.title}
    context = {"provider": provider}
    return show_dialog(request, "console/provider/pause_provider.html", title, place_of(provider), context)


@require_http_methods(["GET", "HEAD", "POST"])
def resume_provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST: resume the provider, without a confirmation. GET (after signing in again): go to the provider's page."""
    provider = get_provider(provider_id)
    if request.method == "POST":
        access.require(request, access.CHANGE_PROVIDER, gettext_noop("to resume a provider"), provider)
        administration.resume_provider(provider, access.actor_of(request))
        messages.success(request, _("%(title)s is resumed.") % {"title": provider.title})
    return go_to(request, reverse("admin:overview", args=[provider.pk]))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def delete_provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: ask for the title and the person's own password. POST: delete the provider if both are right (AC-PROV-4)."""
    provider = get_provider(provider_id)
    access.require(request, access.DELETE_PROVIDER, gettext_noop("to delete a provider"), provider)
    problems = {}
    if request.method == "POST":
        problems = _objections(request, provider)
        if not problems:
            administration.delete_provider(provider, access.actor_of(request))
            messages.success(request, _("%(title)s is deleted. It can be restored below.") % {"title": provider.title})
            return go_to(request, reverse("admin:providers"))
    context = {
        "provider": provider,
        "problems": problems,
        "typed": request.POST.get("title", ""),
        "row": with_people(provider_rows([provider], timezone.now()))[0],
        "groups": totals("Group", [provider.pk])[provider.pk].live,
    }
    title = _("Delete %(title)s?") % {"title": provider.title}
    return show_dialog(request, "console/provider/delete_provider.html", title, place_of(provider), context)


def _objections(request: HttpRequest, provider: Provider) -> dict[str, str]:
    if request.POST.get("title", "").strip() != provider.title:
        return {"title": _("Type the title exactly as it stands above.")}
    account: Any = request.user
    # `authenticate` also counts and records a wrong password, as on the sign-in page.
    if authenticate(request, username=account.get_username(), password=request.POST.get("password", "")) is None:
        return {"password": _("This is not your password.")}
    return {}


@require_http_methods(["GET", "HEAD", "POST"])
def restore_provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Restore a deleted provider, under another title if its own is taken."""
    provider = Provider.objects.restorable().filter(pk=provider_id).first()
    access.require(request, access.DELETE_PROVIDER, gettext_noop("to restore a provider"), provider)
    if provider is None and Provider.objects.live().filter(pk=provider_id).exists():
        messages.info(request, _("This provider is restored already."))
        return go_to(request, reverse("admin:overview", args=[provider_id]))
    if provider is None:
        raise missing_provider(provider_id)
    form = TitleForm(request.POST or None, initial={"title": provider.title})
    if form.is_bound and form.is_valid():
        try:
            administration.restore_provider(provider, access.actor_of(request), title=form.cleaned_data["title"])
        except TitleTakenError:
            form.title_is_taken()
        else:
            messages.success(request, _("Provider restored, and paused until you resume it."))
            return go_to(request, reverse("admin:overview", args=[provider.pk]))
    title = _("Restore %(title)s?") % {"title": provider.title}
    context = {"provider": provider, "form": form}
    return show_dialog(request, "console/provider/restore_provider.html", title, place_of(), context)
