"""How many users and groups a provider may have: counted, refused, reported (L15)."""

import dataclasses

import pytest
from django.core import mail
from prometheus_client.parser import text_string_to_metric_families

from providers import request_log
from providers.housekeeping import run_job
from providers.models import Provider, RequestLog, Resource
from providers.notices import send_notices, write_notices
from providers.quota import count_resources, usages
from providers.request_log import QUOTA_USED
from tests.factories import make_group, make_user
from tests.pages import read


@pytest.fixture
def limits(settings):
    """Ten users and three groups are allowed."""
    settings.OPTIONS = dataclasses.replace(
        settings.OPTIONS, provider_users=10, provider_groups=3, email_url="smtp://mail.example.com"
    )


@pytest.fixture
def full(provider, limits):
    """A provider with ten users, one of them deleted."""
    users = [make_user(provider) for _ in range(10)]
    Resource.objects.filter(pk=users[0].pk).update(deleted_at=users[0].created)
    run_job(count_resources)
    provider.refresh_from_db()
    return provider


def test_l15_users_and_groups_are_counted_with_the_recycle_bin(full, stranger, django_assert_num_queries):
    make_group(stranger, members=[make_user(stranger)])
    with django_assert_num_queries(1):
        assert count_resources() == "counted"
    counts = {one.title: [used.count for used in usages(one)] for one in Provider.objects.all()}
    assert counts == {full.title: [10, 0], stranger.title: [1, 1]}
    Resource.objects.of(stranger).filter(resource_type="User").update(provider=full)
    count_resources()
    stranger.refresh_from_db()
    assert (stranger.user_count, stranger.group_count) == (0, 1)


def test_l15_a_full_provider_creates_nobody_and_everything_else_continues(full, stranger, scim):
    client = scim(full)
    held = client.get("/Users").json()["Resources"][0]
    refused = client.post("/Users", {"userName": "one-too-many", "title": "Nurse"})
    assert refused.status_code == 400 and "limit of 10 users" in refused.json()["detail"]
    bulk = {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "one-too-many"}}
    (answer,) = client.post("/Bulk", {"Operations": [bulk]}).json()["Operations"]
    assert answer["status"] == "400" and "limit of 10 users" in answer["response"]["detail"]
    assert Resource.objects.of(full).count() == 10
    assert client.put(f"/Users/{held['id']}", {"userName": held["userName"], "title": "x"}).status_code == 200
    assert client.patch(f"/Users/{held['id']}", {"op": "replace", "path": "title", "value": "y"}).status_code == 200
    assert client.post("/Groups", {"displayName": "g"}).status_code == 201
    assert scim(stranger).post("/Users", {"userName": "a"}).status_code == 201
    assert client.delete(f"/Users/{held['id']}").status_code == 204
    request_log.writer.flush()
    row = RequestLog.objects.get(method="POST", path="/scim/Users", status=400)
    assert (row.reason, row.outcome, row.subject) == ("provider-full", "rejected", "one-too-many")


def test_l15_the_limit_costs_a_request_no_query(full, scim, settings, django_assert_num_queries):
    client = scim(full)
    with django_assert_num_queries(1):  # the caller
        assert client.post("/Users", {"userName": "a"}).status_code == 400
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, provider_users=0)
    with django_assert_num_queries(4):  # the caller, and the INSERT, here between SAVEPOINT and RELEASE
        assert client.post("/Users", {"userName": "a"}).status_code == 201


def test_l15_a_full_provider_is_reported_on_its_page_by_mail_and_in_the_metrics(full, scim, support, client):
    Provider.objects.filter(pk=full.pk).update(notification_email="idm@contoso.com")
    scim(full).get("/Users")
    request_log.writer.flush()
    page = read(support.get(f"/eum/providers/{full.pk}/")).text
    assert "It has 10 users, those in the recycle bin included; 10 are allowed." in page
    for _run in range(2):
        run_job(write_notices)
        run_job(send_notices)
    assert [message.subject for message in mail.outbox] == [f"{full.title} is full: no further users are created"]
    assert "10 users" in mail.outbox[0].body and f"/eum/providers/{full.pk}/" in mail.outbox[0].body
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    own = {(s.name, s.labels["type"]): s.value for family in families for s in family.samples if "type" in s.labels}
    assert own["iprova_provider_resources", "User"] == own["iprova_provider_resources_limit", "User"] == 10
    assert own["iprova_provider_resources", "Group"] == 0 and own["iprova_provider_resources_limit", "Group"] == 3


@pytest.mark.parametrize(("count", "is_reported"), [(8, False), (9, True)])
def test_l15_a_provider_is_reported_from_90_percent_on(provider, limits, count, is_reported):
    Provider.objects.filter(pk=provider.pk).update(user_count=count, notification_email="idm@contoso.com")
    write_notices()
    send_notices()
    assert [message.subject.endswith("nearly as many users as it may have") for message in mail.outbox] == (
        [True] if is_reported else []
    )


def test_l15_bodies_of_rejected_requests_are_kept_up_to_a_limit_for_each_provider_and_day(
    provider, stranger, scim, settings
):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, rejected_bodies_mib=1, workers=4)  # 256 KiB a worker
    client = scim(provider)
    for _ in range(7):
        assert client.post("/Users", {"title": "x" * 60_000}).status_code == 400
    assert client.post("/Users", {"userName": "a", "title": "y" * 60_000}).status_code == 201
    assert scim(stranger).post("/Users", {"title": "x" * 60_000}).status_code == 400
    request_log.writer.flush()
    rejected = RequestLog.objects.of(provider).filter(status=400).order_by("id")
    assert [row.request_body == QUOTA_USED for row in rejected] == [False] * 4 + [True] * 3
    assert rejected.last().response_body == "" and rejected.last().reason == "required-attribute"
    assert len(RequestLog.objects.of(provider).get(status=201).request_body) > 60_000
    assert len(RequestLog.objects.of(stranger).get(status=400).request_body) > 60_000
