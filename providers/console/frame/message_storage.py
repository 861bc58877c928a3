"""Where messages after an act are kept until the next page: Django's storage, in a cookie with a name of our own."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class NamedCookieStorage(CookieStorage):
    """Messages in the cookie that the settings name, so that two consoles on one host do not read each other's."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


class MessageStorage(FallbackStorage):
    """Messages in that cookie, and in the session if they are too long for it."""

    storage_classes = (NamedCookieStorage, SessionStorage)
