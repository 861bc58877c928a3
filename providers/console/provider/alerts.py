"""The pages of alerts, of one provider and of the installation: who is told, a test, and what was sent."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from providers import alerts as domain
from providers.alerts import MOST_ADDRESSES, shown_target
from providers.audit import ChangedMeanwhileError
from providers.console.frame import access
from providers.console.frame.badges import Badge
from providers.console.frame.page import Place, Text, go_to, moment, show
from providers.console.frame.settings_form import SettingsForm, shown_again
from providers.console.provider.tabs import get_provider, tab
from providers.events import EventKind
from providers.models import INSTALLATION, Alert, AlertSettings, ChangeEvent, Provider
from providers.outgoing import MAX_URL, OutgoingError, check_url

SHOWN = 50
_SENT = Badge(gettext_lazy("Sent"), "check", "ok")
_WAITING = Badge(gettext_lazy("Waiting"), "clock", "")
_RETRIED = Badge(gettext_lazy("Tried again"), "clock", "warn")
_GIVEN_UP = Badge(gettext_lazy("Not sent"), "alert", "bad")
_ACT = gettext_noop("to change who gets alerts")


class AlertForm(SettingsForm):
    """Who is told. The webhook that is stored is not shown, and is kept unless another one is entered."""

    addresses = forms.CharField(label=gettext_lazy("E-mail addresses"), required=False, max_length=MOST_ADDRESSES * 300)
    webhook = forms.CharField(label=gettext_lazy("Webhook"), required=False, max_length=MAX_URL)
    removes_webhook = forms.BooleanField(required=False)
    has_digest = forms.BooleanField(label=gettext_lazy("Daily summary"), required=False)

    paths = {"addresses": "alert addresses", "has_digest": "daily summary"}
    secrets = frozenset({"webhook"})

    def clean_addresses(self) -> list[str]:
        """Return the addresses, each once."""
        found = list(dict.fromkeys(self.cleaned_data["addresses"].replace(",", "\n").split()))
        if len(found) > MOST_ADDRESSES:
            raise forms.ValidationError(_("At most %(most)d addresses.") % {"most": MOST_ADDRESSES})
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                said = _("%(address)s is not a valid e-mail address.") % {"address": address[:100]}
                raise forms.ValidationError(said) from None
        return found

    def clean_webhook(self) -> str:
        url: str = self.cleaned_data["webhook"]
        try:
            if url:
                check_url(url)
        except OutgoingError as error:
            raise forms.ValidationError(str(error)) from error
        return url


@sensitive_post_parameters("webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def alerts(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the tab of a provider, or save who is told about it."""
    return _page(request, get_provider(provider_id))


@sensitive_post_parameters("webhook")
@require_http_methods(["GET", "HEAD", "POST"])
def all_alerts(request: HttpRequest) -> HttpResponse:
    """Show the page of the installation, or save who is told about all providers and the jobs."""
    return _page(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def test_alerts(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST: send a test to the recipients of a provider. GET (after signing in again): go to the tab."""
    return _test(request, get_provider(provider_id))


@require_http_methods(["GET", "HEAD", "POST"])
def test_all_alerts(request: HttpRequest) -> HttpResponse:
    """POST: send a test to the recipients of the installation. GET (after signing in again): go to the page."""
    return _test(request, None)


def _address(provider: Provider | None) -> str:
    return reverse("admin:alerts", args=[provider.pk]) if provider else reverse("admin:all_alerts")


def _page(request: HttpRequest, provider: Provider | None) -> HttpResponse:
    held = domain.settings_for(provider)
    held_webhook = shown_target(held.webhook) if held.webhook else ""
    stored = {"addresses": "\n".join(held.addresses), "has_digest": held.has_digest, "webhook": held_webhook}
    form = AlertForm(request.POST or None, initial=stored)
    meanwhile: dict[str, Any] = {}
    if request.method == "POST":
        access.require(request, access.CHANGE_PROVIDER, _ACT, provider)
        if again := shown_again(form, _events(provider)):
            form, meanwhile = again
        elif form.is_valid():
            try:
                _save(request, provider, held, form.cleaned_data)
            except ChangedMeanwhileError:  # since the settings were read, just now
                return _page(request, provider)
            messages.success(request, _("Saved."))
            return go_to(request, _address(provider))
    can_change = access.may(request, access.CHANGE_PROVIDER)
    sent = Alert.objects.about(provider.pk if provider else INSTALLATION).order_by("-pk")[:SHOWN]
    context: dict[str, Any] = {
        "form": form,
        "held": held,
        "held_webhook": held_webhook,
        "has_mail": bool(settings.OPTIONS.email_url),
        "language": settings.LANGUAGE_CODE,
        "grace": settings.OPTIONS.alert_after_minutes,
        "hour": domain.DIGEST_HOUR,
        "address": _address(provider),
        "again": _address(provider),
        **meanwhile,
        "test_address": reverse("admin:test_alerts", args=[provider.pk])
        if provider
        else reverse("admin:test_all_alerts"),
        "sent": [_row(alert, can_see_targets=can_change) for alert in sent],
    }
    status = 409 if meanwhile else 422 if form.errors else 200
    if provider:
        return tab(request, provider, "alerts", context, status=status)
    place = Place("providers", [(_("Providers"), reverse("admin:providers"))])
    return show(request, "console/provider/all_alerts.html", _("Alerts"), place, context, status=status)


def _save(request: HttpRequest, provider: Provider | None, held: AlertSettings, sent: dict[str, Any]) -> None:
    kept = "" if sent["removes_webhook"] else held.webhook
    domain.change_recipients(
        provider,
        access.actor_of(request),
        addresses=sent["addresses"],
        webhook=sent["webhook"] or kept,
        has_digest=sent["has_digest"],
        seen=held,
    )


def _events(provider: Provider | None) -> Any:
    rows = ChangeEvent.objects.acts().filter(kind=EventKind.ALERTS_CHANGED.value)
    return rows.of(provider) if provider else rows.filter(provider_id__isnull=True)


def _row(alert: Alert, *, can_see_targets: bool) -> dict[str, Text | SafeString | Badge]:
    badge = _SENT if alert.sent_at else _GIVEN_UP if alert.is_given_up else _RETRIED if alert.tries else _WAITING
    kind = _("Webhook") if alert.is_webhook else _("Mail")
    return {
        "at": moment(alert.sent_at or alert.created_at),
        "to": shown_target(alert.target) if can_see_targets else kind,
        "subject": alert.subject,
        "badge": badge,
        "error": _why(alert),
    }


def _why(alert: Alert) -> str:
    return " ".join(filter(None, [alert.error and _(alert.error), alert.detail]))


def _test(request: HttpRequest, provider: Provider | None) -> HttpResponse:
    if request.method == "POST":
        access.require(request, access.CHANGE_PROVIDER, gettext_noop("to send a test alert"), provider)
        sent = domain.send_test(provider)
        for alert in sent:
            names = {"target": shown_target(alert.target), "error": _why(alert)}
            if alert.sent_at:
                messages.success(request, _("The test was sent to %(target)s.") % names)
            else:
                messages.error(request, _("The test could not be sent to %(target)s: %(error)s") % names)
        if not sent:
            messages.warning(request, _("There are no recipients yet: enter an address or a webhook first."))
    return go_to(request, _address(provider))
