"""Console accounts: colleagues with a role. Each act is one transaction with its event in it.

They are apart from provisioned users, who never sign in here. Whoever may manage accounts is protected: the last
one cannot be disabled or lose her role.
"""

import secrets
import string
from typing import Any

from axes.utils import reset
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.audit import record_act
from providers.events import Actor, EventKind

MANAGE = "manage_accounts"
ROLES = (gettext_noop("Administrator"), gettext_noop("Support"), gettext_noop("Operator"))
_SIGNS = string.ascii_letters + string.digits


class RightsBackend(ModelBackend):
    """Django's accounts and passwords; all rights of an account come with one query instead of two."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
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
    """Nobody would be left who may manage accounts."""


class OwnAccountError(Exception):
    """Nobody takes her own access away."""


def accounts() -> QuerySet[Any]:
    """All accounts by name, with their roles and whether they have a second factor."""
    app = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
    every = get_user_model()._default_manager.annotate(has_two_step=Exists(app))
    found: QuerySet[Any] = every.order_by("username").prefetch_related("groups")
    return found


def make_password() -> str:
    """20 letters and digits (119 bits), to be selected with a double click."""
    return "".join(secrets.choice(_SIGNS) for _ in range(20))


@transaction.atomic
def add_account(actor: Actor, *, username: str, role: str, **names: str) -> tuple[Any, str]:
    """A new account and its password, which is returned here and nowhere else.

    `names`: first_name, last_name, email. Raises `IntegrityError` for a username that is taken.
    """
    password = make_password()
    account = get_user_model()._default_manager.create_user(username, password=password, is_staff=True, **names)
    account.groups.set(Group.objects.filter(name=role))
    record_act(EventKind.ACCOUNT_ADDED, actor, subject=username, after={"role": role})
    return account, password


@transaction.atomic
def change_account(account: Any, actor: Actor, *, role: str, **names: str) -> None:
    """Raises `LastManagerError`, `OwnAccountError` (her own role)."""
    before = {"role": role_of(account), **{name: getattr(account, name) for name in names}}
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
    """Disable or enable; who is disabled is signed out at her next request. Twice is once.

    Raises `LastManagerError`, `OwnAccountError`.
    """
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
    """A new password, returned here and nowhere else; every session of the account and its lock-out end."""
    password = make_password()
    account.set_password(password)
    account.save(update_fields=["password"])
    reset(username=account.username)
    record_act(EventKind.PASSWORD_RESET, actor, subject=account.username)
    return password


def role_of(account: Any) -> str:
    """Its role: the first of its groups that is one, or ""."""
    names = {group.name for group in account.groups.all()}
    return next((role for role in ROLES if role in names), "")


def _protect(account: Any, actor: Actor, *, stays: bool) -> None:
    if account.pk == actor.person_id:
        raise OwnAccountError
    if stays:
        return
    may_manage = Q(is_superuser=True) | Q(groups__permissions__codename=MANAGE)
    found = get_user_model()._default_manager.filter(may_manage, is_active=True)
    # The locks let two administrators who disable each other at once leave one of them.
    managers = get_user_model()._default_manager.filter(pk__in=found.values("pk")).order_by("pk")
    if {one.pk for one in managers.select_for_update()} <= {account.pk}:
        raise LastManagerError
