"""The pages of two-step sign-in: the code after the password, setting it up, and turning it off."""

import time
from base64 import b32encode
from collections.abc import Mapping
from typing import Any

import django_otp
import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, get_user_model, login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.plugins.otp_static.models import StaticDevice

from providers.audit import record_act
from providers.console.frame import access
from providers.events import EventKind
from providers.two_step import (
    TooManyCodesError,
    check_code,
    disable_two_step,
    enable_two_step,
    has_two_step,
    prepare_device,
    recovery_codes_left,
)

# Keys of the session: the account that gave its password but not yet its code, and the device that is being set up.
_WAITING, _DEVICE = "sign_in_waiting", "second_factor_device"
_WAIT_SECONDS = 10 * 60


class CodeForm(forms.Form):
    """The form for one code of the app, or one recovery code."""

    code = forms.CharField(
        max_length=40, error_messages={"required": gettext_lazy("Enter the code that your app shows.")}
    )

    def refuse(self, error: TooManyCodesError | None = None) -> None:
        """Add the error that the code is wrong, or that there were too many wrong codes."""
        if error is None:
            said = _("This code is not right, or was used before. Enter the one that your app shows now.")
        else:
            until = date_format(localtime(error.until), "H:i:s T")
            said = _("Too many wrong codes. Try again after %(time)s.") % {"time": until}
        self.add_error("code", said)


def is_answered(request: HttpRequest) -> bool:
    """Return whether this session gave a code, or the account has no two-step sign-in.

    A session from before two-step sign-in was turned on did not give one. At most one query for each request.
    """
    if not hasattr(request, "is_answered"):  # Django calls this more than once in a request
        account: Any = request.user
        request.is_answered = account.is_verified() or not has_two_step(account)  # type: ignore[attr-defined]
    return bool(request.is_answered)  # type: ignore[attr-defined]


def must_be_set_up(request: HttpRequest) -> bool:
    """Return whether two-step sign-in is required here and this session was not signed in with it."""
    account: Any = request.user
    return settings.OPTIONS.second_factor == "required" and not account.is_verified()


def keep_waiting(request: HttpRequest, account: Any, next_page: str) -> None:
    """Let this session give the code of `account` on the next page. The password alone signs nobody in."""
    request.session[_WAITING] = {
        "account": account.pk,
        "hash": account.get_session_auth_hash(),
        "backend": account.backend,
        "next": next_page,
        "at": int(time.time()),
    }


def _waiting(request: HttpRequest) -> tuple[Any, dict[str, Any]]:
    """The account whose code this session may give, and what `keep_waiting` stored with it.

    None and {} if there is none, if it is older than ten minutes, or if the account's password changed since.
    """
    kept = request.session.get(_WAITING, {})
    if not kept or kept["at"] < time.time() - _WAIT_SECONDS:
        return None, {}
    account: Any = get_user_model()._default_manager.filter(pk=kept["account"], is_active=True).first()
    is_same = account and constant_time_compare(kept["hash"], account.get_session_auth_hash())
    return (account, kept) if is_same and has_two_step(account) else (None, {})


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Show the second page of the sign-in, which asks for the code; sign in if the code is right."""
    account, kept = _waiting(request)
    if account is None:
        return redirect("admin:login")
    form = CodeForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            device = check_code(account, form.cleaned_data["code"])
        except TooManyCodesError as error:
            form.refuse(error)
        else:
            if device:
                return _sign_in(request, account, device, kept)
            record_act(EventKind.TWO_STEP_FAILED, access.actor_of(request), subject=account.get_username())
            form.refuse()
    return render(request, "console/accounts/sign_in_code.html", {"form": form}, status=422 if form.errors else 200)


def _sign_in(request: HttpRequest, account: Any, device: Any, kept: dict[str, Any]) -> HttpResponse:
    del request.session[_WAITING]
    account.otp_device = device  # django-otp stores it in the session
    login(request, account, backend=kept["backend"])
    if isinstance(device, StaticDevice):
        left = recovery_codes_left(account)
        said = ngettext("%(count)d recovery code is left.", "%(count)d recovery codes are left.", left)
        messages.warning(request, said % {"count": left})
    return redirect(kept["next"])


@never_cache
@sensitive_post_parameters("code")
@sensitive_variables("codes")
@require_http_methods(["GET", "HEAD", "POST"])
def two_step(request: HttpRequest) -> HttpResponse:
    """Show that two-step sign-in is on, or set it up.

    The recovery codes are in the response to the POST that turns it on, and nowhere else.
    """
    account: Any = request.user
    if has_two_step(account):
        return _page(request, "console/accounts/two_step.html", {"left": recovery_codes_left(account)})
    device = prepare_device(account, request.session.get(_DEVICE))
    request.session[_DEVICE] = device.pk
    form = CodeForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            codes = enable_two_step(account, access.actor_of(request), device, form.cleaned_data["code"])
        except TooManyCodesError as error:
            form.refuse(error)
        else:
            if codes:
                django_otp.login(request, device)
                request.session.cycle_key()
                shown = {"codes": [_grouped(code, "-") for code in codes]}
                return _page(request, "console/accounts/recovery_codes.html", shown)
            form.refuse()
    context = {
        "form": form,
        "qr": _qr_code(device.config_url),
        "address": device.config_url,
        "key": _grouped(b32encode(device.bin_key).decode()),
        "is_required": must_be_set_up(request),
    }
    return _page(request, "console/accounts/two_step_set_up.html", context, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters("password")
@require_POST
def turn_off_two_step(request: HttpRequest) -> HttpResponse:
    """Turn two-step sign-in off. This needs the password, so that a session left open is not enough."""
    account: Any = request.user
    # `authenticate` also counts and records a wrong password, as on the sign-in page.
    if authenticate(request, username=account.get_username(), password=request.POST.get("password", "")) is None:
        context = {"left": recovery_codes_left(account), "problem": _("This is not your password.")}
        return _page(request, "console/accounts/two_step.html", context, status=422)
    disable_two_step(account, access.actor_of(request))
    messages.success(request, _("Two-step sign-in is off."))
    return redirect("admin:two_step")


def _qr_code(text: str) -> SafeString:
    """An SVG without styles, as the security policy requires; dark on light in every theme."""
    drawn = segno.make_qr(text).svg_inline(omitsize=True, light="#fff", svgclass="qr")
    return mark_safe(drawn)  # noqa: S308 (the text is in the pattern only)


def _grouped(text: str, mark: str = " ") -> str:
    return mark.join(text[start : start + 4] for start in range(0, len(text), 4))


def _page(request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    title = _("Two-step sign-in")
    crumbs = [(_("Application management"), reverse("admin:index")), (title, "")]
    return render(request, template, {"title": title, "crumbs": crumbs, **context}, status=status)
