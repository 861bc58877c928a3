"""Console accounts: colleagues who sign in to the console, each with a role.

Each act is one transaction, which includes its change event. Console accounts have nothing to do with provisioned
users, who never sign in here. The last account that can manage accounts cannot be disabled and keeps its role.

Acts that could break that rule happen one after another (`_lock`), and each looks at what the one before has left.
"""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from axes.utils import reset
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers import password_checks
from providers.audit import check_unchanged, record_act
from providers.client_address import client_address, source_of
from providers.events import Actor, EventKind
from providers.models import TemporaryPassword

MANAGE = "manage_accounts"
ROLES = (gettext_noop("Administrator"), gettext_noop("Support"), gettext_noop("Operator"))
_SIGNS = string.ascii_letters + string.digits
_LOCK = 7_205_759_404  # an advisory lock: any number that no other code of this project uses


class RightsBackend(ModelBackend):
    """Django's accounts and passwords, but with one query for all rights of an account instead of two.

    Few passwords are checked at a time (`providers.password_checks`).
    """

    def authenticate(self, request: Any, username: Any = None, password: Any = None, **kwargs: Any) -> Any:
        """Return the account with this name and password, or None. Raises `CheckRefusedError`."""
        source = source_of(client_address(request)) if request else ""
        with password_checks.slot(source):
            account = super().authenticate(request, username=username, password=password, **kwargs)
        if account is not None:
            password_checks.return_attempt(source)
        return account

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the rights of an account as `app.codename`: its own and those of its roles."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_perm_cache"):
            held = Permission.objects.order_by()
            if not user_obj.is_superuser:
                held = held.filter(Q(user=user_obj) | Q(group__user=user_obj))
            rights = held.values_list("content_type__app_label", "codename")
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in rights}
        return set(user_obj._perm_cache)


class LastManagerError(Exception):
    """The act would leave nobody who can manage accounts."""


class OwnAccountError(Exception):
    """Administrators cannot disable their own account or change its role."""


def accounts() -> QuerySet[Any]:
    """Return all accounts by name, with their roles and whether two-step sign-in is on (`has_two_step`)."""
    app = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    every = get_user_model()._default_manager.annotate(has_two_step=Exists(app))
    found: QuerySet[Any] = every.order_by("username").prefetch_related("groups")
    return found


def make_password() -> str:
    """Return a random password of 20 letters and digits (119 bits). A double click selects all of it."""
    return "".join(secrets.choice(_SIGNS) for _ in range(20))


@transaction.atomic
def add_account(actor: Actor, *, username: str, role: str, **names: str) -> tuple[Any, str]:
    """Add an account. Return it with its password, which cannot be read again later and must be changed.

    `names`: first_name, last_name, email. Raises `IntegrityError` if the username is taken.
    """
    password = make_password()
    account = get_user_model()._default_manager.create_user(username, password=password, is_staff=True, **names)
    account.groups.set(Group.objects.filter(name=role))
    TemporaryPassword.objects.create(account=account)
    record_act(EventKind.ACCOUNT_ADDED, actor, subject=username, after={"role": role})
    return account, password


@transaction.atomic
def change_account(
    account: Any, actor: Actor, *, role: str, seen: Mapping[str, Any] | None = None, **names: str
) -> None:
    """Change the role and the names of an account. Raises `LastManagerError` and `OwnAccountError` for the role.

    `seen`: the values that this change was made from. Raises `ChangedMeanwhileError` if they are no longer stored.
    """
    _lock(account)
    before = {"role": role_of(account), **{name: getattr(account, name) for name in names}}
    check_unchanged(before, seen)
    if role != before["role"]:
        _protect(account, actor, stays=role == ROLES[0] or account.is_superuser)
        account.groups.set(Group.objects.filter(name=role))
    for name, value in names.items():
        setattr(account, name, value)
    account.save(update_fields=list(names))
    after = {"role": role, **names}
    if after != before:
        record_act(EventKind.ACCOUNT_CHANGED, actor, subject=account.username, before=before, after=after)


@transaction.atomic
def set_active(account: Any, actor: Actor, *, is_active: bool) -> None:
    """Disable or enable an account. A disabled account is signed out at its next request. Idempotent.

    Raises `LastManagerError`, `OwnAccountError`.
    """
    _lock(account)
    if account.is_active == is_active:
        return
    if not is_active:
        _protect(account, actor, stays=False)
    account.is_active = is_active
    account.save(update_fields=["is_active"])
    kind = EventKind.ACCOUNT_ENABLED if is_active else EventKind.ACCOUNT_DISABLED
    record_act(kind, actor, subject=account.username)


@transaction.atomic
def reset_password(account: Any, actor: Actor) -> str:
    """Set a new random password and return it; it cannot be read again later. Ends all sessions and the lock-out.

    The account has to change it at the next sign-in.
    """
    password = make_password()
    account.set_password(password)
    account.save(update_fields=["password"])
    TemporaryPassword.objects.get_or_create(account=account)
    reset(username=account.username)
    record_act(EventKind.PASSWORD_RESET, actor, subject=account.username)
    return password


def must_change_password(account: Any) -> bool:
    """Return whether an administrator made the password of an account. One query."""
    return TemporaryPassword.objects.filter(account=account).exists()


def note_own_password(account: Any) -> None:
    """Note that an account has chosen its password itself. Idempotent."""
    TemporaryPassword.objects.filter(account=account).delete()


def role_of(account: Any) -> str:
    """Return the role of an account, or "". If it has several, the first of `ROLES` counts."""
    names = {group.name for group in account.groups.all()}
    return next((role for role in ROLES if role in names), "")


def _lock(account: Any) -> None:
    """Wait until no other transaction changes who manages accounts, then read the account again.

    Two administrators may disable each other at once. Locking the rows of those who manage accounts would not be
    enough: the statement that waits for such a lock goes by what was true when it began.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    account.refresh_from_db()


def _protect(account: Any, actor: Actor, *, stays: bool) -> None:
    """Raise an error if the act must not be done; call it after `_lock`.

    `stays`: the account can still manage accounts afterwards.
    """
    if account.pk == actor.person_id:
        raise OwnAccountError
    if stays:
        return
    may_manage = Q(is_superuser=True) | Q(groups__permissions__codename=MANAGE)
    others = get_user_model()._default_manager.filter(may_manage, is_active=True).exclude(pk=account.pk)
    if not others.exists():
        raise LastManagerError
