"""The authenticator apps of console accounts: django-otp's table, with the keys encrypted."""

from binascii import unhexlify

from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.sealing import is_of_current_key, is_sealed, seal, unseal


class AuthenticatorApp(TOTPDevice):  # type: ignore[misc]
    """A device of django-otp whose column `key` has a sealed key. One of an earlier version is hexadecimal."""

    class Meta:
        proxy = True
        default_permissions = ()

    @property
    def bin_key(self) -> bytes:
        """The key that the app has. Raises `SealError` if it was sealed with a SECRET_KEY that is not known here."""
        return unseal(self.key, self._context) if is_sealed(self.key) else unhexlify(self.key)

    @property
    def is_up_to_date(self) -> bool:
        """Whether the key is sealed with the current SECRET_KEY."""
        return is_of_current_key(self.key, self._context)

    def seal_key(self, key: bytes) -> None:
        """Put a key into the column, sealed with the current SECRET_KEY."""
        self.key = seal(key, self._context)

    @property
    def _context(self) -> str:
        return f"the app of account {self.user_id}"
