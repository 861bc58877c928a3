"""The routes under /scim, named as django-scim2 names them.

Entra joins the Tenant URL and `/Users` as they come, so a doubled slash after the base and a
slash at the end are served; any other doubled slash is an unknown route (threat V16). `/scim/v2`
is the same endpoint.
"""

from typing import Any

from django.urls import URLPattern, re_path

from scim.api.bulk import BulkView
from scim.api.discovery import (
    MeView,
    ResourceTypesView,
    SchemasView,
    ServiceProviderConfigView,
    UnknownRouteView,
)
from scim.api.resources import (
    GroupListView,
    GroupSearchView,
    GroupView,
    RootSearchView,
    RootView,
    UserListView,
    UserSearchView,
    UserView,
)

app_name = "scim"


def _route(pattern: str, view: Any, name: str) -> URLPattern:
    route: URLPattern = re_path(rf"^(?:/v2)?/{{1,2}}{pattern}/?\Z", view.as_view(), name=name)
    return route


urlpatterns = [
    _route(r"Users/\.search", UserSearchView, "users-search"),
    _route(r"Groups/\.search", GroupSearchView, "groups-search"),
    _route(r"Users", UserListView, "users"),
    _route(r"Users/(?P<uuid>[^/]+)", UserView, "users"),
    _route(r"Groups", GroupListView, "groups"),
    _route(r"Groups/(?P<uuid>[^/]+)", GroupView, "groups"),
    _route(r"ServiceProviderConfig", ServiceProviderConfigView, "service-provider-config"),
    _route(r"ResourceTypes", ResourceTypesView, "resource-types"),
    _route(r"ResourceTypes/(?P<uuid>[^/]+)", ResourceTypesView, "resource-types"),
    _route(r"Schemas", SchemasView, "schemas"),
    _route(r"Schemas/(?P<uuid>[^/]+)", SchemasView, "schemas"),
    _route(r"Me", MeView, "me"),
    _route(r"Bulk", BulkView, "bulk"),
    _route(r"\.search", RootSearchView, "search"),
    re_path(r"^(?:/v2)?/{0,2}\Z", RootView.as_view(), name="root"),
    re_path(r"^(?:/[\w\W]*)?\Z", UnknownRouteView.as_view(), name="unknown"),
]
