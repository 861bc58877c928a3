"""The addresses: SCIM below `/scim`, OAuth, health, metrics, and the console for everything else."""

import sys

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from iprova_idm.health import healthz
from iprova_idm.metrics import metrics
from iprova_idm.middleware import is_api
from providers.console import errors, site
from providers.outages import is_outage
from scim.api import token
from scim.api.discovery import UnknownRouteView
from scim.api.exceptions import scim_server_error, scim_unavailable

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("oauth/token", token.token, name="oauth_token"),
    path(".well-known/oauth-authorization-server", token.authorization_server, name="oauth_server"),
    path(".well-known/oauth-protected-resource/scim", token.protected_resource, name="oauth_resource"),
    re_path(r"^(?:oauth/|\.well-known/oauth-)", token.unknown),
    path("scim", include("scim.api.urls")),
    # A Tenant URL with capitals gets a SCIM error that explains the mistake, instead of the sign-in page.
    re_path(r"^[Ss][Cc][Ii][Mm](?:/[\w\W]*)?\Z", UnknownRouteView.as_view()),
    path("", site.urls),
]


def handler500(request: HttpRequest) -> HttpResponse:
    """Return the response to an error that nobody has handled: a SCIM error for programs, otherwise a page.

    Django calls this while it handles the error. Middleware can meet an outage too: the session is in the database.
    """
    if is_outage(sys.exc_info()[1]):
        return scim_unavailable() if is_api(request) else errors.unavailable(request)
    return scim_server_error(request) if is_api(request) else errors.server_error(request)
