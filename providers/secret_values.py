"""The values of tokens and client secrets.

A value is its kind (four characters), 43 base64url characters of 32 random bytes, and 6 characters of checksum. Kind
and checksum help secret scanners to find leaked values. Only the SHA-256 digest is stored, under an
index. A slow hash is not needed, because nobody can guess 256 random bits.
"""

import base64
import hashlib
import re
import secrets
import zlib

PERMANENT, ACCESS, CLIENT_SECRET = KINDS = ("ipr_", "ipa_", "ips_")
_KIND = 4
_BODY = 43
_SHAPE = re.compile(rf"(?:{'|'.join(KINDS)})[A-Za-z0-9_-]{{49}}", re.ASCII)


def make_secret(beginning: str) -> str:
    """Return a new value that starts with `beginning`: one of `KINDS`, and perhaps a few characters more."""
    body = beginning[_KIND:] + secrets.token_urlsafe(32)[len(beginning) - _KIND :]
    return f"{beginning[:_KIND]}{body}{_checksum(body)}"


def _checksum(body: str) -> str:
    digits = base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big"))
    return digits.decode().rstrip("=")


def is_well_formed(value: str) -> bool:
    """Return whether `value` has the form and the checksum of a secret. It may still never have been issued."""
    end = _KIND + _BODY
    return bool(_SHAPE.fullmatch(value)) and _checksum(value[_KIND:end]) == value[end:]


def digest_of(value: str) -> bytes:
    """Return the digest under which a value is stored."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
