"""`/metrics` shows how the providers and the housekeeping jobs are doing, in Prometheus' text format.

The figures come from the database, so each machine returns the same ones and a restart loses none. A request needs
the bearer token `METRICS_TOKEN`. If that is not set, it must come from this machine without a proxy (AC-HEA-5).
"""

import hmac
import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily
from prometheus_client.registry import Collector

from providers.client_address import FORWARDED_FOR, client_address, is_behind_proxy
from providers.health import Health, State, health_of
from providers.models import JobRun, Notice, Provider
from providers.outcomes import Outcome
from providers.quota import usages


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics, or 401. The number of queries does not depend on the number of providers."""
    if not _is_allowed(request):
        return HttpResponse(
            "401: a bearer token is needed, see METRICS_TOKEN.\n", status=401, content_type="text/plain"
        )
    registry = CollectorRegistry()
    registry.register(_Database())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_allowed(request: HttpRequest) -> bool:
    token: str = settings.OPTIONS.metrics_token
    if token:
        scheme, _space, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), token.encode())
    # Behind a proxy on this machine that TRUSTED_PROXIES does not name, every request seems to come from here.
    if FORWARDED_FOR in request.META and not is_behind_proxy(request):
        return False
    address = client_address(request)
    return address is not None and ipaddress.ip_address(address).is_loopback


class _Database(Collector):
    """Collects the metrics from the database when Prometheus asks for them."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        providers = list(Provider.objects.live().order_by("pk"))
        found = health_of(providers, timezone.now())
        yield from _of_providers([(provider, found[provider.pk]) for provider in providers])
        last = GaugeMetricFamily("iprova_job_last_run_timestamp_seconds", "When a job last ran", labels=["job"])
        failed = GaugeMetricFamily("iprova_job_failed", "1: the last run of a job failed", labels=["job"])
        for run in JobRun.objects.order_by("job"):
            last.add_metric([run.job], run.ran_at.timestamp())
            failed.add_metric([run.job], run.has_failed)
        waiting = Notice.objects.filter(sent_at=None).count()
        yield from (last, failed, GaugeMetricFamily("iprova_notices_waiting", "Mails not sent yet", value=waiting))


def _of_providers(known: list[tuple[Provider, Health]]) -> Iterator[GaugeMetricFamily]:
    """Yield the metrics of each provider. Label `provider` is the id, which stays the same when the title changes."""
    labels = ["provider", "title"]
    state = GaugeMetricFamily(
        "iprova_provider_state", "1 for the state that a provider is in", labels=[*labels, "state"]
    )
    contact = GaugeMetricFamily("iprova_provider_last_contact_timestamp_seconds", "When it last got in", labels=labels)
    requests = GaugeMetricFamily("iprova_provider_requests_24h", "Its requests of 24 hours", labels=labels)
    errors = GaugeMetricFamily("iprova_provider_errors_24h", "Those of them that were not done", labels=labels)
    outcomes = GaugeMetricFamily(
        "iprova_provider_outcomes_24h", "How its requests of 24 hours ended", labels=[*labels, "outcome"]
    )
    held = GaugeMetricFamily("iprova_provider_held_people", "Users whose removal is held back", labels=labels)
    used = GaugeMetricFamily(
        "iprova_provider_resources",
        "Its users and groups with the recycle bin",
        labels=[*labels, "type"],
    )
    limits = GaugeMetricFamily("iprova_provider_resources_limit", "How many it may have", labels=[*labels, "type"])
    for provider, health in known:
        own = [str(provider.pk), provider.title]
        for each in State:
            state.add_metric([*own, each.value], each is health.state)
        if health.accepted_at:
            contact.add_metric(own, health.accepted_at.timestamp())
        requests.add_metric(own, health.requests)
        errors.add_metric(own, health.problems)
        for outcome in Outcome:
            outcomes.add_metric([*own, outcome.value], health.outcomes.get(outcome, 0))
        held.add_metric(own, health.waiting)
        for usage in usages(provider):
            used.add_metric([*own, usage.resource_type], usage.count)
            if usage.limit:
                limits.add_metric([*own, usage.resource_type], usage.limit)
    yield from (state, contact, requests, errors, outcomes, held, used, limits)
