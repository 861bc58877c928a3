"""The console's site: the address of every page, and the checks that come before a page.

A page is shown to a person who has signed in, has set up two-step sign-in where it is required, and has a role.
"""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from providers.console import dashboard, exports, home, housekeeping
from providers.console.accounts import language, own_password, sign_in, time_zone, two_step
from providers.console.accounts import pages as accounts
from providers.console.frame import access
from providers.console.frame.gone import GoneError, gone, missing_provider
from providers.console.frame.limits import limited
from providers.console.history import audit
from providers.console.log import not_provisioned, refused
from providers.console.log import pages as log
from providers.console.provider import (
    add,
    alerts,
    clients,
    guide,
    history,
    ip_ranges,
    ip_restriction,
    lifecycle,
    overview,
    providers,
    removals,
    schemas,
    tokens,
)
from providers.console.users import groups, recycle_bin, restore_users, saved_filters, user, users
from providers.models import Provider, SyncedGroup, SyncedUser

View = Callable[..., HttpResponseBase]


def _found(view: Callable[[], HttpResponseBase], address: Mapping[str, Any]) -> HttpResponseBase:
    """Return the response of a view; GoneError or Http404 if somebody deletes its provider while it runs."""
    try:
        return view()
    except Provider.DoesNotExist as error:
        raise missing_provider(int(address.get("provider_id", 0))) from error


