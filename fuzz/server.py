"""The server that is fuzzed: the product as `make run` starts it, with a database and a data folder of its own."""

import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fuzz.requests import Cast
from fuzz.wire import Request, Wire
from iprova_idm.embedded import database_folder
from iprova_idm.serve import Server, serving

# Limits on the rate of requests would only measure how fast this program is, so they are off.
SETTINGS = {"PROVIDER_RATE": "0", "LOG_LEVEL": "ERROR", "WORKERS": "2"}
USERS, GROUPS = 500, 15  # of a provider at the beginning


@contextmanager
def fuzzed_server(log: Path) -> Iterator[Server]:
    """Serve on a free port, with empty data that is removed at the end. Inside the block, Django's models can be used.

    What the server writes on standard error goes to `log`. DATABASE_URL is ignored: nothing but the embedded database
    may be treated like this.
    """
    before = dict(os.environ)
    folder = Path(tempfile.mkdtemp(prefix="iprova-fuzz-"))
    folder.chmod(0o755)  # the OS user that runs the database for root must be able to enter
    os.environ.pop("DATABASE_URL", None)
    own = {"DATA_DIR": str(folder), "PORT": str(_free_port()), "ADMIN_PASSWORD": secrets.token_urlsafe(12)}
    os.environ.update(SETTINGS | own | {"HOST": "127.0.0.1", "MODE": "local", "PUBLIC_URL": ""})
    try:
        with _standard_error_in(log), serving() as server:
            import django

            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
            django.setup()
            yield server
    finally:
        shutil.rmtree(database_folder(os.environ), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _standard_error_in(path: Path) -> Iterator[None]:
    """Inside the block, standard error of this process and of those that it starts is a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_provider(title: str) -> tuple[Any, str]:
    """A provider with a token."""
    from providers.administration import add_provider
    from providers.events import SYSTEM
    from providers.tokens import issue_token

    provider = add_provider(title, SYSTEM)
    return provider, issue_token(provider, SYSTEM)[1]


def make_cast(port: int, token: str, users: int, groups: int = GROUPS) -> tuple[Cast, int]:
    """Users and groups of a provider, made by the endpoint itself. Returns also how many requests that took."""
    cast = Cast(token, [], [])
    wire = Wire(port)
    operations = [_operation("Users", n, {"userName": f"user{n}@fuzz.example", "title": "Nurse"}) for n in range(users)]
    requests = 0
    for start in range(0, users, 250):
        requests += 1
        cast.learn(_bulk(wire, token, operations[start : start + 250]))
    everybody = cast.users
    made = []
    for number in range(groups):
        members = [{"value": one} for one in everybody[number::groups]]
        made.append(_operation("Groups", number, {"displayName": f"Group {number}", "members": members}))
    cast.learn(_bulk(wire, token, made))
    wire.close()
    cast.users = everybody[:: max(users // 40, 1)]
    return cast, requests + 1


def _operation(path: str, number: int, data: dict[str, Any]) -> dict[str, Any]:
    return {"method": "POST", "path": f"/{path}", "bulkId": f"{path}{number}", "data": data}


def _bulk(wire: Wire, token: str, operations: list[dict[str, Any]]) -> bytes:

    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/scim+json"))
    response = wire.send(Request("POST", "/scim/Bulk", headers, json.dumps(body).encode()))
    assert response.status == 200, response.body[:500]
    return response.body


def memory_of_workers(server: Server) -> dict[int, int]:
    """The resident size of each worker in bytes, by process id. Empty where there is no /proc."""
    found = {}
    parent = server.gunicorn.pid
    try:
        workers = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return {}
    for worker in workers:
        with suppress(OSError, IndexError):  # it may have ended
            pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
            found[int(worker)] = pages * os.sysconf("SC_PAGE_SIZE")
    return found
