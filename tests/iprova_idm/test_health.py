"""`/healthz`: whether this process and its database respond (AC-HEA-5)."""

from django.db import OperationalError


def test_ac_hea_5_healthz_names_nobody(provider, client):
    answer = client.get("/healthz", REMOTE_ADDR="203.0.113.9")
    assert answer.json() == {"status": "ok"}


def test_ac_hea_5_healthz_says_degraded_without_a_database_and_no_more(client, monkeypatch):
    def refuse(*_arguments):
        raise OperationalError("connection to server at db.internal failed")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", refuse)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "degraded"})
