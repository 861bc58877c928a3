"""The address plan: SCIM, health, and everything else the console."""

from django.urls import include, path

from iprova_idm.health import healthz
from providers.console import site

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("scim", include("scim.api.urls")),
    path("", site.urls),
]
handler500 = "scim.api.exceptions.server_error"
