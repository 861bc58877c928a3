"""Users and Groups: /Users, /Users/{id} and their like (RFC 7644 §3.2 to §3.6)."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from scim.adapters import adapter_of, answer_shaper, write_shaper
from scim.api.base import ScimView, json_response, no_content
from scim.api.parsers import read_json, read_number
from scim.protocol.attributes import GROUP, USER, ResourceType
from scim.protocol.messages import list_response
from scim.protocol.projection import WHOLE, Projection, parse_projection, project
from scim.store import verbs
from scim.store.answers import Answer, location_base


class _ResourceTypeView(ScimView):
    resource_type: ResourceType

    @property
    def resource_type_name(self) -> str:  # type: ignore[override]
        return self.resource_type.name

    def call(self, projection: Projection = WHOLE) -> verbs.Call:
        """The request as the store takes it. A reshaping adapter needs the whole resource, so it is projected later."""
        request = self.request._request
        adapter = adapter_of(self.resource_type)
        shape = write_shaper(adapter, request)
        call = verbs.Call(
            provider_id=self.caller.provider_id,
            resource_type=self.resource_type,
            policy=self.policy,
            actor=self.actor,
            projection=WHOLE if answer_shaper(adapter, request) else projection,
            if_match=request.META.get("HTTP_IF_MATCH", ""),
        )
        if shape:
            call.shape = shape
        request.ignored = call.notes.ignored  # type: ignore[attr-defined]
        return call

    def projection(self) -> Projection:
        names, excluded = self.query.get("attributes", ""), self.query.get("excludedattributes", "")
        return parse_projection(names, excluded, self.resource_type, self.policy)

    def shaped(self, bodies: Sequence[bytes], projection: Projection) -> Sequence[bytes]:
        """Answers through the adapter that the settings name, when that one has a `to_dict` of its own."""
        shape = answer_shaper(adapter_of(self.resource_type), self.request._request)
        if shape is None:
            return bodies
        whole = [shape(body) for body in bodies]
        if projection.is_whole:
            return whole
        return [orjson.dumps(project(orjson.loads(body), projection, self.resource_type)) for body in whole]

    def answer(self, answer: Answer, projection: Projection, status: int = 200) -> HttpResponse:
        self.request._request.resource_id = answer.id  # type: ignore[attr-defined]
        headers = {"ETag": answer.etag, "Location": f"{location_base(self.resource_type)}{answer.id}"}
        (body,) = self.shaped([answer.body], projection)
        return json_response(body, status=status, headers=headers)


class ResourceListView(_ResourceTypeView):
    """GET: query (§3.4.2). POST: create (§3.3)."""

    def get(self, request: Request, **kwargs: Any) -> HttpResponse:
        query, projection = self.query, self.projection()
        call = self.call(projection)
        start_index = max(read_number(query, "startIndex", 1), 1)
        count = min(max(read_number(query, "count", call.policy.default_count), 0), call.policy.max_count)
        page = verbs.list_resources(call, query.get("filter", ""), start_index=start_index, count=count)
        return json_response(list_response(self.shaped(page.resources, projection), page.total, start_index))

    def post(self, request: Request, **kwargs: Any) -> HttpResponse:
        body, projection = read_json(request._request), self.projection()
        return self.answer(verbs.create(self.call(projection), body), projection, status=201)


class ResourceView(_ResourceTypeView):
    """GET (§3.4.1), PUT (§3.5.1), PATCH (§3.5.2), DELETE (§3.6) of one resource."""

    def get(self, request: Request, uuid: str) -> HttpResponse:
        projection = self.projection()
        answer = verbs.read(self.call(projection), uuid)
        if _is_known(answer.etag, request._request.META.get("HTTP_IF_NONE_MATCH", "")):
            response = HttpResponse(status=304, headers={"ETag": answer.etag})
            del response["Content-Type"]
            return response
        return self.answer(answer, projection)

    def put(self, request: Request, uuid: str) -> HttpResponse:
        body, projection = read_json(request._request), self.projection()
        return self.answer(verbs.replace(self.call(projection), uuid, body), projection)

    def patch(self, request: Request, uuid: str) -> HttpResponse:
        """A group's answer is 204 unless attributes are asked for: members are never sent back unasked (Entra)."""
        body, projection = read_json(request._request), self.projection()
        answers = self.resource_type is not GROUP or projection.only is not None
        answer = verbs.patch(self.call(projection), uuid, body, answers=answers)
        return no_content() if answer is None else self.answer(answer, projection)

    def delete(self, request: Request, uuid: str) -> HttpResponse:
        verbs.delete(self.call(), uuid)
        return no_content()


def _is_known(etag: str, if_none_match: str) -> bool:
    """Weak comparison (RFC 9110 §13.1.2)."""
    sent = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in sent or etag.removeprefix("W/") in sent


class UserListView(ResourceListView):
    resource_type = USER


class UserView(ResourceView):
    resource_type = USER


class GroupListView(ResourceListView):
    resource_type = GROUP


class GroupView(ResourceView):
    resource_type = GROUP
