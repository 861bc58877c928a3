"""Whatever a directory sends, every page of the console shows it: no page fails over a value."""

from django.test import Client

from fuzz.requests import Cast, requests
from providers.models import RequestLog, Resource
from providers.request_log import writer
from tests.factories import issue, make_group, make_user
from tests.providers.console.conftest import file_of

COUNT, SEED = 400, 20261127


def test_no_page_fails_over_what_generated_requests_left(administrator, operator, provider):
    users = [str(make_user(provider, f"fuzz{number}", roles=[{"value": "a"}]).pk) for number in range(5)]
    groups = [str(make_group(provider, f"Fuzz {number}", users).pk) for number in range(3)]
    token = issue(provider)[1]
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    for request in requests(SEED, COUNT, Cast(token, users, groups)):
        client.generic(request.method, request.target, request.body or b"", content_type="application/scim+json")
    writer.flush()
    pages = ["/eum/", "/eum/users/", "/eum/groups/", "/eum/log/?lookups=1", "/eum/refused/", "/eum/audit/"]
    pages += [f"/eum/providers/{provider.pk}/{tab}" for tab in ("", "history/", "history/?what=people", "guide/")]
    for resource in Resource.objects.filter(provider=provider):
        pages.append(f"/eum/{'groups' if resource.resource_type == 'Group' else 'users'}/{resource.pk}/")
    logged = list(RequestLog.objects.filter(provider_id=provider.pk).values_list("pk", flat=True))
    assert len(logged) > COUNT / 2
    pages += [f"/eum/log/{pk}/payload/" for pk in logged]
    for name in ("users", "groups", "log"):
        assert file_of(administrator, f"/eum/{name}/export/")
    for path in pages:
        answer = administrator.get(path)
        assert answer.status_code == 200, path
        if "payload" not in path and "audit" not in path:
            assert operator.get(path).status_code == 200, path
