"""Users and groups: /Users, /Users/{id}, /Groups, searches and the root (RFC 7644 §3.2 to §3.6)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from providers.outcomes import Action
from scim.adapters import adapter_of, answer_shaper, write_shaper
from scim.api.base import ScimView, no_content, resource_response
from scim.api.permissions import check_quota
from scim.protocol.attributes import GROUP, USER, ResourceType
from scim.protocol.listing import read_list_query, read_member_query, search_parameters
from scim.protocol.messages import list_frame, list_response
from scim.protocol.projection import WHOLE, Projection, parse_projection, project
from scim.store import verbs
from scim.store.answers import Answer, location_base
from scim.store.spool import Spool


def store_call(view: ScimView, resource_type: ResourceType, projection: Projection = WHOLE) -> verbs.Call:
    """The request as the store takes it. A custom adapter needs the whole resource, so projection comes later then."""
    request = view.request._request
    adapter = adapter_of(resource_type)
    return verbs.Call(
        provider_id=view.caller.provider_id,
        resource_type=resource_type,
        policy=view.policy,
        actor=view.actor,
        projection=WHOLE if answer_shaper(adapter, request) else projection,
        if_match=request.META.get("HTTP_IF_MATCH", ""),
        if_none_match=request.META.get("HTTP_IF_NONE_MATCH", ""),
        limits_removals=view.caller.limits_removals,
        shape=write_shaper(adapter, request),
        budget=view.budget,
        notes=view.notes,
    )


class _ListView(ScimView):
    """Answers a query over `listed_types`, from the address or from a body (RFC 7644 §3.4.2, §3.4.3)."""

    @property
    def listed_types(self) -> Sequence[ResourceType]:
        return self.resource_types

    def list(self, parameters: Mapping[str, str]) -> HttpResponseBase:
        request = self.request._request
        projections = {known.name: self._projection(parameters, known) for known in self.listed_types}
        asked = [
            (known, WHOLE if answer_shaper(adapter_of(known), request) else projections[known.name])
            for known in self.listed_types
        ]
        query = read_list_query(parameters, self.listed_types, self.policy)
        page = verbs.list_resources(self.caller.provider_id, asked, query, self.policy)
        resources = [self.shaped(body, known, projections[known.name]) for known, body in page.resources]
        start_index = query.start_index if query.cursor is None else None
        cursors = {"next_cursor": page.next_cursor, "previous_cursor": page.previous_cursor}
        match resources:
            case [Spool() as large]:
                return resource_response(large.wrap(*list_frame(1, page.total, start_index, **cursors)))
        return resource_response(list_response(list(map(bytes, resources)), page.total, start_index, **cursors))

    def _projection(self, parameters: Mapping[str, str], resource_type: ResourceType) -> Projection:
        names, excluded = parameters.get("attributes", ""), parameters.get("excludedattributes", "")
        return parse_projection(names, excluded, resource_type, self.policy)

    def shaped(self, body: bytes | Spool, resource_type: ResourceType, projection: Projection) -> bytes | Spool:
        """The resource as the adapter named in the settings shows it, if that has its own `to_dict`."""
        shape = answer_shaper(adapter_of(resource_type), self.request._request)
        if shape is None:
            return body
        whole = shape(bytes(body))
        return whole if projection.is_whole else orjson.dumps(project(orjson.loads(whole), projection, resource_type))


class RootView(_ListView):
    """GET of the root: all types as one collection (§3.4.2.1)."""

    def get(self, request: Request) -> HttpResponseBase:
        return self.list(self.query)


class RootSearchView(_ListView):
    intent = Action.LOOK_UP

    def post(self, request: Request) -> HttpResponseBase:
        return self.list(search_parameters(self.body(), self.policy))


class _ResourceTypeView(_ListView):
    """A view of one resource type, the one named by `resource_type_name`."""

    @cached_property
    def resource_type(self) -> ResourceType:
        return next(known for known in self.resource_types if known.name == self.resource_type_name)

    @property
    def listed_types(self) -> Sequence[ResourceType]:
        return (self.resource_type,)

    def call(self, projection: Projection = WHOLE) -> verbs.Call:
        return store_call(self, self.resource_type, projection)

    def projection(self) -> Projection:
        return self._projection(self.query, self.resource_type)

    def answer(self, answer: Answer, projection: Projection, status: int = 200) -> HttpResponseBase:
        self.request._request.resource_id = answer.id  # type: ignore[attr-defined]
        headers = {"ETag": answer.etag, "Location": f"{location_base(self.resource_type)}{answer.id}"}
        return resource_response(
            self.shaped(answer.body, self.resource_type, projection), status=status, headers=headers
        )


class ResourceListView(_ResourceTypeView):
    """GET: query (§3.4.2). POST: create (§3.3)."""

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return self.list(self.query)

    def post(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        projection = self.projection()
        check_quota(self.caller, self.resource_type.name)
        return self.answer(verbs.create(self.call(projection), self.body()), projection, status=201)


class SearchView(_ResourceTypeView):
    """POST of a SearchRequest (§3.4.3): a query whose parameters are in the body."""

    intent = Action.LOOK_UP

    def post(self, request: Request) -> HttpResponseBase:
        return self.list(search_parameters(self.body(), self.policy))


class ResourceView(_ResourceTypeView):
    """GET (§3.4.1), PUT (§3.5.1), PATCH (§3.5.2), DELETE (§3.6) of one resource."""

    def get(self, request: Request, uuid: str) -> HttpResponseBase:
        projection = self.projection()
        is_group = self.resource_type_name == GROUP.name
        member_query = read_member_query(self.query, self.policy) if is_group else None
        answer = verbs.read(self.call(projection), uuid, member_query)
        if _is_known(answer.etag, request._request.META.get("HTTP_IF_NONE_MATCH", "")):
            response = HttpResponse(status=304, headers={"ETag": answer.etag})
            del response["Content-Type"]
            return response
        return self.answer(answer, projection)

    def put(self, request: Request, uuid: str) -> HttpResponseBase:
        projection = self.projection()
        return self.answer(verbs.replace(self.call(projection), uuid, self.body()), projection)

    def patch(self, request: Request, uuid: str) -> HttpResponseBase:
        """A group gets 204 unless the client asks for attributes, so that members are not sent without need."""
        projection = self.projection()
        answers = self.resource_type_name != GROUP.name or projection.only is not None
        answer = verbs.patch(self.call(projection), uuid, self.body(), answers=answers)
        return no_content() if answer is None else self.answer(answer, projection)

    def delete(self, request: Request, uuid: str) -> HttpResponseBase:
        verbs.delete(self.call(), uuid)
        return no_content()


def _is_known(etag: str, if_none_match: str) -> bool:
    """Weak comparison (RFC 9110 §13.1.2)."""
    sent = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in sent or etag.removeprefix("W/") in sent


class UserListView(ResourceListView):
    resource_type_name = USER.name


class UserView(ResourceView):
    resource_type_name = USER.name


class GroupListView(ResourceListView):
    resource_type_name = GROUP.name
    takes_large_bodies = True


class UserSearchView(SearchView):
    resource_type_name = USER.name


class GroupSearchView(SearchView):
    resource_type_name = GROUP.name


class GroupView(ResourceView):
    resource_type_name = GROUP.name
    takes_large_bodies = True
