"""The process log holds no token, no e-mail address and nothing that a stranger can make long (M3, L8)."""

import logging
import sys
import time

import pytest
from django.test import Client

from iprova_idm.process_log import Formatter, Suspicious

TOKEN = "ipr_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


def written(message: str, error: BaseException | None = None, name: str = "any") -> str:
    info = (type(error), error, error.__traceback__) if error else None
    return Formatter("%(message)s").format(logging.LogRecord(name, logging.ERROR, "", 1, message, (), info))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Bearer {TOKEN}", "Bearer •••"),
        (f"/scim/{TOKEN}/Users", "/scim/ipr_•••/Users"),
        ("someone@clinic.example failed", "••• failed"),
        ('userName eq "someone@clinic.example"', 'userName eq "•••"'),
        ("?q=some.one%40clinic.example&page=2", "?q=•••&page=2"),
        ("(emails)=(someone@clinic.example) exists", "(emails)=(•••) exists"),
        ("Listening at: http://127.0.0.1:8000 (12)", "Listening at: http://127.0.0.1:8000 (12)"),
    ],
)
def test_m3_process_log_hides_tokens_and_addresses(text, shown):
    assert written(text) == shown


def test_m3_process_log_hides_them_in_tracebacks_too():
    try:
        raise ValueError(f"Key (user_name)=(someone@clinic.example) and {TOKEN}")
    except ValueError as error:
        text = written("failed", error)
    assert "ValueError" in text and "clinic" not in text and TOKEN[4:] not in text


@pytest.mark.parametrize("text", ["a" * 200_000, "@" * 200_000, "a@" * 100_000, "ipr_" * 50_000, "ipr_a" * 40_000])
def test_m3_process_log_takes_as_long_as_the_text(text):
    started = time.perf_counter()
    written(text)
    assert time.perf_counter() - started < 1


def test_l8_a_forged_host_is_one_short_line(caplog):
    handler = logging.StreamHandler(sys.stderr)
    suspicious = Suspicious()
    answer = Client().get("/login/", headers={"Host": "evil.example"}, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 400
    [record] = [entry for entry in caplog.records if entry.name.startswith("django.security")]
    handler.addFilter(suspicious)
    assert handler.filter(record)
    assert Formatter("%(levelname)s %(name)s: %(message)s").format(record) == (
        "ERROR django.security.DisallowedHost: a suspicious request from 203.0.113.9"
    )
