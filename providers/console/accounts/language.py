"""The language of the console: the account's choice, or else a cookie, or else the browser's (AC-I18N-4)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from providers.models import Preference


@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Store the language, with the account if somebody is signed in, and go back to the page in `next`."""
    response: HttpResponseBase = set_language(request)
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        Preference.objects.update_or_create(account=request.user, defaults={"language": chosen})
        request.session[settings.LANGUAGE_SESSION_KEY] = chosen
    return response


def remember(request: HttpRequest, account: Any) -> None:
    """Copy the account's language to the session at sign-in, so that no request has to look it up. One query."""
    chosen = Preference.objects.filter(account=account).first()
    if chosen:
        request.session[settings.LANGUAGE_SESSION_KEY] = chosen.language
