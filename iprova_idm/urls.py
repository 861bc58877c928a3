"""The addresses: SCIM below `/scim`, health, metrics, and the console for everything else."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from iprova_idm.health import healthz
from iprova_idm.metrics import metrics
from iprova_idm.middleware import is_scim
from providers.console import errors, site
from scim.api.discovery import UnknownRouteView
from scim.api.exceptions import scim_server_error

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("scim", include("scim.api.urls")),
    # A Tenant URL with capitals gets a SCIM error that explains the mistake, instead of the sign-in page.
    re_path(r"^[Ss][Cc][Ii][Mm](?:/[\w\W]*)?\Z", UnknownRouteView.as_view()),
    path("", site.urls),
]


def handler500(request: HttpRequest) -> HttpResponse:
    """Return the response to an error outside a view: a SCIM error for SCIM requests, otherwise a page."""
    return scim_server_error(request) if is_scim(request) else errors.server_error(request)
