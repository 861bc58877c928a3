"""The console: the pages on which people follow and manage provisioning, built on Django's admin.

Every page is served under the Content-Security-Policy `default-src 'self'`.
"""

from providers.console.accounts import sign_in
from providers.console.site import site

__all__ = ["site"]

sign_in.connect()
