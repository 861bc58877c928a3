"""The language of the console: the account's choice, or else a cookie, or else the browser's (AC-I18N-4)."""

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
