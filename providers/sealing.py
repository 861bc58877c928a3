"""Encrypts small secrets for the database, with keys that come from SECRET_KEY.

A sealed secret is AES-256-GCM in URL-safe Base64 behind `s1`: twelve random bytes, the encrypted secret, sixteen bytes
that show any change. The key is derived with HKDF (RFC 5869). `context` is whose secret it is, so a sealed secret that
is copied to another row cannot be read there.

`SECRET_KEY_FALLBACKS` still reads what an earlier SECRET_KEY has sealed. Only SECRET_KEY seals.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PREFIX = "s1"
_NONCE = 12  # bytes


class SealError(Exception):
    """Neither SECRET_KEY nor one of SECRET_KEY_FALLBACKS opens a sealed secret."""


def is_sealed(text: str) -> bool:
    """Return whether a stored text is sealed; the hexadecimal keys of earlier versions are not."""
    return text.startswith(_PREFIX)


def seal(secret: bytes, context: str) -> str:
    """Return the secret encrypted with SECRET_KEY: 66 characters for 20 bytes."""
    nonce = os.urandom(_NONCE)
    return (
        _PREFIX
        + urlsafe_b64encode(nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, secret, context.encode())).decode()
    )


def unseal(text: str, context: str) -> bytes:
    """Return the secret. Raises `SealError`."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        found = _open(text, context, key)
        if found is not None:
            return found
    raise SealError(f"the secret of {context} was sealed with another SECRET_KEY")


def is_of_current_key(text: str, context: str) -> bool:
    """Return whether SECRET_KEY itself opens this text, so that no fallback is needed for it."""
    return is_sealed(text) and _open(text, context, settings.SECRET_KEY) is not None


def _open(text: str, context: str, key: str) -> bytes | None:
    try:
        sealed = urlsafe_b64decode(text.removeprefix(_PREFIX))
        return _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
    except (InvalidTag, ValueError):
        return None


def _cipher(key: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"iprova-idm sealing 1").derive(key.encode()))
