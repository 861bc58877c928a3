"""The page on which people change their own password, and the duty to do so when an administrator made it."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import authenticate
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers.accounts import must_change_password, note_own_password

# The session's key for the duty to change the password. Set at sign-in, so that no page has to look it up.
_MUST_CHANGE = "must_change_password"


class OwnPasswordForm(AdminPasswordChangeForm):
    """The old password, and the new one twice. A wrong old password counts as on the sign-in page."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    @sensitive_variables("old")
    def clean_old_password(self) -> str:
        """Check the old password. A session that was left open is not enough to guess it."""
        old = str(self.cleaned_data["old_password"])
        if authenticate(self.request, username=self.user.get_username(), password=old) is None:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old

    def clean(self) -> dict[str, Any] | None:
        """Refuse to keep the old password, which an administrator may have seen."""
        cleaned = super().clean()
        old = self.cleaned_data.get("old_password")
        if old and old == self.cleaned_data.get("new_password1"):
            self.add_error("new_password1", _("This is your old password: choose another one."))
        return cleaned


class ChangePassword(PasswordChangeView):
    """Django's page, with our form."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, must_change=must_be_changed(self.request))

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        note_own_password(self.request.user)
        self.request.session.pop(_MUST_CHANGE, None)
        return response


def remember(request: HttpRequest, account: Any) -> None:
    """Note in the session, at sign-in, whether the account has to change its password. One query."""
    if must_change_password(account):
        request.session[_MUST_CHANGE] = True


def must_be_changed(request: HttpRequest) -> bool:
    """Return whether the password has to be changed before any other page is shown."""
    return bool(request.session.get(_MUST_CHANGE))
