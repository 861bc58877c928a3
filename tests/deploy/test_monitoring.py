"""The alarms for Prometheus and the dashboard for Grafana name only what `/metrics` has. The runbook has each alarm."""

import json
import re

import pytest
import yaml
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from iprova_idm.options import PROJECT_DIR
from providers.models import JobRun
from tests.factories import make_calls, make_user

DEPLOY = PROJECT_DIR / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
EXPRESSIONS = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
OF_PROMETHEUS = {"up"}


@pytest.fixture
def labels(provider, client):
    """The values of each label of each metric in a response of `/metrics`."""
    make_user(provider)
    make_calls(provider, count=3)
    JobRun.objects.create(job="send_notices", ran_at=timezone.now(), took_ms=1, has_failed=False, result="")
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            for label, value in ({"": ""} | sample.labels).items():
                found.setdefault(sample.name, {}).setdefault(label, set()).add(value)
    return found


def metrics_of(expression):
    """Each metric of an expression with what is in its braces."""
    found = re.findall(r"\b(up|iprova_\w+)\b(?:\{([^}]*)\})?", re.sub(r'"iprova-idm"', '""', expression))
    return [(name, re.findall(r'(\w+)=~?"([^"]*)"', braces)) for name, braces in found]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_every_label_exists(labels, expression):
    assert metrics_of(expression)
    for name, conditions in metrics_of(expression):
        if name not in OF_PROMETHEUS:
            assert name in labels
            for label, value in conditions:
                if not value.startswith("$"):
                    assert set(value.split("|")) <= labels[name][label]
    for label in re.findall(r"\bby \(([^)]*)\)", expression):
        names = [name for name, _ in metrics_of(expression)]
        assert set(re.split(", *", label)) <= labels[names[0]].keys()


def test_there_are_ten_alarms_and_each_has_its_paragraph_in_the_runbook():
    runbook = (PROJECT_DIR / "docs" / "operations.md").read_text().partition("\n## Runbook\n")[2]
    paragraphs = dict(re.findall(r"^### (\w+)\n\n((?:.+\n)+)", runbook.partition("\n## ")[0], re.MULTILINE))
    assert list(paragraphs) == [rule["alert"] for rule in RULES] and len(RULES) == 10
    for rule in RULES:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"]
        assert len(paragraphs[rule["alert"]]) > 100


def test_every_metric_is_on_the_dashboard_or_in_an_alarm(labels):
    used = {name for expression in EXPRESSIONS for name, _ in metrics_of(expression)}
    assert labels.keys() <= used
