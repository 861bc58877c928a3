"""The second factor of a console account: a TOTP app and ten recovery codes, kept by django-otp.

Of a recovery code only a digest is kept, with SECRET_KEY in it. The key of an app has to be kept as it is.
"""

from datetime import datetime
from typing import Any

import django_otp
from django.db import transaction
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.audit import record_act
from providers.events import Actor, EventKind

RECOVERY_CODES = 10


class TooManyCodesError(Exception):
    """After wrong codes, none is looked at before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


def has_two_step(account: Any) -> bool:
    return bool(TOTPDevice.objects.devices_for_user(account, confirmed=True).exists())


def prepare_device(account: Any, device_id: int | None) -> Any:
    """The device that `account` is setting up: the one with this id, or a new one in place of any other."""
    unconfirmed = TOTPDevice.objects.devices_for_user(account, confirmed=False)
    found = unconfirmed.filter(pk=device_id).first()
    if found is None:
        unconfirmed.delete()
        found = TOTPDevice.objects.create(user=account, name="app", confirmed=False)
    return found


@transaction.atomic
def enable_two_step(account: Any, actor: Actor, device: Any, code: str) -> list[str]:
    """Turn it on with the first code of a prepared device; the recovery codes, returned here and nowhere else.

    None are returned, and nothing is changed, for a wrong code. Raises `TooManyCodesError`.
    """
    if _verify(account, device, "".join(code.split())) is None:
        return []
    _forget(account, but=device)
    # The device was read anew when its code was looked at.
    TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
    recovery = StaticDevice.objects.create(user=account, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=recovery, token=_digest(recovery, code)) for code in codes)
    record_act(EventKind.TWO_STEP_TURNED_ON, actor, subject=account.get_username())
    return codes


def check_code(account: Any, code: str) -> Any:
    """The device that `code` is of, an app's or the recovery codes, or None; no code is good twice.

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
    return int(StaticToken.objects.filter(device__user=account).count())


@transaction.atomic
def disable_two_step(account: Any, actor: Actor) -> None:
    """Twice is once."""
    if has_two_step(account):
        record_act(EventKind.TWO_STEP_TURNED_OFF, actor, subject=account.get_username())
    _forget(account)


def _forget(account: Any, but: Any = None) -> None:
    StaticDevice.objects.filter(user=account).delete()
    TOTPDevice.objects.filter(user=account).exclude(pk=but.pk if but else None).delete()


def _verify(account: Any, device: Any, code: str) -> Any:
    is_allowed, why = device.verify_is_allowed()
    if not is_allowed:
        raise TooManyCodesError(why["locked_until"])
    return django_otp.verify_token(account, device.persistent_id, code)


def _digest(device: Any, code: str) -> str:
    """As many characters as django-otp's column has. Without SECRET_KEY nobody can try codes on it."""
    return salted_hmac(f"recovery code of {device.pk}", code, algorithm="sha256").hexdigest()[:16]
