"""Signing in and out, changing one's password, and the records of these in the audit.

Anybody can cause a failure, so the audit has few of them: one for a name, an address and a minute. `lock_out` has what
stops them.
"""

from typing import Any
from urllib.parse import urlsplit

from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.contrib.auth.views import LoginView
from django.db.models.signals import pre_save
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy, gettext_noop

from providers.audit import record_act, record_seldom
from providers.console.accounts import lock_out, own_password, preferences, two_step
from providers.console.frame.access import actor_of
from providers.events import EventKind
from providers.two_step import has_two_step

# No account can have this name: user names have no spaces.
UNKNOWN_NAME = gettext_noop("an unknown name")


class SignInForm(AdminAuthenticationForm):
    """Django's form, with a sentence of our own: the console has no other accounts than those that may sign in."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": gettext_lazy("User name or password is wrong."),
    }


class SignIn(LoginView):
    """Django's sign-in page. With two-step sign-in, the password leads to the page that asks for the code."""

    authentication_form = SignInForm
    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        if not has_two_step(form.get_user()):
            return super().form_valid(form)
        two_step.keep_waiting(self.request, form.get_user(), self.get_success_url())
        return redirect("admin:sign_in_code")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = {"app_path": self.request.get_full_path(), "username": self.request.user.get_username()}
        is_lost = "lost" in self.request.GET
        has_ended = is_lost or self.get_redirect_url() not in ("", reverse("admin:index"))
        return super().get_context_data(**kwargs, **names, has_ended=has_ended, is_lost=is_lost)


def before_sending_again(request: HttpRequest) -> HttpResponse:
    """Return the response to a form whose session has ended: the sign-in page, and then the form's page."""
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    back = urlsplit(page)._replace(scheme="", netloc="").geturl() if is_ours else reverse("admin:index")
    return redirect(f"{reverse('admin:login')}?{urlencode({'next': back, 'lost': 'yes'})}")


def connect() -> None:
    """Connect the signals of Django and django-axes to the functions that record them."""
    user_logged_in.connect(_signed_in, dispatch_uid="console sign-in")
    user_logged_out.connect(_signed_out, dispatch_uid="console sign-out")
    user_login_failed.connect(_failed, dispatch_uid="console failed sign-in")
    user_locked_out.connect(_locked, dispatch_uid="console lock-out")
    pre_save.connect(_forget_form, sender=AccessAttempt, dispatch_uid="console attempt")


def _signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    record_act(EventKind.SIGNED_IN, actor_of(request, user), subject=user.get_username())
    preferences.remember(request, user)
    own_password.remember(request, user)


def _signed_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record_act(EventKind.SIGNED_OUT, actor_of(request, user), subject=user.get_username())


def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    _record(EventKind.SIGN_IN_FAILED, request or HttpRequest(), lock_out.name_in(credentials))


def _locked(sender: Any, request: Any, username: str, **kwargs: Any) -> None:
    """Record the failure that began a lock-out; later tries also send the signal, but are not counted."""
    if request.axes_failures_since_start is None:
        return
    if lock_out.is_of_address(request):
        record_seldom(EventKind.ADDRESS_LOCKED, actor_of(request, AnonymousUser()), subject=request.axes_ip_address)
    else:
        _record(EventKind.SIGN_IN_LOCKED, request, username)


def _record(kind: EventKind, request: HttpRequest, name: str) -> None:
    """Record an event with the name only if it is known: a password may have been typed into the name's field."""
    subject = name if lock_out.is_account(name) else UNKNOWN_NAME
    record_seldom(kind, actor_of(request, AnonymousUser()), subject=subject)


def _forget_form(sender: Any, instance: AccessAttempt, **kwargs: Any) -> None:
    """Empty the copies of the form in a stored failure: they have no use, and grow with each failure."""
    instance.get_data = instance.post_data = ""
