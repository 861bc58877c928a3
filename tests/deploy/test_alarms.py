"""Prometheus fires each alarm of `deploy/prometheus-rules.yml` when it should, and not before: promtool plays the time.

The samples are what `/metrics` returns, written as promtool's series: `0x10 1x30` is ten minutes of 0, then 1.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from iprova_idm.options import PROJECT_DIR
from tests.deploy.test_monitoring import RULES

PROMTOOL = shutil.which("promtool", path=os.environ.get("PATH"))
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
PROVIDER = 'provider="7", title="Contoso"'


@dataclass(frozen=True)
class Case:
    """A metric each minute, the last minute in which its alarm is silent, and the first in which it fires."""

    alarm: str
    series: dict[str, str]
    silent: int
    fires: int
    summary: str


def state(name: str) -> dict[str, str]:
    return {f'iprova_provider_state{{{PROVIDER}, state="{name}"}}': "0x10 1x60"}


def outcome(name: str, values: str) -> dict[str, str]:
    return {f'iprova_provider_outcomes_24h{{{PROVIDER}, outcome="{name}"}}': values}


CASES = [
    Case(
        "IprovaDown",
        {'up{job="iprova-idm", instance="idm.example.com"}': "1x10 0x60"},
        12,
        14,
        "iprova-idm at idm.example.com gives no metrics",
    ),
    Case("IprovaProviderOnHold", state("held"), 15, 17, "Contoso: removals are held back"),
    Case("IprovaProviderRefused", state("refused"), 20, 22, "Contoso: its calls are refused"),
    Case("IprovaProviderFailing", state("failing"), 25, 27, "Contoso: most requests fail"),
    Case("IprovaProviderSilent", state("silent"), 40, 42, "Contoso: no request arrives"),
    Case("IprovaOurErrors", outcome("error", "3x40 3+2x20"), 41, 48, "Contoso: requests fail on our side"),
    Case(
        "IprovaProviderThrottled",
        outcome("throttled", "0x40 0+20x20"),
        43,
        50,
        "Contoso: it sends faster than its limit",
    ),
    Case(
        "IprovaProviderNearlyFull",
        {
            f'iprova_provider_resources{{{PROVIDER}, type="user"}}': "80x10 95x60",
            f'iprova_provider_resources_limit{{{PROVIDER}, type="user"}}': "100x70",
        },
        20,
        22,
        "Contoso: nearly as many users as it may have",
    ),
    Case(
        "IprovaJobFailed", {'iprova_job_failed{job="send_notices"}': "0x10 1x60"}, 25, 27, "The job send_notices failed"
    ),
    Case(
        "IprovaJobsStopped",
        {'iprova_job_last_run_timestamp_seconds{job="send_notices"}': "0x70"},
        35,
        37,
        "No job ran for half an hour",
    ),
]


def check(folder: Path, case: Case, minute: int, *, fires: bool) -> str:
    """Let promtool play a case up to a minute. Return what it found wrong, or an empty text."""
    [rule] = [rule for rule in RULES if rule["alert"] == case.alarm]
    alarms = [{"exp_labels": labels_of(case, rule), "exp_annotations": rule["annotations"] | {"summary": case.summary}}]
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": case.alarm, "exp_alerts": alarms if fires else []}
        ],
    }
    rules = [str(PROJECT_DIR / "deploy" / "prometheus-rules.yml")]
    (folder / "test.yml").write_text(
        yaml.safe_dump({"rule_files": rules, "evaluation_interval": "1m", "tests": [test]})
    )
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "test", "rules", folder / "test.yml"], capture_output=True, text=True, check=False, timeout=60
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def labels_of(case: Case, rule: dict[str, dict[str, str]]) -> dict[str, str]:
    """The labels of an alarm: those of its series, which `max` and the metric's name take away, and its severity."""
    if case.alarm == "IprovaJobsStopped":
        return dict(rule["labels"])
    braces = next(iter(case.series)).partition("{")[2].rstrip("}")
    return dict(pair.replace('"', "").split("=") for pair in braces.split(", ")) | rule["labels"]


def test_each_alarm_has_its_case() -> None:
    assert [case.alarm for case in CASES] == [rule["alert"] for rule in RULES]


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alarm)
def test_an_alarm_fires_when_it_should_and_not_before(case: Case, tmp_path: Path) -> None:
    assert check(tmp_path, case, case.silent, fires=False) == ""
    assert check(tmp_path, case, case.fires, fires=True) == ""


@needs_promtool
def test_promtool_finds_an_alarm_that_does_not_fire(tmp_path: Path) -> None:
    assert "exp:" in check(tmp_path, CASES[0], CASES[0].silent, fires=True)


@needs_promtool
def test_promtool_reads_the_rules() -> None:
    assert PROMTOOL is not None
    subprocess.run([PROMTOOL, "check", "rules", PROJECT_DIR / "deploy" / "prometheus-rules.yml"], check=True)
