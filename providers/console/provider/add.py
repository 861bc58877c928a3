"""The form *Add provider*: a title and, if wanted, an IP restriction."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods

from providers import administration
from providers.administration import TitleTakenError
from providers.console.frame import access
from providers.console.frame.page import go_to, show_dialog
from providers.console.provider.forms import AddProviderForm, with_suggestion
from providers.console.provider.tabs import place_of
from providers.models import IpMode


@require_http_methods(["GET", "HEAD", "POST"])
def add_provider(request: HttpRequest) -> HttpResponse:
    """Show the form *Add provider*, or add the provider. It never makes a token (AC-ADD-7)."""
    access.require(request, access.ADD_PROVIDER, gettext_noop("to add a provider"))
    form = AddProviderForm(with_suggestion(request.POST)) if request.method == "POST" else AddProviderForm()
    if "use" not in request.POST and form.is_bound and form.is_valid():
        mode = IpMode.OBSERVE if form.cleaned_data["ip_restrict"] else IpMode.OFF
        try:
            provider = administration.add_provider(
                form.cleaned_data["title"],
                access.actor_of(request),
                kind=form.cleaned_data["kind"],
                ip_mode=mode,
                ranges=form.networks,
            )
        except TitleTakenError:
            form.title_is_taken()
        else:
            messages.success(request, _("Provider added"))
            return go_to(request, reverse("admin:overview", args=[provider.pk]))
    return show_dialog(request, "console/provider/add_provider.html", _("Add provider"), place_of(), {"form": form})
