"""Whatever is raised is answered as a SCIM error."""

import uuid


def test_v48_unexpected_exceptions_tell_nothing(client, monkeypatch, caplog):
    from scim.store import verbs

    def explode(*args, **kwargs):
        raise RuntimeError("".join(["sec", "ret jane@x SELECT"]))

    monkeypatch.setattr(verbs, "create", explode)
    answer = client.post("/Users", {"userName": "x"})
    assert answer.status_code == 500
    assert answer.json().keys() == {"schemas", "status", "detail"}
    assert answer["X-Request-Id"] in answer.json()["detail"]
    assert "secret" not in answer.content.decode() + caplog.text
    assert "RuntimeError" in caplog.text


def test_a_database_that_is_away_is_503(client, monkeypatch):
    from django.db import OperationalError

    from scim.store import verbs

    def away(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(verbs, "read", away)
    answer = client.get(f"/Users/{uuid.uuid4()}")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
