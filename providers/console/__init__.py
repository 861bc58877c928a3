"""The console: pages for people on Django's admin, under Content-Security-Policy `default-src 'self'`."""

from providers.console.accounts import sign_in
from providers.console.site import site

__all__ = ["site"]

sign_in.connect()
