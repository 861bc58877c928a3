"""The systemd units: both run in the same sandbox and within a limit of memory (L12)."""

import re
import shutil
import subprocess

import pytest

from iprova_idm.options import PROJECT_DIR

UNITS = ("iprova-idm.service", "iprova-idm-housekeeping.service")
SANDBOX = {
    "CapabilityBoundingSet": "",
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "ProtectSystem": "strict",
    "SystemCallFilter": "@system-service",
}


def lines(unit: str) -> list[str]:
    return (PROJECT_DIR / "deploy" / unit).read_text().splitlines()


def settings(unit: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines(unit) if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("unit", UNITS)
def test_l12_a_unit_is_in_a_sandbox_and_limited_in_memory(unit: str) -> None:
    found = settings(unit)
    assert {name: found.get(name) for name in SANDBOX} == SANDBOX
    assert re.fullmatch(r"\d+M", found["MemoryMax"])


def test_l12_both_units_have_the_same_sandbox() -> None:
    one, other = (lines(unit) for unit in UNITS)
    start, end = one.index("CapabilityBoundingSet="), one.index("UMask=0077")
    assert one[start : end + 1] == other[other.index("CapabilityBoundingSet=") :]


@pytest.mark.parametrize("unit", [*UNITS, "iprova-idm-housekeeping.timer"])
def test_l12_no_word_stands_twice(unit: str) -> None:
    assert not re.findall(r"(?<![^\s=])(\S{3,})[, ]+\1(?!\S)", "\n".join(lines(unit)))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS)
def test_l12_systemd_knows_every_setting_of_a_unit(unit: str) -> None:
    path = PROJECT_DIR / "deploy" / unit
    said = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False).stderr
    assert [line for line in said.splitlines() if unit in line and "is not executable" not in line] == []
