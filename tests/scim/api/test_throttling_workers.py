"""The rate limits of a real gunicorn with four workers (threat V30)."""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest
from django.db import connection

from providers.tokens import make_value
from tests.conftest import COMMITTED, PROJECT, _wait_for, database_url, free_port
from tests.factories import issue, make_provider

SECONDS = 6


@pytest.fixture(scope="module")
def four_workers(django_db_setup):
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url(connection.creation.get_test_db_clone_settings(COMMITTED)),
        "PORT": str(port),
        "WORKERS": "4",
        "SECRET_KEY": "test " * 12,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "iprova_idm.wsgi:application"]
    process = subprocess.Popen(command, env=environment, cwd=PROJECT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(40)


def ask(server, token):
    """Status and seconds of a request on a connection of its own."""
    caller = http.client.HTTPConnection(urlsplit(server).netloc, timeout=30)
    started = time.perf_counter()
    caller.request("GET", "/scim/Schemas/x", headers={"Authorization": f"Bearer {token}"})
    response = caller.getresponse()
    response.read()
    caller.close()
    return response.status, time.perf_counter() - started


def flood(server, token, *, at_once=8):
    """Send as many requests as the server answers. Return the threads, and the statuses that they fill in."""
    found = Counter()
    end = time.perf_counter() + SECONDS

    def send():
        while time.perf_counter() < end:
            found[ask(server, token)[0]] += 1

    threads = [threading.Thread(target=send) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    return threads, found


def steadily(server, token, *, rate):
    """Send `rate` requests a second. Return their statuses and the slowest one."""
    found, slowest, started = Counter(), 0.0, time.perf_counter()
    for number in range(int(rate * (SECONDS - 1))):
        time.sleep(max(0.0, started + number / rate - time.perf_counter()))
        status, seconds = ask(server, token)
        found[status] += 1
        slowest = max(slowest, seconds)
    return found, slowest


def test_v30_four_workers_admit_the_rate_and_others_are_not_slowed(four_workers, committed):
    noisy, quiet = (issue(make_provider())[1] for _ in range(2))
    started = time.perf_counter()
    threads, found = flood(four_workers, noisy)
    others, slowest = steadily(four_workers, quiet, rate=25)
    for thread in threads:
        thread.join()
    allowed = 200 + 50 * (time.perf_counter() - started)
    assert found[429] and set(found) == {404, 429}
    assert 0.8 * allowed <= found[404] <= 1.2 * allowed
    assert set(others) == {404}
    assert slowest < 1


def test_v30_four_workers_never_limit_a_good_token_for_unknown_ones(four_workers, committed):
    good = issue(make_provider())[1]
    started = time.perf_counter()
    threads, found = flood(four_workers, make_value())
    others, _ = steadily(four_workers, good, rate=25)
    for thread in threads:
        thread.join()
    allowed = 50 + 5 * (time.perf_counter() - started)
    assert set(found) == {401, 429}
    assert 0.8 * allowed <= found[401] <= 1.2 * allowed
    assert set(others) == {404}
