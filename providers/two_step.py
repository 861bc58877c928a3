"""Two-step sign-in of a console account: an authenticator app (TOTP) and ten recovery codes, stored by django-otp.

The key of an app is encrypted (`providers.sealing`). It cannot be a digest, because the server has to compute codes
with it. A recovery code is stored as a digest with that key, so it outlives a SECRET_KEY.
"""

import hashlib
import hmac
import logging
import os
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_noop
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import AuthenticatorApp, JobRun
from providers.sealing import SealError

RECOVERY_CODES = 10
KEY_BYTES = 20  # RFC 4226 §4 recommends 160 bits

logger = logging.getLogger(__name__)


class TooManyCodesError(Exception):
    """There were too many wrong codes: further ones are not checked before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


def has_two_step(account: Any) -> bool:
    """Return whether two-step sign-in is on for an account."""
    return bool(AuthenticatorApp.objects.devices_for_user(account, confirmed=True).exists())


def prepare_device(account: Any, device_id: int | None) -> Any:
    """Return the app that `account` is setting up: the one with this id, or a new one that replaces any other."""
    unconfirmed = AuthenticatorApp.objects.devices_for_user(account, confirmed=False)
    found = unconfirmed.filter(pk=device_id).first()
    if found is None:
        unconfirmed.delete()
        found = AuthenticatorApp(user=account, name="app", confirmed=False)
        found.seal_key(os.urandom(KEY_BYTES))
        found.save()
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
    AuthenticatorApp.objects.filter(pk=device.pk).update(confirmed=True)
    recovery = StaticDevice.objects.create(user=account, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    key = device.bin_key
    StaticToken.objects.bulk_create(StaticToken(device=recovery, token=_digest(key, code)) for code in codes)
    record_act(EventKind.TWO_STEP_TURNED_ON, actor, subject=account.get_username())
    return codes


def check_code(account: Any, code: str) -> Any:
    """Check a code of the app or a recovery code. Return its device, or None if it is wrong or was used before.

    Raises `TooManyCodesError`.
    """
    typed = "".join(code.split()).replace("-", "").lower()
    app = AuthenticatorApp.objects.devices_for_user(account, confirmed=True).first()
    if app is None:
        return None
    if len(typed) == 6 and typed.isdecimal():
        return _verify(account, app, typed)
    recovery = StaticDevice.objects.devices_for_user(account, confirmed=True).first()
    return recovery and _verify(account, recovery, _stored_digest(app, recovery, typed))


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
    AuthenticatorApp.objects.filter(user=account).exclude(pk=but.pk if but else None).delete()


def _verify(account: Any, device: Any, code: str) -> Any:
    is_allowed, why = device.verify_is_allowed()
    if not is_allowed:
        raise TooManyCodesError(why["locked_until"])
    with transaction.atomic():
        # Locked, so that of two sign-ins with one code the second finds it used. Its own class reads the key.
        found = type(device).objects.select_for_update().filter(pk=device.pk, user=account).first()
        try:
            return found if found is not None and found.verify_token(code) else None
        except SealError as error:
            logger.error("two-step sign-in: %s; manage.py turn_off_two_step helps an account", error)
            return None


def _stored_digest(app: Any, recovery: Any, code: str) -> str:
    """Return the digest by which a recovery code may be stored: with the key of the app, or as earlier versions did."""
    try:
        digest = _digest(app.bin_key, code)
    except SealError:
        digest = ""
    former = [
        salted_hmac(f"recovery code of {recovery.pk}", code, secret=key, algorithm="sha256").hexdigest()[:16]
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
    known = StaticToken.objects.filter(device=recovery, token__in=former).values_list("token", flat=True).first()
    return known or digest


def _digest(key: bytes, code: str) -> str:
    """Return the digest of a recovery code: 16 characters, the length of django-otp's column.

    The key of the app is part of it, so that nobody can guess the codes with a copy of the database alone.
    """
    return hmac.new(key, b"recovery code " + code.encode(), hashlib.sha256).hexdigest()[:16]


def seal_app_keys() -> str:
    """Encrypt the keys that an earlier version stored plainly, or that an earlier SECRET_KEY encrypted.

    Its first run does nothing: workers of the earlier version may still be reading plain keys then.
    """
    if not JobRun.objects.filter(job=seal_app_keys.__name__).exists():
        return gettext_noop("begins with the next run")
    sealed = unreadable = 0
    for app in AuthenticatorApp.objects.only("pk", "user_id", "key").iterator(chunk_size=1_000):
        before = app.key
        if app.is_up_to_date:
            continue
        try:
            app.seal_key(app.bin_key)
        except SealError:
            unreadable += 1
        else:
            # A sign-in meanwhile writes all columns of its row; then the next run finds the former key again.
            sealed += AuthenticatorApp.objects.filter(pk=app.pk, key=before).update(key=app.key)
    if unreadable and not sealed:  # an error would undo the rest, which the next run then need not do
        raise SealError(f"{unreadable} keys")
    return str(sealed)
