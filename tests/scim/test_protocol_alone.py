import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_protocol_tests_pass_with_django_unimportable():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.no_django", "-p", "no:django", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, "--rootdir", ".", "--noconftest", "-p", "no:cacheprovider", "tests/scim/protocol"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
