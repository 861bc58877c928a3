"""Two-step sign-in of a console account: an authenticator app (TOTP) and ten recovery codes, stored by django-otp.

A recovery code is stored as a digest with SECRET_KEY. The key of an app cannot be a digest, because the server has to
compute codes with it.
"""

from datetime import datetime
from typing import Any

import django_otp
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.audit import record_act
from providers.events import Actor, EventKind

RECOVERY_CODES = 10


class TooManyCodesError(Exception):
    """There were too many wrong codes: further ones are not checked before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


def has_two_step(account: Any) -> bool:
    """Return whether two-step sign-in is on for an account."""
    return bool(TOTPDevice.objects.devices_for_user(account, confirmed=True).exists())


def prepare_device(account: Any, device_id: int | None) -> Any:
    """Return the app that `account` is setting up: the one with this id, or a new one that replaces any other."""
    unconfirmed = TOTPDevice.objects.devices_for_user(account, confirmed=False)
    found = unconfirmed.filter(pk=device_id).first()
    if found is None:
        unconfirmed.delete()
        found = TOTPDevice.objects.create(user=account, name="app", confirmed=False)
    return found


@transaction.atomic
def enable_two_step(account: Any, actor: Actor, device: Any, code: str) -> list[str]:
    """Turn two-step sign-in on with the first code of a prepared app. Return the recovery codes.

    The codes cannot be read again later. For a wrong code, the list is empty and nothing changes.
    Raises `TooManyCodesError`.
    """
    _lock(account)
    if _verify(account, device, "".join(code.split())) is None:
        return []
    _forget(account, but=device)
    # Not `device.save()`: django-otp has read and changed the row since, when it checked the code.
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    recovery = StaticDevice.objects.create(user=account, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=recovery, token=_digest(recovery, code)) for code in codes)
    record_act(EventKind.TWO_STEP_TURNED_ON, actor, subject=account.get_username())
    return codes


def check_code(account: Any, code: str) -> Any:
    """Check a code of the app or a recovery code. Return its device, or None if it is wrong or was used before.

    Raises `TooManyCodesError`.
    """
    typed = "".join(code.split()).replace("-", "").lower()
    is_of_app = len(typed) == 6 and typed.isdecimal()
    model = TOTPDevice if is_of_app else StaticDevice
    device = model.objects.devices_for_user(account, confirmed=True).first()
    if device is None:
        return None
    return _verify(account, device, typed if is_of_app else _digest(device, typed))


def recovery_codes_left(account: Any) -> int:
    """Return the number of recovery codes that were not used yet."""
    return int(StaticToken.objects.filter(device__user=account).count())


@transaction.atomic
def disable_two_step(account: Any, actor: Actor) -> None:
    """Turn two-step sign-in off and delete the app and the recovery codes. Idempotent."""
    _lock(account)
    if has_two_step(account):
        record_act(EventKind.TWO_STEP_TURNED_OFF, actor, subject=account.get_username())
    _forget(account)


def _lock(account: Any) -> None:
    """Lock the account: of two set-ups at once, the second finds its app deleted by the first."""
    get_user_model()._default_manager.select_for_update(no_key=True).get(pk=account.pk)


def _forget(account: Any, but: Any = None) -> None:
    StaticDevice.objects.filter(user=account).delete()
    TOTPDevice.objects.filter(user=account).exclude(pk=but.pk if but else None).delete()


def _verify(account: Any, device: Any, code: str) -> Any:
    is_allowed, why = device.verify_is_allowed()
    if not is_allowed:
        raise TooManyCodesError(why["locked_until"])
    return django_otp.verify_token(account, device.persistent_id, code)


def _digest(device: Any, code: str) -> str:
    """Return the digest of a recovery code: 16 characters, the length of django-otp's column.

    SECRET_KEY is part of it, so that nobody can guess the codes with a copy of the database alone.
    """
    return salted_hmac(f"recovery code of {device.pk}", code, algorithm="sha256").hexdigest()[:16]
