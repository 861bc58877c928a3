"""The generated requests: a seed makes the same ones, and a request that shows a fault is made smaller."""

import json
from random import Random

import pytest

from fuzz.clients import as_json, from_json, smallest
from fuzz.requests import KINDS, MAX_TARGET, Cast, Kind
from fuzz.wire import Request

ONE, OTHER = "0197a3a4-0000-7000-8000-000000000001", "0197a3a4-0000-7000-8000-000000000002"
TOKEN = "ipr_" + "x" * 40


def cast() -> Cast:
    return Cast(TOKEN, [ONE], [OTHER])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_seed_makes_the_same_requests(kind: Kind):
    one, other = (
        [kind.make(random, people) for _ in range(20)] for random, people in ((Random(1), cast()), (Random(1), cast()))
    )
    assert one == other
    for request in one:
        assert request.as_bytes()
        assert not kind.is_logged or len(request.target) <= MAX_TARGET


def test_a_request_is_as_small_as_it_shows_the_fault():
    body = {"schemas": ["a"], "Operations": [{"op": "add", "path": "x"}, {"op": "remove", "path": "bad"}]}
    headers = (("Authorization", f"Bearer {TOKEN}"), ("If-Match", "*"))
    request = Request("PATCH", f"/scim/Users/{ONE}?a=b&c=d", headers, json.dumps(body).encode())
    found = smallest(request, lambda smaller: b'"bad"' in (smaller.body or b""))
    assert found.target == f"/scim/Users/{ONE}" and found.headers == headers[:1]
    assert json.loads(found.body or b"") == {"Operations": [{"path": "bad"}]}


def test_a_file_holds_no_token_and_can_be_sent_with_another():
    request = Request("PUT", f"/scim/Users/{ONE}", (("Authorization", f"Bearer {TOKEN}"),), b"\xff")
    step = json.loads(json.dumps(as_json(request)))
    assert TOKEN not in str(step)
    again = from_json(step, "ipr_other", {ONE: OTHER})
    assert again == Request("PUT", f"/scim/Users/{OTHER}", (("Authorization", "Bearer ipr_other"),), b"\xff")


def test_what_a_request_creates_joins_the_cast():
    people = cast()
    people.learn(f'{{"location":"http://x/scim/Users/{OTHER}"}} http://x/scim/Groups/{OTHER}'.encode())
    assert people.users == [ONE, OTHER] and people.groups == [OTHER]