class ConsoleSite(AdminSite):
    """Django's admin site with our own pages only: Django's forms to add, change and delete have no address."""

    site_title = "iProva"
    site_header = "iProva"
    index_title = _("Application management")
    enable_nav_sidebar = False

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap the view of a page: the person must be signed in and have a role.

        Without a role the response is a 403 page that names the roles. A provider that does not exist is a 404; the
        page says who deleted it.
        """

        def for_roles(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if access.may(request, access.VIEW):
                try:
                    return _found(lambda: limited(request, lambda: view(request, *args, **kwargs)), kwargs)
                except GoneError as error:
                    return gone(request, error)
            access.record_refusal(request, f"{request.method} {request.path}"[:200])
            return render(request, "console/frame/no_role.html", status=403)

        return self._signed_in(update_wrapper(for_roles, view), cacheable)

    def _signed_in(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap a view: the person must be signed in, with a password of their own.

        Where two-step sign-in is required, they have to set it up first.

        A form that is sent after the session ended leads to the sign-in page, and from there back to the form.
        """

        def led(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if two_step.must_be_set_up(request):
                return redirect("admin:two_step")
            if own_password.must_be_changed(request) and view != self.password_change:
                return redirect("admin:password_change")
            response: HttpResponse = view(request, *args, **kwargs)
            return response

        own = super().admin_view(update_wrapper(led, view), cacheable)

        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and not self.has_permission(request):
                return sign_in.before_sending_again(request)
            return own(request, *args, **kwargs)

        return update_wrapper(asked, own)

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is signed in, with a code if the account has two-step sign-in."""
        return super().has_permission(request) and two_step.is_answered(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the sign-in page; a person who is signed in already goes to the home page."""
        if request.user.is_authenticated and not two_step.is_answered(request):
            logout(request)  # the session is from before two-step sign-in was turned on
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        return sign_in.SignIn.as_view(extra_context=extra_context)(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the page on which people change their own password, or change it."""
        context = {**self.each_context(request), **(extra_context or {})}
        return own_password.ChangePassword.as_view(extra_context=context)(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return no models: the console has none of Django's forms."""
        return []

    def get_urls(self) -> Any:
        rest = re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view))
        return [*self._account_urls(), *self._page_urls(), rest]

    def _account_urls(self) -> list[URLPattern]:
        """The addresses that need no role.

        Signing in and choosing the language need no account either. Signing out and the pages of two-step
        sign-in also work before two-step sign-in is set up.
        """
        without = super().admin_view
        return [
            path("login/", self.login, name="login"),
            path("language/", language.language, name="language"),
            path("login/code/", two_step.sign_in_code, name="sign_in_code"),
            path("logout/", without(self.logout), name="logout"),
            path("two-step/", without(two_step.two_step), name="two_step"),
            path("time-zone/", self._signed_in(time_zone.time_zone), name="time_zone"),
            path("two-step/off/", without(two_step.turn_off_two_step), name="turn_off_two_step"),
            path("password_change/", self._signed_in(self.password_change), name="password_change"),
            path("password_change/done/", self._signed_in(self.password_change_done), name="password_change_done"),
        ]

    def _page_urls(self) -> list[URLPattern]:
        def page(route: str, view: View, name: str = "") -> URLPattern:
            """An address is named after its view; `name` is for Django's views and views with two addresses."""
            made: URLPattern = path(route, self.admin_view(view), name=name or view.__name__)
            return made

        return [
            *self._provider_urls(page),
            page("", home.home, "index"),
            page("accounts/", accounts.accounts),
            page("accounts/add/", accounts.add_account),
            page("accounts/<int:account_id>/", accounts.account),
            page("accounts/<int:account_id>/reset/", accounts.reset_password),
            page("accounts/<int:account_id>/two-step/off/", accounts.remove_two_step),
            page("accounts/<int:account_id>/disable/", accounts.disable_account),
            page("accounts/<int:account_id>/enable/", accounts.enable_account),
            page("housekeeping/", housekeeping.housekeeping),
            page("eum/", dashboard.dashboard),
            page("eum/find/", users.find_user),
            page("eum/guide/", guide.guide_overview),
            page("eum/users/", self._list(SyncedUser), "users"),
            page("eum/users/<uuid:user_id>/", user.user),
            page("eum/users/filters/save/", saved_filters.save_filter),
            page("eum/users/filters/<int:filter_id>/rename/", saved_filters.rename_filter),
            page("eum/users/filters/<int:filter_id>/delete/", saved_filters.delete_filter),
            page("eum/groups/", self._list(SyncedGroup), "groups"),
            page("eum/groups/<uuid:group_id>/", groups.group),
            page("eum/log/", log.log),
            page("eum/log/<uuid:request_id>/", log.log_entry),
            page("eum/log/<uuid:request_id>/payload/", log.log_bodies),
            page("eum/recycle-bin/restore/", self.restore_users),
            page("eum/not-provisioned/", not_provisioned.not_provisioned),
            page("eum/recycle-bin/<uuid:resource_id>/restore/", recycle_bin.restore_resource),
            page("eum/recycle-bin/<uuid:resource_id>/purge/", recycle_bin.purge_resource),
            page("eum/refused/", refused.refused),
            page("eum/audit/", audit.audit),
            page("eum/<slug:name>/export/", self._export, "export"),
            page("eum/exports/", exports.exports),
            page("eum/exports/<int:export_id>/progress/", exports.export_progress),
            page("eum/exports/<int:export_id>/file/", exports.export_file),
            page("eum/exports/<int:export_id>/delete/", exports.delete_export),
        ]

    def _provider_urls(self, page: Callable[..., URLPattern]) -> list[URLPattern]:
        one = "eum/providers/<int:provider_id>/"
        token = f"{one}tokens/<int:token_id>/"
        return [
            page("eum/providers/", providers.providers),
            page("eum/providers/add/", add.add_provider),
            page(one, overview.overview),
            page(f"{one}live/", overview.live),
            page(f"{one}edit/", lifecycle.edit_provider),
            page(f"{one}pause/", lifecycle.pause_provider),
            page(f"{one}resume/", lifecycle.resume_provider),
            page(f"{one}removals/", removals.removals),
            page(f"{one}removals/users/", removals.removed_users),
            page(f"{one}removals/<slug:name>/", removals.decide_removals),
            page(f"{one}departures/", RedirectView.as_view(pattern_name="admin:removals"), "departures"),
            page(f"{one}delete/", lifecycle.delete_provider),
            page(f"{one}restore/", lifecycle.restore_provider),
            page(f"{one}history/", history.history),
            page(f"{one}tokens/", tokens.tokens),
            page(f"{token}rotate/", tokens.rotate_token),
            page(f"{token}copied/", tokens.copied_token),
            page(f"{token}suspend/", tokens.suspend_token),
            page(f"{token}restore/", tokens.restore_token),
            page(f"{token}expiry/", tokens.expire_token),
            page(f"{token}revoke/", tokens.revoke_token),
            *self._client_urls(page, one),
            page(f"{one}ip-restriction/", ip_restriction.ip_restriction),
            page(f"{one}ip-restriction/mode/", ip_restriction.ip_mode),
            page(f"{one}ip-restriction/add/", ip_ranges.add_ranges),
            page(f"{one}ip-restriction/remove/", ip_ranges.remove_ranges),
            page(f"{one}ip-restriction/import/", ip_ranges.import_ranges),
            page(f"{one}schemas/", schemas.schemas),
            page(f"{one}schemas/upload/", schemas.upload_schema),
            page(f"{one}schemas/<int:extension_id>/remove/", schemas.remove_schema),
            page("eum/alerts/", alerts.all_alerts),
            page("eum/alerts/test/", alerts.test_all_alerts),
            page(f"{one}alerts/", alerts.alerts),
            page(f"{one}alerts/test/", alerts.test_alerts),
            page(f"{one}guide/", guide.guide),
            page(f"{one}guide/seen/", guide.guide_seen),
            page(f"{one}guide/test/", guide.test_connection),
        ]

    def _client_urls(self, page: Callable[..., URLPattern], provider: str) -> list[URLPattern]:
        one = f"{provider}sign-in/<int:client_pk>/"
        return [
            page(f"{provider}sign-in/", clients.clients),
            page(f"{provider}sign-in/add/", clients.add_client),
            page(f"{provider}sign-in/add-workload-identity/", clients.add_federated_client),
            page(f"{one}rotate/", clients.rotate_secret),
            page(f"{one}secrets/<int:secret_id>/revoke/", clients.revoke_secret),
            page(f"{one}secrets/<int:secret_id>/copied/", clients.copied_secret),
            page(f"{one}suspend/", clients.suspend_client),
            page(f"{one}restore/", clients.restore_client),
            page(f"{one}revoke/", clients.revoke_client),
            page(f"{one}trust/", clients.edit_trust),
            page(f"{one}trust/learned/", clients.trust_learned),
        ]

    @property
    def lists(self) -> dict[str, Any]:
        """The ModelAdmin of each list of Django's, by the name that exports use."""
        return {"users": self._registry[SyncedUser], "groups": self._registry[SyncedGroup]}

    def _export(self, request: HttpRequest, name: str) -> HttpResponseBase:
        return exports.export(request, name, self.lists)

    def restore_users(self, request: HttpRequest) -> HttpResponse:
        """Undo removals of many users, chosen in a list."""
        return restore_users.restore_users(request, self._registry[SyncedUser])

    def _list(self, model: Any) -> View:
        view: View = self._registry[model].changelist_view
        return view


site = ConsoleSite()
site.register(SyncedUser, users.UserAdmin)
site.register(SyncedGroup, groups.GroupAdmin)
