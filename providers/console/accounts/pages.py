"""The pages of console accounts: the list, adding and changing an account, its password, and disabling it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from providers import accounts as domain
from providers.accounts import LastManagerError, OwnAccountError, role_of
from providers.audit import ChangedMeanwhileError
from providers.console.frame import access
from providers.console.frame.badges import Badge
from providers.console.frame.page import moment
from providers.console.frame.settings_form import SettingsForm, shown_again
from providers.events import EventKind
from providers.models import ChangeEvent
from providers.two_step import disable_two_step

_ROLE_NAMES = [
    ("Administrator", gettext_lazy("Administrator: everything, accounts too")),
    ("Support", gettext_lazy("Support: reads everything but the audit")),
    ("Operator", gettext_lazy("Operator: reads without personal values, and the audit")),
]
_ACTIVE = Badge(gettext_lazy("Active"), "check", "ok")
_DISABLED = Badge(gettext_lazy("Disabled"), "slash", "bad")
_LAST = gettext_lazy("Nobody else may manage accounts: give another colleague the role Administrator first.")
_OWN = gettext_lazy("You cannot take your own access away: ask another administrator.")


class AccountForm(SettingsForm):
    """The fields of an account that can be changed."""

    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=150, required=False)
    email = forms.EmailField(label=gettext_lazy("E-mail address"), required=False)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=_ROLE_NAMES, initial="Support")


class NewAccountForm(AccountForm):
    """The form *Add an account*, which also sets the user name."""

    username = forms.CharField(label=gettext_lazy("User name"), max_length=150, validators=[UnicodeUsernameValidator()])
    field_order = ("username", "first_name", "last_name", "email", "role")


@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """Show the list of console accounts."""
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to manage accounts"))
    rows = [(found, access.name_of(found), _role(found), _badge(found), _last(found)) for found in domain.accounts()]
    return _page(request, "console/accounts/accounts.html", _("Console accounts"), {"rows": rows})


@never_cache
@sensitive_variables("password")
@require_http_methods(["GET", "HEAD", "POST"])
def add_account(request: HttpRequest) -> HttpResponse:
    """Show the form *Add an account*, or add it. The password is in the response to the POST and nowhere else."""
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to add an account"))
    form = NewAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account, password = domain.add_account(access.actor_of(request), **form.cleaned_data)
        except IntegrityError:
            form.add_error("username", _("There is an account with this name already."))
        else:
            return _reveal(request, account, password)
    status = 422 if request.method == "POST" else 200
    return _page(request, "console/accounts/add_account.html", _("Add an account"), {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Show one account, or save its name, address and role."""
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to change an account"))
    found = _get(request, account_id)
    held = {name: getattr(found, name) for name in ("first_name", "last_name", "email")} | {"role": role_of(found)}
    form = AccountForm(request.POST or None, initial=held)
    meanwhile: dict[str, Any] = {}
    if request.method == "POST" and (again := shown_again(form, _events(found))):
        form, meanwhile = again
    elif request.method == "POST" and form.is_valid():
        try:
            domain.change_account(found, access.actor_of(request), seen=held, **form.cleaned_data)
        except ChangedMeanwhileError:  # since the account was read, just now
            return account(request, account_id)
        except (LastManagerError, OwnAccountError) as error:
            form.add_error("role", str(_refusal(error)))
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("admin:accounts"))
    context = {
        "form": form,
        "account": found,
        "badge": _badge(found),
        "is_own": found.pk == request.user.pk,
        "again": reverse("admin:account", args=[account_id]),
        **meanwhile,
    }
    status = 409 if meanwhile else 422 if form.errors else 200
    return _page(request, "console/accounts/account.html", access.name_of(found), context, status=status)


def _events(account: Any) -> Any:
    """The change events of an account, which is named by its user name there."""
    return ChangeEvent.objects.acts().filter(kind=EventKind.ACCOUNT_CHANGED.value, subject=account.username)


@require_POST
def disable_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Disable an account and sign it out."""
    return _set_active(request, account_id, is_active=False)


@require_POST
def enable_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Let a disabled account sign in again."""
    return _set_active(request, account_id, is_active=True)


def _set_active(request: HttpRequest, account_id: int, *, is_active: bool) -> HttpResponse:
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to change an account"))
    account = _get(request, account_id)
    name = {"name": access.name_of(account)}
    try:
        domain.set_active(account, access.actor_of(request), is_active=is_active)
    except (LastManagerError, OwnAccountError) as error:
        messages.error(request, _refusal(error))
    else:
        said = _("%(name)s can sign in again.") if is_active else _("%(name)s is disabled and signed out.")
        messages.success(request, said % name)
    return HttpResponseRedirect(reverse("admin:account", args=[account_id]))


@never_cache
@sensitive_variables("password")
@require_POST
def reset_password(request: HttpRequest, account_id: int) -> HttpResponse:
    """Set a new password, which is in the response to this POST and nowhere else."""
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to reset a password"))
    account = _get(request, account_id)
    return _reveal(request, account, domain.reset_password(account, access.actor_of(request)))


@require_POST
def remove_two_step(request: HttpRequest, account_id: int) -> HttpResponse:
    """Turn off two-step sign-in for a colleague who lost their phone.

    For their own account, people turn it off with their password: they are sent to that page.
    """
    access.require(request, access.MANAGE_ACCOUNTS, gettext_noop("to turn two-step sign-in off"))
    account = _get(request, account_id)
    if account.pk == request.user.pk:
        return redirect("admin:two_step")
    disable_two_step(account, access.actor_of(request))
    messages.success(request, _("%(name)s signs in with the password alone.") % {"name": access.name_of(account)})
    return redirect("admin:account", account_id)


def _reveal(request: HttpRequest, account: Any, password: str) -> HttpResponse:
    context = {"account": account, "password": password}
    return _page(
        request, "console/accounts/reset_password.html", _("Password of %(name)s") % {"name": account.username}, context
    )


def _get(request: HttpRequest, account_id: int) -> Any:
    """The account with this id; raises Http404 if there is none.

    Raises PermissionDenied for an account with every right, unless the person has every right too: otherwise
    they could take that account over.
    """
    account = domain.accounts().filter(pk=account_id).first()
    if account is None:
        raise Http404(_("There is no such account."))
    person: Any = request.user
    if account.is_superuser and not person.is_superuser:
        access.record_refusal(request, gettext_noop("to change an account that has every right"))
        raise PermissionDenied(_("Only an account with every right may change this one."))
    return account


def _badge(account: Any) -> Badge:
    return _ACTIVE if account.is_active else _DISABLED


def _role(account: Any) -> str:
    role = role_of(account)
    return _(role) if role else ""


def _last(account: Any) -> str:
    return moment(account.last_login) if account.last_login else _("Never")


def _refusal(error: Exception) -> Any:
    return _OWN if isinstance(error, OwnAccountError) else _LAST


def _page(
    request: HttpRequest, template: str, title: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    crumbs: list[tuple[Any, str]] = [(_("Application management"), reverse("admin:index"))]
    if template != "console/accounts/accounts.html":
        crumbs.append((_("Console accounts"), reverse("admin:accounts")))
    return render(request, template, {"title": title, "crumbs": [*crumbs, (title, "")], **context}, status=status)
