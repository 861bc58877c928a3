"""The addresses: SCIM below `/scim`, OAuth, health, metrics, and the console for everything else."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from iprova_idm.health import healthz
from iprova_idm.metrics import metrics
from iprova_idm.middleware import is_scim
from providers.console import errors, site
from scim.api import token
from scim.api.discovery import UnknownRouteView
from scim.api.exceptions import scim_server_error

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
    """Return the response to an error outside a view: a SCIM error for SCIM requests, otherwise a page."""
    return scim_server_error(request) if is_scim(request) else errors.server_error(request)
