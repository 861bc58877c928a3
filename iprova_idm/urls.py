"""The address plan: SCIM, health, and everything else the console."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from iprova_idm.health import healthz
from iprova_idm.middleware import is_scim
from providers.console import errors, site
from scim.api.exceptions import scim_server_error

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("scim", include("scim.api.urls")),
    path("", site.urls),
]


def handler500(request: HttpRequest) -> HttpResponse:
    """What breaks outside a view: each side answers in its own form."""
    return scim_server_error(request) if is_scim(request) else errors.server_error(request)
