"""Providers: the list, *Add provider*, and a provider's page with its tabs."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Max, OuterRef, Prefetch, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from providers.administration import TitleTakenError, add_provider
from providers.console import access
from providers.console.forms import AddProviderForm, take_suggestion
from providers.console.lists import CountOf, ReadOnlyAdmin
from providers.console.page import Place, ago, frame, go_to, moment, show, show_dialog
from providers.console.status import IP_MODE, provider_status, render_badge
from providers.models import IpMode, Provider, SyncedUser, Token
from providers.models.provider import ProviderQuerySet


def with_figures(providers: ProviderQuerySet) -> ProviderQuerySet:
    """Each with its last contact and its numbers of people; its live tokens come in a second query."""
    people = SyncedUser.objects.live().filter(provider=OuterRef("pk")).values("pk")
    used = Token.objects.filter(provider=OuterRef("pk")).order_by().values("provider")
    live_tokens = Prefetch("tokens", Token.objects.live().order_by("-created_at"), to_attr="live_tokens")
    return providers.annotate(
        last_contact=Subquery(used.annotate(last=Max("last_used_at")).values("last")),
        people=CountOf(people),
        people_disabled=CountOf(people.filter(active=False)),
    ).prefetch_related(live_tokens)


def all_providers() -> ProviderQuerySet:
    return with_figures(Provider.objects.live())


def get_provider(pk: int) -> Any:
    """A live provider with its figures; 404 for any other."""
    provider = all_providers().filter(pk=pk).first()
    if provider is None:
        raise Http404(_("There is no such provider."))
    return provider


class ProviderAdmin(ReadOnlyAdmin):
    page_name = "admin:provider"
    list_display = ("name", "status", "last_activity", "users", "ip_restriction", "token")
    list_filter = ()
    ordering = ("title_key",)
    change_list_template = "console/provider_list.html"

    def get_queryset(self, request: HttpRequest) -> ProviderQuerySet:
        return all_providers()

    @admin.display(description=gettext_lazy("Title"), ordering="title_key")
    def name(self, provider: Provider) -> str:
        return provider.title

    @admin.display(description=gettext_lazy("Status"))
    def status(self, provider: Provider) -> str:
        status = provider_status(provider)
        return format_html('{}<span class="sub">{}</span>', render_badge(status.badge), status.sentence)

    @admin.display(description=gettext_lazy("Last activity"), ordering="last_contact")
    def last_activity(self, provider: Any) -> str:
        return moment(provider.last_contact) if provider.last_contact else _("Never")

    @admin.display(description=gettext_lazy("Users"), ordering="people")
    def users(self, provider: Any) -> str:
        said = _("%(count)s disabled") % {"count": f"{provider.people_disabled:,}"}
        return format_html('{}<span class="sub">{}</span>', f"{provider.people - provider.people_disabled:,}", said)

    @admin.display(description=gettext_lazy("IP restriction"), ordering="ip_mode")
    def ip_restriction(self, provider: Provider) -> str:
        return str(IP_MODE[provider.ip_mode])

    @admin.display(description=gettext_lazy("Token"))
    def token(self, provider: Any) -> str:
        if not provider.live_tokens:
            return _("None")
        newest: Token = provider.live_tokens[0]
        return format_html('<span class="mono">{}</span><span class="sub">{}</span>', newest.shown, expiry(newest))

    def counted(self, count: int) -> str:
        return ngettext("%(count)s provider", "%(count)s providers", count)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = frame(_("Providers"), Place("providers")) | (extra_context or {})
        return super().changelist_view(request, context)


def expiry(token: Token) -> str:
    if token.expires_at is None:
        return _("never expires")
    return format_html(_("expires {time}"), time=moment(token.expires_at))


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """The form *Add provider*; never makes a token (AC-ADD-7)."""
    access.require(request, access.ADD_PROVIDER, "to add a provider")
    form = AddProviderForm(_with_suggestion(request)) if request.method == "POST" else AddProviderForm()
    if "use" not in request.POST and form.is_bound and form.is_valid():
        mode = IpMode.OBSERVE if form.cleaned_data["ip_restrict"] else IpMode.OFF
        try:
            provider = add_provider(
                form.cleaned_data["title"], access.actor_of(request), ip_mode=mode, ranges=form.networks
            )
        except TitleTakenError:
            form.title_is_taken()
        else:
            messages.success(request, _("Provider added"))
            return go_to(request, reverse("admin:provider", args=[provider.pk]))
    place = Place("providers", [(_("Providers"), reverse("admin:providers"))])
    return show_dialog(request, "console/_add_provider.html", _("Add provider"), place, {"form": form})


def _with_suggestion(request: HttpRequest) -> Any:
    """What was sent, with the range that a *Use …* button suggests in its line."""
    sent = request.POST.copy()
    if "use" in sent:
        sent["ip_ranges"] = take_suggestion(str(sent.get("ip_ranges", "")), str(sent["use"]))
    return sent


def place_of(provider: Provider) -> Place:
    return Place("providers", [(_("Providers"), reverse("admin:providers"))])


def tab(
    request: HttpRequest, provider: Any, name: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """One tab of a provider's page, under the header that they share."""
    shared = {"provider": provider, "tab": name, "status": provider_status(provider), "request_key": uuid.uuid4()}
    template = f"console/provider_{name}.html"
    return show(request, template, provider.title, place_of(provider), {**shared, **(context or {})}, status=status)


@require_safe
def overview(request: HttpRequest, provider_id: int) -> HttpResponse:
    provider = get_provider(provider_id)
    newest = provider.live_tokens[0] if provider.live_tokens else None
    return tab(
        request,
        provider,
        "overview",
        {
            "tenant_url": settings.OPTIONS.scim_url,
            "last_contact": moment(provider.last_contact) if provider.last_contact else "",
            "last_activity": ago(provider.last_contact) if provider.last_contact else _("Never"),
            "people_active": provider.people - provider.people_disabled,
            "token": newest,
            "token_expiry": expiry(newest) if newest else "",
            "created": moment(provider.created_at),
            "created_by": access.name_of(provider.created_by) if provider.created_by else "",
            "ip_mode": IP_MODE[provider.ip_mode],
        },
    )


@require_safe
def ip_restriction(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The mode and the ranges, to read; they are written when the provider is added."""
    provider = get_provider(provider_id)
    rules = [(rule, rule.cidr.version, moment(rule.created_at)) for rule in provider.ip_rules.order_by("cidr")]
    return tab(request, provider, "ip_restriction", {"rules": rules, "ip_mode": IP_MODE[provider.ip_mode]})
