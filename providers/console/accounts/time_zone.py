"""The page on which people choose the time zone of the console: the account's, or else the browser's."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from providers.console.frame.page import Place, show
from providers.models import Preference
from providers.zones import zones, zones_by_region


class TimeZoneForm(forms.Form):
    """A time zone by its name; empty for that of the browser."""

    time_zone = forms.CharField(required=False, max_length=50)

    def clean_time_zone(self) -> str:
        chosen: str = self.cleaned_data["time_zone"]
        if chosen and chosen not in zones():
            raise forms.ValidationError(gettext_lazy("Choose a time zone from the list."))
        return chosen


@require_http_methods(["GET", "HEAD", "POST"])
def time_zone(request: HttpRequest) -> HttpResponse:
    """Show the account's time zone, or change it and go back to the page in `next`."""
    sent = request.POST if request.method == "POST" else request.GET
    back = str(sent.get("next", ""))
    if not back.startswith("/") or not url_has_allowed_host_and_scheme(back, None):
        back = "admin:index"
    form = TimeZoneForm(request.POST or None)
    if form.is_bound and form.is_valid():
        chosen = form.cleaned_data["time_zone"]
        Preference.objects.update_or_create(account_id=request.user.pk, defaults={"time_zone": chosen})
        request.session[settings.TIME_ZONE_SESSION_KEY] = chosen
        messages.success(request, _("Time zone changed"))
        return redirect(back)
    own = request.session.get(settings.TIME_ZONE_SESSION_KEY, "")
    browser = request.COOKIES.get(settings.TIME_ZONE_COOKIE_NAME, "")
    context = {
        "form": form,
        "chosen": form["time_zone"].value() if form.is_bound else own,
        "fallback": browser if browser in zones() else settings.TIME_ZONE,
        "regions": zones_by_region(),
        "next": back if back.startswith("/") else "",
    }
    return show(request, "console/accounts/time_zone.html", _("Time zone"), Place(""), context)
