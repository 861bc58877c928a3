"""Generated requests against a live server: no 5xx, a SCIM error for each refusal, nothing changed by one.

`make fuzz` sends 20,000, and there no answer may take a second.
"""

import http.client
import json
import os
import sys
import time
from urllib.parse import urlsplit

from providers.models import Resource
from tests.factories import issue, make_group, make_provider, make_user
from tests.fuzzing import requests
from tests.scim.store.plans import fill_users

COUNT = int(os.environ.get("FUZZ_REQUESTS", "0")) or 1_000
SEED = int(os.environ.get("FUZZ_SEED", "20261126"))


def documents(provider):
    return dict(Resource.objects.filter(provider=provider).values_list("pk", "document"))


def test_no_request_breaks_the_server(server, committed):
    provider = make_provider()
    is_long = COUNT > 1_000
    fill_users(provider.pk, 2_000 if is_long else 50)
    users = [str(make_user(provider, f"fuzz{number}", roles=[{"value": "a"}]).pk) for number in range(5)]
    ids = {"User": users, "Group": [str(make_group(provider, f"Fuzz {number}", users).pk) for number in range(3)]}
    headers = {"Authorization": f"Bearer {issue(provider)[1]}", "Content-Type": "application/scim+json"}
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    slow, statuses = [], {}
    held = documents(provider)
    for request in requests(SEED, COUNT, ids):
        started = time.perf_counter()
        connection.request(request.method, f"/scim{request.path}", request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        slow = sorted([*slow, (time.perf_counter() - started, request)], key=lambda one: -one[0])[:3]
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        assert answer.status < 500, (request, body)
        if answer.status >= 400:
            error = json.loads(body)
            assert error["status"] == str(answer.status), request
            assert error["detail"], request
        if request.body and not is_long:
            now = documents(provider)
            assert answer.status < 400 or now == held, request
            held = now
    report = [f"{COUNT:,} requests, seed {SEED}, by status {dict(sorted(statuses.items()))}; the slowest:"]
    report += [f"{s * 1_000:.0f} ms  {r.method} {r.path[:150]} {(r.body or b'')[:150]!r}" for s, r in slow]
    sys.stdout.write("\n  ".join(report) + "\n")
    assert statuses[200] > COUNT / 4
    assert not is_long or slow[0][0] < 1, report
