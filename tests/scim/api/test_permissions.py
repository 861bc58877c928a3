"""IP restriction and pause, between a good token and the rest."""

import pytest
from django.test import Client
from django.utils import timezone

from providers import request_log
from providers.models import IpMode, RequestLog
from tests.conftest import ScimClient
from tests.factories import issue, make_provider


def test_v28_a_paused_provider_is_503_and_a_deleted_one_401(provider, scim):
    client = scim(provider)
    type(provider).objects.filter(pk=provider.pk).update(paused_at=timezone.now())
    answer = client.get("/Users")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    type(provider).objects.filter(pk=provider.pk).update(deleted_at=timezone.now())
    assert client.get("/Users").status_code == 401


ADDRESSES = [
    ("203.0.113.9", ["203.0.113.0/24"], 200),
    ("203.0.114.9", ["203.0.113.0/24"], 403),
    ("::ffff:203.0.113.9", ["203.0.113.0/24"], 200),
    ("2001:db8::1", ["2001:db8::/32", "203.0.113.0/24"], 200),
    ("2001:db9::1", ["2001:db8::/32"], 403),
]


@pytest.mark.parametrize(("address", "ranges", "status"), ADDRESSES)
def test_v29_enforced_ranges(db, address, ranges, status):
    _, value = issue(make_provider(ip_mode="enforce", ranges=tuple(ranges)))
    answer = Client().get("/scim/Users", headers={"Authorization": f"Bearer {value}"}, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert address not in answer.content.decode()


def test_v29_an_empty_enforced_list_refuses_everybody(provider):
    _, value = issue(provider)
    type(provider).objects.filter(pk=provider.pk).update(ip_mode=IpMode.ENFORCE)
    assert ScimClient(value).get("/Users").status_code == 403


def test_v29_a_bad_token_is_401_from_anywhere(db):
    make_provider(ip_mode="enforce", ranges=("203.0.113.0/24",))
    assert ScimClient("ipr_x").get("/Users").status_code == 401


def test_ac_ip_6_observed_calls_succeed_and_are_marked(db):
    provider = make_provider(ip_mode="observe", ranges=("203.0.113.0/24",))
    assert ScimClient(issue(provider)[1]).get("/Users").status_code == 200
    request_log.writer.flush()
    assert RequestLog.objects.get(provider_id=provider.pk).is_uncovered is True
