"""`/metrics`: to this machine or with its token (AC-HEA-5)."""

import dataclasses
from ipaddress import ip_network

import pytest
from prometheus_client.parser import text_string_to_metric_families

from providers.models import JobRun, Provider
from tests.factories import make_calls, make_provider

ELSEWHERE = (ip_network("10.0.0.0/8"),)


@pytest.fixture
def options(settings):
    def change(**values):
        settings.OPTIONS = dataclasses.replace(settings.OPTIONS, **values)

    return change


def samples(answer):
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_ac_hea_5_metrics_tell_how_each_provider_and_job_is_doing(provider, client):
    make_calls(provider, count=3)
    make_calls(provider, 409, "POST", scim_type="uniqueness", reason="name-taken")
    JobRun.objects.create(job="forget_bodies", ran_at=provider.created_at, took_ms=1, has_failed=True, result="")
    found = samples(client.get("/metrics"))
    own = (str(provider.pk), "Contoso Entra ID")
    assert found["iprova_provider_requests_24h", *own] == 4 and found["iprova_provider_errors_24h", *own] == 1
    assert (
        found["iprova_provider_state", *own, "some_errors"] == 1 and found["iprova_provider_state", *own, "held"] == 0
    )
    assert found["iprova_job_failed", "forget_bodies"] == 1 and found["iprova_notices_waiting",] == 0


def test_a_title_cannot_add_a_metric(db, client):
    evil = 'x"} 1\niprova_job_failed{job="forged"} 1'
    Provider.objects.filter(pk=make_provider().pk).update(title=evil)
    assert not [key for key in samples(client.get("/metrics")) if "forged" in key]


@pytest.mark.parametrize(
    ("sent", "options_", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, {}, 200),
        ({"REMOTE_ADDR": "::1"}, {}, 200),
        ({"REMOTE_ADDR": "203.0.113.9"}, {}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, {}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, {"trusted_proxies": 1}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, {}, 401),
        # M5: the header of a peer that is not a proxy
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, {"trusted_proxies": 1}, 401),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, {"trusted_proxies": ELSEWHERE}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer s3cret"}, {"metrics_token": "s3cret"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer x"}, {"metrics_token": "s3cret"}, 401),
        ({"REMOTE_ADDR": "127.0.0.1"}, {"metrics_token": "s3cret"}, 401),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer "}, {}, 401),
    ],
)
def test_ac_hea_5_metrics_need_the_token_or_this_machine(db, client, options, sent, options_, status):
    options(**options_)
    assert client.get("/metrics", **sent).status_code == status


def test_metrics_ask_the_same_number_of_queries_of_one_provider_and_of_fifty(db, client, django_assert_num_queries):
    for count in (1, 49):
        for _ in range(count):
            make_provider()
        with django_assert_num_queries(6):
            client.get("/metrics")
