"""Generated requests against a live server: no 5xx, a SCIM error for each refusal, nothing changed by one.

`make fuzz` sends many more, and checks the database afterwards.
"""

import json
from collections import Counter
from urllib.parse import urlsplit

from fuzz.requests import Cast, requests
from fuzz.wire import Wire
from providers.models import Resource
from tests.factories import issue, make_group, make_provider, make_user
from tests.scim.store.plans import fill_users

COUNT, SEED = 1_000, 20261126


def documents(provider):
    return dict(Resource.objects.filter(provider=provider).values_list("pk", "document"))


def test_no_request_breaks_the_server(server, committed):
    provider = make_provider()
    fill_users(provider.pk, 50)
    users = [str(make_user(provider, f"fuzz{number}", roles=[{"value": "a"}]).pk) for number in range(5)]
    groups = [str(make_group(provider, f"Fuzz {number}", users).pk) for number in range(3)]
    wire, statuses, held = Wire(urlsplit(server).port), Counter(), documents(provider)
    for request in requests(SEED, COUNT, Cast(issue(provider)[1], users, groups)):
        answer = wire.send(request)
        statuses[answer.status] += 1
        assert 200 <= answer.status < 500, (request, answer)
        if answer.status >= 400:
            error = json.loads(answer.body)
            assert error["status"] == str(answer.status), request
            assert error["detail"], request
        if request.body:
            now = documents(provider)
            assert answer.status < 400 or now == held, request
            held = now
    assert statuses[200] > COUNT / 4
