"""Sign-ins, failed ones and sign-outs, written down by Django's own signals."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from providers.audit import record_act
from providers.console import language
from providers.console.access import actor_of
from providers.events import EventKind

# No account can be called so: names have no spaces.
UNKNOWN_NAME = gettext_noop("an unknown name")


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="console sign-in")
    user_logged_out.connect(_signed_out, dispatch_uid="console sign-out")
    user_login_failed.connect(_failed, dispatch_uid="console failed sign-in")


def _signed_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    record_act(EventKind.SIGNED_IN, actor_of(request, user), subject=user.get_username())
    language.remember(request, user)


def _signed_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if user is not None:
        record_act(EventKind.SIGNED_OUT, actor_of(request, user), subject=user.get_username())


def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Who types the password into the name's field must not find it in the record: only known names are kept."""
    accounts = get_user_model()
    name = str(credentials.get(accounts.USERNAME_FIELD) or "")
    is_known = "\0" not in name and accounts._default_manager.filter(**{accounts.USERNAME_FIELD: name}).exists()
    actor = actor_of(request or HttpRequest(), AnonymousUser())
    record_act(EventKind.SIGN_IN_FAILED, actor, subject=name if is_known else UNKNOWN_NAME)
